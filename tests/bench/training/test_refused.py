"""A file that is no checkpoint gets one line: its name, what was found, what is needed."""

import json
import os
import pickle
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save_file

from bench.training import checkpoint, header
from bench.training.facts import KEY
from spec.errors import UserError
from tests.bench.training.made import KERNEL, Parts, facts, joined, refused, written

BIAS = "generator/dense_0/bias"


def test_the_file_taken_apart_and_joined_is_whole(tmp_path: Path, parts: Parts) -> None:
    """Else each of the forms below could be refused for how it was put together."""
    (tmp_path / "one").write_bytes(joined(*parts))
    assert checkpoint.read(tmp_path / "one")[0] == facts()


def test_no_file_at_all(tmp_path: Path) -> None:
    refused(tmp_path / "none", r"cannot be read \(No such file or directory\)")


def put_link(path: Path) -> None:
    written(path.with_name("target"))
    path.symlink_to("target")


def put_socket(path: Path) -> None:
    # Bound by a short name: a socket's path has 107 bytes at most.
    there = Path.cwd()
    os.chdir(path.parent)
    try:
        socket.socket(socket.AF_UNIX).bind(path.name)
    finally:
        os.chdir(there)


PLACES: dict[str, Callable[[Path], Any]] = {
    "a link": put_link,
    "a folder": Path.mkdir,
    "a pipe": os.mkfifo,
    "a socket": put_socket,
}


@pytest.mark.filterwarnings("ignore::ResourceWarning")
@pytest.mark.parametrize("what", PLACES)
def test_what_is_no_file_itself(tmp_path: Path, what: str) -> None:
    """Neither followed nor waited for; nor is a checkpoint written over it."""
    path = tmp_path / "one"
    PLACES[what](path)
    refused(path, f"{what} in a file's place")
    before = path.lstat()
    with pytest.raises(UserError, match=f"not written: {what} in a file's place"):
        written(path)
    assert path.lstat() == before


def test_a_device() -> None:
    refused(Path(os.devnull), "a device in a file's place")


LATE: dict[str, tuple[Callable[[Path], Any], str]] = {
    "a link": (lambda path: path.symlink_to("other"), "cannot be read"),
    "another file": (lambda path: path.write_bytes(b"x"), "it was replaced while it was opened"),
}


@pytest.mark.parametrize("what", LATE)
def test_a_file_that_is_replaced_as_it_is_opened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    path, opened = tmp_path / "one", os.open
    replace, message = LATE[what]
    written(path)
    written(tmp_path / "other")

    def late(*arguments: Any) -> int:
        path.rename(tmp_path / "before")  # which keeps its inode from being used again
        replace(path)
        monkeypatch.undo()
        return opened(*arguments)

    monkeypatch.setattr(os, "open", late)
    refused(path, message)


class Runs:
    """Unpickled, it makes a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __reduce__(self) -> tuple[Callable[[str], None], tuple[str]]:
        return os.mkdir, (str(self.folder),)


@pytest.mark.parametrize("protocol", range(6))
def test_a_pickle_is_never_opened(tmp_path: Path, protocol: int) -> None:
    path = tmp_path / "one.safetensors"
    path.write_bytes(pickle.dumps([Runs(tmp_path / "made"), "x" * 1000], protocol))
    refused(path, "a pickle, which is never opened" if protocol > 1 else "promise a header")
    assert not (tmp_path / "made").exists()


def test_other_files_of_numbers(tmp_path: Path) -> None:
    np.savez(tmp_path / "one.npz", x=np.ones(3))
    refused(tmp_path / "one.npz", "a zip archive, as torch.save and numpy.savez write it")
    (tmp_path / "one.h5").write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(200))
    refused(tmp_path / "one.h5", "an HDF5 file")
    save_file({"x": np.ones(3)}, tmp_path / "plain")
    refused(tmp_path / "plain", f"a safetensors file without {KEY} in its metadata")


BYTES = {
    "an empty file": (b"", "an empty file"),
    "a byte": (b"\0", "1 bytes, too few for the length of a header"),
    "a gigabyte promised": (
        (2**30).to_bytes(8, "little") + b"{}",
        rf"promise a header of {2**30} bytes, in a file of 10, where at most {2**24} are read",
    ),
    "all bits": (b"\xff" * 64, f"promise a header of {2**64 - 1} bytes, in a file of 64"),
    "one byte more than there is": (
        (3).to_bytes(8, "little") + b"{}",
        "promise a header of 3 bytes, in a file of 10",
    ),
    "zeros": (bytes(64), "its header is no JSON"),
    "no JSON": (joined("{"), "its header is no JSON"),
    "no UTF-8": (b"\x02\0\0\0\0\0\0\0\xff\xfe", "its header is no JSON"),
    "deep JSON": (joined("[" * 10**6), "its header is no JSON"),
    "a long number": (joined('{"x": ' + "1" * 5000 + "}"), "its header is no JSON"),
    "NaN": (joined('{"x": NaN}'), "its header holds NaN, which is no JSON"),
    "a list": (joined("[]"), "its header is no table of tensors"),
    "nothing": (joined("{}"), f"without {KEY}"),
    "metadata of numbers": (joined('{"__metadata__": {"x": 1}}'), "__metadata__ is no table of"),
    "metadata in a list": (joined('{"__metadata__": []}'), "__metadata__ is no table of texts"),
    "metadata of another": (joined('{"__metadata__": {"x": "1"}}'), f"without {KEY}"),
    "facts that are no JSON": (joined({"__metadata__": {KEY: "{"}}), f"its {KEY} is no JSON"),
    "deep facts": (joined({"__metadata__": {KEY: "[" * 10**6}}), f"its {KEY} is no JSON"),
    "facts in a list": (joined({"__metadata__": {KEY: "[]"}}), f"its {KEY} is no table of"),
    "two tensors of a name": (
        joined(f'{{"x": {json.dumps({})}, "x": {json.dumps({})}}}'),
        "its header names 'x' twice",
    ),
    "two facts of a name": (
        joined('{"__metadata__": {"a": "1", "a": "2"}}'),
        "its header names 'a' twice",
    ),
}


@pytest.mark.parametrize("what", BYTES)
def test_bytes_by_hand(tmp_path: Path, what: str) -> None:
    content, message = BYTES[what]
    (tmp_path / "one").write_bytes(content)
    refused(tmp_path / "one", message)


def test_a_long_header_is_not_read(tmp_path: Path) -> None:
    """Not even where the file is as long as it says."""
    path = tmp_path / "one"
    with path.open("wb") as file:
        file.write((2**24 + 1).to_bytes(8, "little"))
        file.truncate(2**25)
    refused(path, f"promise a header of {2**24 + 1} bytes")
    path.write_bytes(joined(json.dumps({}) + " " * (2**24 - 2)))
    refused(path, f"without {KEY}")


ENTRIES: dict[str, tuple[dict[str, Any] | str, str]] = {
    "no table": ("F32", "does not have dtype, shape and data_offsets alone"),
    "no shape": ({"shape": None}, r"has shape None, no list of sizes"),
    "a size below zero": ({"shape": [-1, -2]}, r"has shape \[-1, -2\], no list of sizes"),
    "a size that is no whole number": ({"shape": [2.0]}, r"has shape \[2.0\], no list of sizes"),
    "a size that is true": ({"shape": [True]}, r"has shape \[True\], no list of sizes"),
    "many axes": ({"shape": [1] * 9}, r"has shape \[1, .*, no list of sizes"),
    "huge axes": ({"shape": [10**4000] * 8}, r"has shape \[10{50,}\.\.\., no list of sizes"),
    "the most numbers": ({"shape": [2**62] * 8}, r"has data_offsets .* of \[46.* takes \d+\.\.\. "),
    "half precision": ({"dtype": "F16"}, "has dtype 'F16'; allowed are F64, F32, I64"),
    "a type that is a list": ({"dtype": ["F32"]}, r"has dtype \['F32'\]; allowed are"),
    "one offset": ({"data_offsets": [0]}, r"has data_offsets \[0\], no two bytes"),
    "one offset more": ({"more": 1}, "does not have dtype, shape and data_offsets alone"),
    "backwards": ({"data_offsets": [9, 5]}, r"has data_offsets \[9, 5\], where F32 of .* takes"),
    "bytes too many": ({"data_offsets": [0, 5]}, r"has data_offsets \[0, 5\], where F32 of"),
}


@pytest.mark.parametrize("what", ENTRIES)
def test_a_tensor_that_is_none(tmp_path: Path, parts: Parts, what: str) -> None:
    change, message = ENTRIES[what]
    own, data = parts
    entry = own[BIAS] | change if isinstance(change, dict) else change
    (tmp_path / "one").write_bytes(joined(own | {BIAS: entry}, data))
    refused(tmp_path / "one", f"tensor '{BIAS}' {message}")


def moved(own: dict[str, Any], key: str, by: int) -> dict[str, Any]:
    """The header with one tensor's bytes elsewhere."""
    offsets = [offset + by for offset in own[key]["data_offsets"]]
    return own | {key: own[key] | {"data_offsets": offsets}}


def test_bytes_that_overlap_or_are_left_out(tmp_path: Path, parts: Parts) -> None:
    own, data = parts
    path = tmp_path / "one"
    last = max((key for key in own if key != "__metadata__"), key=lambda k: own[k]["data_offsets"])
    path.write_bytes(joined(moved(own, last, -4), data))
    refused(path, f"tensor '{last}' overlaps the tensor before it: it begins at")
    path.write_bytes(joined(moved(own, last, 4), data + bytes(4)))
    refused(path, f"tensor '{last}' leaves a gap before it: it begins at")
    path.write_bytes(joined(own | {KERNEL: own[KERNEL], BIAS: own[BIAS]}, data + b"more"))
    refused(path, "longer than its header says: ")
    path.write_bytes(joined(own, data[:-1]))
    refused(path, rf"cut short: {len(data) - 1} bytes of tensors where there should be {len(data)}")


def test_two_names_for_the_same_bytes(tmp_path: Path, parts: Parts) -> None:
    own, data = parts
    (tmp_path / "one").write_bytes(joined(own | {"again": own[KERNEL]}, data))
    refused(tmp_path / "one", "overlaps the tensor before it")


@pytest.mark.parametrize("share", [0.01, 0.3, 0.6, 0.9, 0.999])
def test_a_file_cut_short(tmp_path: Path, parts: Parts, share: float) -> None:
    content = joined(*parts)
    (tmp_path / "one").write_bytes(content[: int(len(content) * share)])
    refused(tmp_path / "one", r"promise a header|cut short: \d+ bytes")


def test_a_file_that_is_cut_while_it_is_read(
    tmp_path: Path, parts: Parts, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where it were mapped, the process would die of it."""
    path = tmp_path / "one"
    path.write_bytes(joined(*parts))
    whole = header.read

    def then_cut(*arguments: Any) -> header.Header:
        found = whole(*arguments)
        os.truncate(path, 8192)
        return found

    monkeypatch.setattr(header, "read", then_cut)
    refused(path, "cut short at '.*' while it was read")
