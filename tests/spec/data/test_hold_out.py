"""Samples that are held out: never in training, always the same, and no pixel in common."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import spec
from spec import data
from spec.arrays import Photos
from spec.data import photos
from spec.errors import SpecError
from tests.spec.data.files import LABELS, cifar10, images, mnist, write_cifar10, write_mnist
from tests.spec.data.test_images import saved

HASHES = {
    "mlp_square": "32bf2871b2fe25dd83e9e146ebbf85d301bc5a3eba3f4dc08cd8cf146e2eed4f",
    "cyclegan_64": "624abfc6133e092213d4cd1c0799d7231863fd0cf007025e7cf4e7532a4cd747",
    "dcgan_32": "6421885d0395b02027e387191d1b372d2cd7d7d4d0084323c751c222fbc53f27",
}
"""Of the files as they were before `hold_out` was in the vocabulary."""


@pytest.mark.parametrize("name", HASHES)
def test_a_file_of_before_keeps_its_hash(name: str) -> None:
    assert spec.load(name).spec_hash == HASHES[name]
    place = "sources.china" if name == "cyclegan_64" else "data"
    assert spec.load(name, {f"{place}.hold_out": 0.2}).spec_hash != HASHES[name]


def rows(array: np.ndarray) -> set[bytes]:
    return {row.tobytes() for row in array}


def test_training_and_the_rest_are_all_digits() -> None:
    put = {"data.hold_out": 0.1, "data.parts": {"label": {"kind": "class"}}}
    whole = data.load(spec.load("mlp_square", {"data.parts": put["data.parts"]}))
    workload = spec.load("mlp_square", put)
    training, held = data.load(workload), data.held_out(workload)
    assert (len(training["x"]), len(held["x"])) == (1617, 180)
    assert set(training) == set(held) == {"x", "x.label"}
    assert rows(training["x"]) | rows(held["x"]) == rows(whole["x"])
    assert not rows(training["x"]) & rows(held["x"])
    shown = {row.tobytes(): label for row, label in zip(whole["x"], whole["x.label"], strict=True)}
    for arrays in (training, held):
        expected = [shown[row.tobytes()] for row in arrays["x"]]
        np.testing.assert_array_equal(arrays["x.label"], expected)
    order = [row.tobytes() for row in whole["x"]]
    for arrays in (training, held):  # as the file has them
        places = [order.index(row.tobytes()) for row in arrays["x"]]
        assert places == sorted(places)


def test_the_choice_is_the_same_for_every_gan_and_seed() -> None:
    one = data.held_out(spec.load("mlp_square", {"data.hold_out": 0.2}))["x"]
    other = data.held_out(spec.load("mlp_small", {"data.hold_out": 0.2}))["x"]
    np.testing.assert_array_equal(one, other)
    spread = data.held_out(spec.load("mlp_square", {"data.hold_out": 0.2, "name": "other"}))["x"]
    np.testing.assert_array_equal(one, spread)
    assert not np.array_equal(one, data.load(spec.load("mlp_square"))["x"][: len(one)])


def test_of_every_kind_in_a_folder(tmp_path: Path) -> None:
    write_mnist(tmp_path / "m")
    label = {"data.parts": {"label": {"kind": "class"}}}
    workload = mnist(**{"data.hold_out": 0.25, **label})
    training, held = data.load(workload, tmp_path / "m"), data.held_out(workload, tmp_path / "m")
    assert sorted([*training["x.label"], *held["x.label"]]) == sorted(LABELS)
    assert len(held["x.label"]) == 3
    workload = cifar10(**{"data.hold_out": 0.3})
    found = data.held_out(workload, write_cifar10(tmp_path / "c"))
    assert len(found["x"]) == 3
    (tmp_path / "i").mkdir()
    for number in range(5):
        picture = Image.new("RGB", (32, 32), (number, 0, 0))
        (tmp_path / "i" / f"{number}.png").write_bytes(saved(picture))
    workload = images(**{"data.hold_out": 0.4})
    assert len(data.held_out(workload, tmp_path / "i")["x"]) == 2
    assert len(data.load(workload, tmp_path / "i")["x"]) == 3


def test_without_it_nothing_is_held_out() -> None:
    assert data.held_out(spec.load("mlp_square")) == {}


def test_count_and_checksum_are_of_all_samples() -> None:
    workload = spec.load("mlp_square", {"data.hold_out": 0.1})
    assert (workload.arrays["x"].count, len(workload.arrays["x"].sha256 or "")) == (1797, 64)
    data.load(workload)
    with pytest.raises(SpecError, match=r"^data\.count: given 1617, but there are 1,797"):
        data.load(spec.load("mlp_square", {"data.hold_out": 0.1, "data.count": 1617}))
    photos_too = spec.load("dcgan_32", {"data.hold_out": 0.1})
    assert photos_too.arrays["x"].count == 1950
    data.load(photos_too)
    data.held_out(photos_too)


def test_no_patch_of_training_has_a_pixel_of_the_strip(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each pixel of a made-up photograph has a value of its own."""
    columns = np.broadcast_to(np.arange(640) / 640 * 255, (32, 640))
    picture = np.stack([columns] * 3, axis=-1)
    monkeypatch.setattr(photos, "images", lambda: {"china": picture, "flower": picture})
    for share, strip in ((0.1, 64), (0.0501, 32), (0.45, 288)):
        source: Any = Photos(
            kind="photos",
            shape=(32, 32, 3),
            patch_stride=1,
            range=(0.0, 1.0),
            sampling="shuffled_epochs",
            hold_out=share,
        )
        training, held = photos.divided(source)
        assert source.strip_px == strip
        assert round(float(training.max()) * 640) == 639 - strip
        assert round(float(held.min()) * 640) == 640 - strip
        assert round(float(held.max()) * 640) == 639
        assert training.shape[1:] == held.shape[1:] == (32, 32, 3)
        assert len(held) == 2 * (strip - 32 + 1)
        assert len(training) == 2 * (640 - strip - 32 + 1)


@pytest.mark.parametrize("share", [0.0, 0.5, 0.7, -0.1])
def test_shares_that_are_none(share: float) -> None:
    with pytest.raises(SpecError, match=r"data\.hold_out: given .*a number above 0 and below 0\.5"):
        spec.load("mlp_square", {"data.hold_out": share})


def test_shares_that_hold_no_sample(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match=r"^data\.hold_out: given 0\.01, which is none of 12 sampl"):
        data.load(mnist(**{"data.hold_out": 0.01}), write_mnist(tmp_path))
    with pytest.raises(SpecError, match=r"data\.hold_out: given 0\.04, a strip of 26 of 640 pixel"):
        spec.load("dcgan_32", {"data.hold_out": 0.04})


def test_batches_are_of_what_is_left() -> None:
    with pytest.raises(SpecError, match="given 1700, but digits has 1,617 samples"):
        data.load(spec.load("mlp_square", {"data.hold_out": 0.1, "schedule.batch_size": 1700}))
