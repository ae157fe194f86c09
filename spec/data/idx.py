"""IDX files, as MNIST has them: a header with the size of each axis, and then unsigned bytes.

The format: http://yann.lecun.com/exdb/mnist/ (two zero bytes, the type of a number, the number of
axes, and the size of each in four bytes, the highest first).
"""

import gzip
import struct
import zlib
from io import BufferedReader
from math import prod
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from spec.data.folders import LARGEST_FILE_BYTES, names, opened, require_room, said, size_bytes
from spec.errors import SpecError

UNSIGNED_BYTE = 0x08
MOST_PACKED = 1032
"""Bytes that one byte of a deflate stream can stand for, at most (zlib's technical notes)."""


def choose(folder: Path, name: str) -> str:
    """The file's own name, or with .gz behind; SpecError where neither is there."""
    there = names(folder)
    for found in (name, f"{name}.gz"):
        if found in there:
            return found
    raise SpecError(f"{said(folder)}: there is no {name}, neither plain nor with .gz behind")


def read(folder: Path, name: str, axes: int, sample: tuple[int, ...]) -> NDArray[np.uint8]:
    """The numbers of a plain file or a .gz, in the shape of its header, which has `axes` axes.

    `sample` is the shape that each will be given as float32. SpecError before anything is read that
    the header does not promise, or where the file has less or more than that.
    """
    where = folder / name
    with opened(folder, name) as file:
        if not name.endswith(".gz"):
            shape = _header(file, where, axes, sample)
            _require_bytes(where, size_bytes(file) - 4 - 4 * axes, prod(shape))
            return _numbers(file, where, shape)
        try:
            with gzip.GzipFile(fileobj=file, mode="rb") as unpacked:
                shape = _header(unpacked, where, axes, sample)
                most = MOST_PACKED * size_bytes(file)
                _require_bytes(where, min(most, prod(shape)), prod(shape))
                return _numbers(unpacked, where, shape)
        except (gzip.BadGzipFile, EOFError, zlib.error) as error:
            raise SpecError(f"{said(where)}: no whole gzip file ({error})") from None


def _header(
    file: BufferedReader | gzip.GzipFile, where: Path, axes: int, sample: tuple[int, ...]
) -> tuple[int, ...]:
    """The size of each axis, where they promise no more than is allowed."""
    begins, rest = file.read(4), file.read(4 * axes)
    if len(begins) + len(rest) < 4 + 4 * axes:
        raise SpecError(f"{said(where)}: it ends within its header")
    expected = bytes((0, 0, UNSIGNED_BYTE, axes))
    if begins != expected:
        raise SpecError(
            f"{said(where)}: it begins with {begins.hex(' ')}; an IDX file of unsigned bytes with "
            f"{axes} axes begins with {expected.hex(' ')}"
        )
    shape = struct.unpack(f">{axes}I", rest)
    if not 0 < prod(shape) <= LARGEST_FILE_BYTES:
        raise SpecError(
            f"{said(where)}: its header promises {prod(shape):,} bytes, {list(shape)}; allowed: "
            f"from 1 to {LARGEST_FILE_BYTES:,}"
        )
    require_room(where, shape[0], sample)
    return shape


def _numbers(
    file: BufferedReader | gzip.GzipFile, where: Path, shape: tuple[int, ...]
) -> NDArray[np.uint8]:
    """What the header promises, and not a byte more, which is asked for to be seen."""
    content = file.read(prod(shape) + 1)
    _require_bytes(where, len(content), prod(shape))
    return np.frombuffer(content, np.uint8).reshape(shape)


def _require_bytes(where: Path, there: int, promised: int) -> None:
    if there < promised:
        raise SpecError(
            f"{said(where)}: it is cut off: its header promises {promised:,} bytes, and at most "
            f"{there:,} follow"
        )
    if there > promised:
        raise SpecError(f"{said(where)}: more follows than the {promised:,} bytes of its header")
