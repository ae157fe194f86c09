"""Files that somebody else may have made: no link is followed, no pickle opened, sizes are bounded.

NumPy's own reader of .npz makes room for what a header says before it has seen whether the file
has so much, and unpacks what is packed. Here only what `samples.write` writes is read: arrays of
numbers that lie in the archive as they are, each with as many bytes as its shape says.
"""

import os
import re
import stat
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedReader, BytesIO
from math import prod
from pathlib import Path
from typing import Any
from zipfile import ZIP_STORED, BadZipFile, ZipFile, ZipInfo

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from bench.training.durable import require_regular
from bench.training.header import SHOWN, Refused, shown

LARGEST_BYTES = 2**28
"""Of a file of arrays: 64 colour images of 512 x 512 in float32 have 2^26."""
MOST_ARRAYS = 64
"""In a file."""
MAGIC = b"\x93NUMPY\x01\x00"
HEADER = re.compile(
    rb"\{'descr': '(<f4|<f8|<i4|<i8)', 'fortran_order': (False|True), 'shape': "
    rb"\(((?:\d{1,12},? ?){0,8})\), \} *\n"
)
"""The text before an array's numbers (numpy.lib.format, version 1.0)."""
NO_ARRAYS = "no file of arrays as `numpy.savez` writes it"


@contextmanager
def opened(path: Path) -> Iterator[BufferedReader]:
    """The file itself: a link is not followed, and a pipe not waited for."""
    found = path.lstat()
    require_regular(found.st_mode)
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    with os.fdopen(descriptor, "rb") as file:
        if not os.path.samestat(found, os.fstat(descriptor)):
            raise Refused("it was replaced while it was opened")
        yield file


def content(path: Path, most_bytes: int) -> bytes:
    """All of a file. OSError; Refused where it has more bytes, or is no file itself."""
    with opened(path) as file:
        found = file.read(most_bytes + 1)
    if len(found) > most_bytes:
        raise Refused(f"more than {most_bytes:,} bytes, which are the most that are read")
    return found


def names(folder: Path) -> list[str]:
    """What lies in a folder, in order; nothing where there is none. Refused for a link to one."""
    try:
        if not stat.S_ISDIR(folder.lstat().st_mode):
            raise Refused("a link or a file in a folder's place")
        return sorted(path.name for path in folder.iterdir())
    except FileNotFoundError:
        return []


def arrays(path: Path) -> dict[str, NDArray[Any]]:
    """Arrays of a .npz file by name. OSError; Refused for what `samples.write` does not write."""
    data = content(path, LARGEST_BYTES)
    try:
        with ZipFile(BytesIO(data)) as archive:
            members = archive.infolist()
            _require_plain(members, len(data))
            return {one.filename.removesuffix(".npy"): _array(archive.read(one)) for one in members}
    except Refused:
        raise
    except (BadZipFile, RuntimeError, ValueError, EOFError, OSError, struct.error):
        raise Refused(NO_ARRAYS) from None


def first_of(error: ValidationError) -> str:
    """The first of a model's complaints: its place and what is wrong there, in a line."""
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    place = ".".join(str(part) for part in first["loc"])[:SHOWN]
    said = shown(first["msg"])
    return f"{shown(place)}: {said}" if place else said


def _require_plain(members: list[ZipInfo], size_bytes: int) -> None:
    """Nothing is packed, so that no more comes out than the file has."""
    if len(members) > MOST_ARRAYS:
        raise Refused(f"{len(members)} arrays in a file, where at most {MOST_ARRAYS} are read")
    if any(one.compress_type != ZIP_STORED for one in members):
        raise Refused("an archive that is packed, which `train` writes none of")
    if sum(one.file_size for one in members) > size_bytes:
        raise Refused("an archive that says it has more than its file")


def _array(member: bytes) -> NDArray[Any]:
    """An array's file within the archive."""
    start = len(MAGIC) + 2
    length = int.from_bytes(member[len(MAGIC) : start], "little")
    header = HEADER.fullmatch(member[start : start + length])
    if not member.startswith(MAGIC) or not header:
        raise Refused("an array that is none of numbers as `train` writes them")
    dtype = np.dtype(header[1].decode("ascii"))
    shape = tuple(int(size) for size in header[3].replace(b",", b" ").split())
    numbers = member[start + length :]
    if prod(shape) * dtype.itemsize != len(numbers):
        raise Refused(f"an array of shape {shown(shape)} with {len(numbers)} bytes of numbers")
    return np.frombuffer(numbers, dtype).reshape(shape, order="F" if header[2] == b"True" else "C")
