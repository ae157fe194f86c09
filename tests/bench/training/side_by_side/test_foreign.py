"""Arrays of a stranger's file: what `samples.write` writes is read, and nothing else is."""

import os
import zipfile
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bench.training import foreign, samples
from bench.training.header import Refused

ARRAY = np.arange(24.0, dtype=np.float32).reshape(2, 3, 4, 1)


def member(array: Any) -> bytes:
    stream = BytesIO()
    np.save(stream, array, allow_pickle=True)
    return stream.getvalue()


def archive(path: Path, members: dict[str, bytes], how: int = zipfile.ZIP_STORED) -> Path:
    with zipfile.ZipFile(path, "w", how) as file:
        for name, content in members.items():
            file.writestr(name, content)
    return path


@pytest.mark.parametrize("dtype", ["<f4", "<f8", "<i4", "<i8"])
def test_what_is_written_is_read(tmp_path: Path, dtype: str) -> None:
    arrays = {
        "network": ARRAY.astype(dtype),
        "a.b": ARRAY[:, :, :, 0].transpose(2, 1, 0).astype(dtype, order="K"),
        "row/z": np.array([1, -2], dtype),
        "number": np.array(7, dtype),
        "nothing": np.zeros((0, 3), dtype),
    }
    assert np.isfortran(arrays["a.b"])
    samples.write(str(tmp_path / "one.npz"), arrays)
    found = foreign.arrays(tmp_path / "one.npz")
    assert found.keys() == arrays.keys()
    for name, array in arrays.items():
        assert found[name].dtype == np.dtype(dtype)
        assert found[name].shape == array.shape
        assert np.array_equal(found[name], array)


def pickled(path: Path) -> None:
    archive(path, {"a.npy": member(np.array([{"a": 1}], dtype=object))})


def packed(path: Path) -> None:
    archive(path, {"a.npy": member(ARRAY)}, zipfile.ZIP_DEFLATED)


def a_shape_that_lies(path: Path) -> None:
    archive(path, {"a.npy": member(ARRAY).replace(b"(2, 3, 4, 1)", b"(9, 9, 9, 9)")})


def a_shape_of_gigabytes(path: Path) -> None:
    archive(path, {"a.npy": member(ARRAY).replace(b"(2, 3, 4, 1)", b"(999999999,)")})


def a_header_with_code(path: Path) -> None:
    archive(path, {"a.npy": member(ARRAY).replace(b"(2, 3, 4, 1)", b"(exit(1)  , )")})


def another_type(path: Path) -> None:
    archive(path, {"a.npy": member(ARRAY.astype(">f4"))})


def a_text(path: Path) -> None:
    archive(path, {"a.npy": b"these are not numbers"})


def too_many(path: Path) -> None:
    archive(path, {f"{i}.npy": member(ARRAY) for i in range(foreign.MOST_ARRAYS + 1)})


def cut_short(path: Path) -> None:
    samples.write(str(path), {"a": ARRAY})
    path.write_bytes(path.read_bytes()[:-9])


def no_archive(path: Path) -> None:
    path.write_bytes(b"x" * 99)


def empty(path: Path) -> None:
    path.write_bytes(b"")


def a_link(path: Path) -> None:
    samples.write(str(path.with_name("elsewhere.npz")), {"a": ARRAY})
    path.symlink_to("elsewhere.npz")


def a_pipe(path: Path) -> None:
    os.mkfifo(path)


def a_folder(path: Path) -> None:
    path.mkdir()


WRONG: dict[Callable[[Path], None], str] = {
    pickled: "an array that is none of numbers",
    packed: "an archive that is packed",
    a_shape_that_lies: r"shape '?\(9, 9, 9, 9\)'? with 96 bytes",
    a_shape_of_gigabytes: r"shape \(999999999,\) with 96 bytes",
    a_header_with_code: "an array that is none of numbers",
    another_type: "an array that is none of numbers",
    a_text: "an array that is none of numbers",
    too_many: "65 arrays in a file, where at most 64 are read",
    cut_short: "no file of arrays",
    no_archive: "no file of arrays",
    empty: "no file of arrays",
    a_link: "a link in a file's place",
    a_pipe: "a pipe in a file's place",
    a_folder: "a folder in a file's place",
}


@pytest.mark.parametrize("wrong", WRONG, ids=lambda f: f.__name__)
def test_what_is_not_written_is_refused(tmp_path: Path, wrong: Callable[[Path], None]) -> None:
    wrong(tmp_path / "one.npz")
    with pytest.raises(Refused, match=WRONG[wrong]):
        foreign.arrays(tmp_path / "one.npz")


def test_an_archive_that_says_it_has_more_than_its_file(tmp_path: Path) -> None:
    """Two entries of one place: each is as long as it says, and together they are too long."""
    path = archive(tmp_path / "one.npz", {"a.npy": member(ARRAY.repeat(99)), "b.npy": b""})
    with zipfile.ZipFile(path) as file:
        first, _ = file.infolist()
        size, place = first.file_size, first.header_offset
    content = path.read_bytes()
    entry = content.rindex(b"PK\x01\x02")
    changed = bytearray(content)
    changed[entry + 16 : entry + 20] = first.CRC.to_bytes(4, "little")
    changed[entry + 20 : entry + 28] = size.to_bytes(4, "little") * 2
    changed[entry + 42 : entry + 46] = place.to_bytes(4, "little")
    path.write_bytes(changed)
    with pytest.raises(Refused, match="says it has more than its file"):
        foreign.arrays(path)


def test_a_file_that_is_too_long_is_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "one.npz"
    samples.write(str(path), {"a": ARRAY})
    monkeypatch.setattr(foreign, "LARGEST_BYTES", path.stat().st_size)
    assert foreign.arrays(path).keys() == {"a"}
    monkeypatch.setattr(foreign, "LARGEST_BYTES", path.stat().st_size - 1)
    with pytest.raises(Refused, match=r"more than .* bytes, which are the most that are read"):
        foreign.arrays(path)


def test_whatever_is_changed_in_a_file_it_is_refused_or_has_as_many_numbers(
    tmp_path: Path,
) -> None:
    """Each byte in turn; nothing else is raised."""
    path = tmp_path / "one.npz"
    samples.write(str(path), {"a": ARRAY[:1, :1], "b": ARRAY[:1, :1]})
    content, refused = path.read_bytes(), 0
    for place in range(len(content)):
        for change in (0x01, 0xFF):
            changed = bytearray(content)
            changed[place] ^= change
            path.write_bytes(changed)
            try:
                found = foreign.arrays(path)
                assert sum(array.nbytes for array in found.values()) <= 32
            except Refused:
                refused += 1
    assert refused > len(content) / 2


def test_names_of_a_folder_alone(tmp_path: Path) -> None:
    assert foreign.names(tmp_path / "none") == []
    for name in ("b", "a"):
        (tmp_path / name).mkdir()
    assert foreign.names(tmp_path) == ["a", "b"]
    (tmp_path / "link").symlink_to("a")
    (tmp_path / "file").write_bytes(b"")
    for name in ("link", "file"):
        with pytest.raises(Refused, match="a link or a file in a folder's place"):
            foreign.names(tmp_path / name)
