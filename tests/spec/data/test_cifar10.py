"""CIFAR-10's binary version: its planes become channels; the Python version is refused."""

from pathlib import Path

import numpy as np
import pytest

from spec import data
from spec.data import cifar10 as loader
from spec.errors import SpecError
from tests.spec.data.files import COLOURED, LABELS, cifar10, records, write_cifar10


def test_images_and_their_classes(tmp_path: Path) -> None:
    workload = cifar10(**{"data.parts": {"label": {"kind": "class"}, "grey": {"kind": "grey"}}})
    arrays = data.load(workload, write_cifar10(tmp_path))
    assert {name: a.shape for name, a in arrays.items()} == {
        "x": (10, 32, 32, 3),
        "x.label": (10,),
        "x.grey": (10, 32, 32, 1),
    }
    np.testing.assert_allclose(arrays["x"], COLOURED / 127.5 - 1.0, atol=1e-6)
    np.testing.assert_array_equal(arrays["x.label"], LABELS[:10])


def test_a_record_is_the_class_and_three_planes(tmp_path: Path) -> None:
    """By hand: red everywhere, green in the first row, blue in the first column."""
    red, green, blue = np.full((32, 32), 255), np.zeros((32, 32)), np.zeros((32, 32))
    green[0], blue[:, 0] = 255, 51
    plane = np.concatenate([red.ravel(), green.ravel(), blue.ravel()]).astype(np.uint8)
    write_cifar10(tmp_path, data_batch_1=b"\x07" + plane.tobytes())
    image = data.load(cifar10(), tmp_path)["x"][0]
    np.testing.assert_allclose(image[0, 0], [1.0, 1.0, -0.6], atol=1e-6)
    np.testing.assert_allclose(image[0, 1], [1.0, 1.0, -1.0], atol=1e-6)
    np.testing.assert_allclose(image[1, 0], [1.0, -1.0, -0.6], atol=1e-6)


BROKEN = {
    "an empty file": (b"", "it has 0 bytes; allowed: one record of 3,073 bytes or more"),
    "cut off": (records(COLOURED[:2], LABELS[:2])[:-1], "it has 6,145 bytes"),
    "more behind": (records(COLOURED[:2], LABELS[:2]) + b"\0", "it has 6,147 bytes"),
    "a label that is no class": (
        records(COLOURED[:2], np.array([1, 255], np.uint8)),
        "it has the label 255; allowed: whole numbers from 0 to 9",
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_broken_files_are_refused_in_one_line(name: str, tmp_path: Path) -> None:
    content, says = BROKEN[name]
    write_cifar10(tmp_path, data_batch_4=content)
    with pytest.raises(SpecError) as refused:
        data.load(cifar10(), tmp_path)
    assert str(refused.value).startswith(f"{tmp_path / 'data_batch_4.bin'}: {says}")
    assert "\n" not in str(refused.value)


def test_the_python_version_is_refused(tmp_path: Path) -> None:
    for number in range(1, 6):
        (tmp_path / f"data_batch_{number}").write_bytes(b"cos\nsystem\n(S'false'\ntR.")
    with pytest.raises(SpecError, match="Python version, whose files are pickles") as refused:
        data.load(cifar10(), tmp_path)
    assert "\n" not in str(refused.value)
    write_cifar10(tmp_path)
    assert len(data.load(cifar10(), tmp_path)["x"]) == 10, "the binary version lies beside it"


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    (write_cifar10(tmp_path) / "data_batch_5.bin").unlink()
    with pytest.raises(SpecError, match=r"there is no data_batch_5\.bin; CIFAR-10's binary ver"):
        data.load(cifar10(), tmp_path)


def test_the_array_s_size_is_known_before_a_record_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(1, 6):
        with (tmp_path / f"data_batch_{number}.bin").open("wb") as file:
            file.truncate(3073 * 80_000)  # nothing of it is on disk
    monkeypatch.setattr(loader, "_batch", lambda *_: pytest.fail("it would be read"))
    with pytest.raises(SpecError, match=r"400,000 samples of \[32, 32, 3\] take 4\.6 GiB as float"):
        data.load(cifar10(), tmp_path)
