"""MNIST's files: read as they are, and refused in one line where they are not what they promise."""

import gzip
import hashlib
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from spec import data
from spec.data import folders, idx
from spec.errors import SpecError
from tests.spec.data import files
from tests.spec.data.files import IMAGES, LABELS, mnist, write_mnist

LABEL = {"data.parts": {"label": {"kind": "class"}}}


@pytest.mark.parametrize("packed", [False, True])
def test_images_and_their_classes(packed: bool, tmp_path: Path) -> None:
    arrays = data.load(mnist(**LABEL), write_mnist(tmp_path, packed=packed))
    assert {name: (a.shape, a.dtype) for name, a in arrays.items()} == {
        "x": ((12, 28, 28, 1), np.float32),
        "x.label": ((12,), np.int32),
    }
    np.testing.assert_allclose(arrays["x"][..., 0], IMAGES / 127.5 - 1.0, atol=1e-6)
    np.testing.assert_array_equal(arrays["x.label"], LABELS)


def test_the_plain_file_is_read_where_both_are_there(tmp_path: Path) -> None:
    write_mnist(tmp_path, packed=True, images=b"nothing", labels=b"nothing")
    write_mnist(tmp_path)
    assert len(data.load(mnist(), tmp_path)["x"]) == 12


def test_images_are_resized(tmp_path: Path) -> None:
    put: dict[str, Any] = {"generator.layers[6].shape": [14, 56, 1], "data.shape": [14, 56, 1]}
    found = data.load(mnist(**put, **{"discriminator.input": [14, 56, 1]}), write_mnist(tmp_path))
    assert found["x"].shape == (12, 14, 56, 1)


def test_what_is_recorded_of_them(tmp_path: Path) -> None:
    """Of the files, which anybody can compute again, and of the array apart."""
    write_mnist(tmp_path)
    read = data.files_of(mnist(), tmp_path)
    names = ("train-images-idx3-ubyte", "train-labels-idx1-ubyte")
    lines = [f"{hashlib.sha256((tmp_path / n).read_bytes()).hexdigest()}  {n}\n" for n in names]
    assert read == {
        "x": {
            "files": 2,
            "bytes": 16 + 12 * 784 + 8 + 12,
            "files_sha256": hashlib.sha256("".join(lines).encode()).hexdigest(),
        }
    }
    arrays = data.load(mnist(), tmp_path)
    told = data.describe(arrays, read)
    assert told["x"] == read["x"] | {
        "count": 12,
        "shape": [28, 28, 1],
        "sha256": data.checksum(arrays["x"]),
    }
    write_mnist(tmp_path, labels=files.idx(LABELS[::-1]))
    assert data.files_of(mnist(), tmp_path) != read


def header(*shape: int) -> bytes:
    return bytes((0, 0, 8, len(shape))) + struct.pack(f">{len(shape)}I", *shape)


BROKEN = {
    "an empty file": ({"images": b""}, "train-images-idx3-ubyte: it ends within its header"),
    "half a header": ({"images": files.idx(IMAGES)[:10]}, "it ends within its header"),
    "cut off": (
        {"images": files.idx(IMAGES)[:-1]},
        "it is cut off: its header promises 9,408 bytes, and at most 9,407 follow",
    ),
    "one byte more": (
        {"images": files.idx(IMAGES) + b"\0"},
        "more follows than the 9,408 bytes of its header",
    ),
    "floating-point numbers": (
        {"images": b"\0\0\x0d\x03" + files.idx(IMAGES)[4:]},
        "it begins with 00 00 0d 03; an IDX file of unsigned bytes with 3 axes begins with 00 00 "
        "08 03",
    ),
    "labels for images": ({"images": files.idx(LABELS) + b"0" * 99}, "it begins with 00 00 08 01"),
    "text": ({"images": b"<!DOCTYPE html><html>"}, "it begins with 3c 21 44 4f"),
    "gigabytes": (
        {"images": header(2**31, 2**31, 2**31)},
        f"its header promises {2**93:,} bytes, [2147483648, 2147483648, 2147483648]; allowed: "
        "from 1 to 1,073,741,824",
    ),
    "an array of gigabytes": (
        {"images": header(2**21, 1, 1)},
        "2,097,152 samples of [28, 28, 1] take 6.1 GiB as float32; allowed: at most 4 GiB",
    ),
    "no image": ({"images": header(0, 28, 28)}, "its header promises 0 bytes, [0, 28, 28]"),
    "labels of others": (
        {"labels": files.idx(LABELS[:-1])},
        "train-labels-idx1-ubyte: it has 11 labels, but train-images-idx3-ubyte has 12 images",
    ),
    "a label that is no class": (
        {"labels": files.idx(np.array([255, *LABELS[1:]], np.uint8))},
        "it has the label 255; allowed: whole numbers from 0 to 9",
    ),
    "the label 10": ({"labels": files.idx(np.array([10, *LABELS[1:]], np.uint8))}, "label 10"),
}


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("name", BROKEN)
def test_broken_files_are_refused_in_one_line(name: str, packed: bool, tmp_path: Path) -> None:
    other, says = BROKEN[name]
    write_mnist(tmp_path, packed=packed, **other)
    with pytest.raises(SpecError) as refused:
        data.load(mnist(), tmp_path)
    line = str(refused.value).replace("-ubyte.gz", "-ubyte")
    assert line.startswith(str(tmp_path))
    assert says in line
    assert "\n" not in line


def test_a_packed_file_that_is_broken(tmp_path: Path) -> None:
    write_mnist(tmp_path, packed=True)
    path = tmp_path / "train-images-idx3-ubyte.gz"
    whole = path.read_bytes()
    flipped = bytes((*whole[:-8], whole[-8] ^ 1, *whole[-7:]))
    noise = whole[:10] + b"\xff" * 100
    halves = (whole[: len(whole) // 2], whole[:-1])
    for content in (*halves, b"text", whole + b"rest", flipped, noise):
        path.write_bytes(content)
        with pytest.raises(SpecError, match=r"ubyte\.gz: no whole gzip file \(") as refused:
            data.load(mnist(), tmp_path)
        assert "\n" not in str(refused.value)


def test_a_bomb_is_not_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No byte is asked for beyond those of the header and one more."""
    asked: list[int] = []

    class Counting(gzip.GzipFile):
        def read(self, size: int | None = -1) -> bytes:
            asked.append(-1 if size is None else size)
            return super().read(size)

    write_mnist(tmp_path, packed=True, images=files.idx(IMAGES) + bytes(2**26))
    assert (tmp_path / "train-images-idx3-ubyte.gz").stat().st_size < 2**17
    monkeypatch.setattr(idx.gzip, "GzipFile", Counting)
    with pytest.raises(SpecError, match="more follows than the 9,408 bytes of its header"):
        data.load(mnist(), tmp_path)
    assert asked == [4, 12, 9409]


@pytest.mark.parametrize("packed", [False, True])
def test_a_small_file_cannot_promise_much(
    packed: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No memory is asked for that its size cannot fill."""
    write_mnist(tmp_path, packed=packed, images=header(1000, 1000, 1000) + b"abc")
    monkeypatch.setattr(idx, "_numbers", lambda *_: pytest.fail("it would be read"))
    with pytest.raises(
        SpecError, match=r"promises 1,000,000,000 bytes, and at most (3|\d{2},\d{3}) f"
    ):
        data.load(mnist(), tmp_path)


def test_the_limits_are_as_documented() -> None:
    assert (folders.LARGEST_FILE_BYTES, folders.LARGEST_ARRAY_BYTES) == (2**30, 2**32)


@pytest.mark.parametrize("lacking", ["train-images-idx3-ubyte", "train-labels-idx1-ubyte"])
def test_a_file_that_is_not_there(lacking: str, tmp_path: Path) -> None:
    (write_mnist(tmp_path) / lacking).unlink()
    with pytest.raises(SpecError) as refused:
        data.load(mnist(), tmp_path)
    expected = f"{tmp_path}: there is no {lacking}, neither plain nor with .gz behind"
    assert str(refused.value) == expected


def test_count_and_checksum_of_a_file_are_checked(tmp_path: Path) -> None:
    write_mnist(tmp_path)
    right = data.checksum(data.load(mnist(), tmp_path)["x"])
    data.load(mnist(**{"data.count": 12, "data.sha256": right}), tmp_path)
    with pytest.raises(SpecError, match=r"^data\.count: given 60000, but there are 12"):
        data.load(mnist(**{"data.count": 60000}), tmp_path)
    with pytest.raises(SpecError, match=r"^data\.sha256: given 00, but the array has"):
        data.load(mnist(**{"data.sha256": "00"}), tmp_path)


def test_without_a_folder_it_says_so() -> None:
    with pytest.raises(SpecError) as refused:
        data.load(mnist())
    assert str(refused.value) == (
        "data.kind: mnist is read from a folder, and none is given; give it with --data FOLDER"
    )
