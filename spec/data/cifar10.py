"""CIFAR-10's training samples from a folder (Krizhevsky 2009: 50,000 images of 32x32).

The binary version: https://www.cs.toronto.edu/~kriz/cifar.html. A record is the class and then
32x32 bytes of red, of green and of blue, row by row.
"""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from spec.arrays import Cifar10
from spec.data.folders import (
    LARGEST_FILE_BYTES,
    names,
    opened,
    require_room,
    said,
    size_bytes,
)
from spec.data.mnist import checked
from spec.data.resizing import in_range
from spec.errors import SpecError

BATCHES = tuple(f"data_batch_{number}" for number in range(1, 6))
PICTURE = (3, 32, 32)
RECORD_BYTES = 1 + 3 * 32 * 32


def files(folder: Path) -> list[str]:
    """The names of the five files; SpecError where one is missing, or for the Python version."""
    there, wanted = names(folder), [f"{batch}.bin" for batch in BATCHES]
    lacking = [name for name in wanted if name not in there]
    if not lacking:
        return wanted
    if any(batch in there for batch in BATCHES):
        raise SpecError(
            f"{said(folder)}: this is CIFAR-10's Python version, whose files are pickles, which "
            "can run code; unpack the binary version, cifar-10-binary.tar.gz"
        )
    raise SpecError(
        f"{said(folder)}: there is no {lacking[0]}; CIFAR-10's binary version has "
        f"{wanted[0]} to {wanted[-1]}"
    )


def load(source: Cifar10, folder: Path) -> tuple[NDArray[np.float32], NDArray[np.int32]]:
    """All images, (n, height, width, 3) in the source's range, and their classes, (n,)."""
    wanted = files(folder)
    counts = [_count(folder, name) for name in wanted]
    require_room(folder, sum(counts), source.shape)
    both = [_batch(folder, name, n) for name, n in zip(wanted, counts, strict=True)]
    images = np.concatenate([images for images, _ in both])
    return in_range(images, source), np.concatenate([labels for _, labels in both])


def _count(folder: Path, name: str) -> int:
    """Records of a file, by its size."""
    with opened(folder, name) as file:
        size = size_bytes(file)
    if not 0 < size <= LARGEST_FILE_BYTES or size % RECORD_BYTES:
        raise SpecError(
            f"{said(folder / name)}: it has {size:,} bytes; allowed: one record of {RECORD_BYTES:,}"
            f" bytes or more, all whole, of at most {LARGEST_FILE_BYTES:,} bytes together"
        )
    return size // RECORD_BYTES


def _batch(folder: Path, name: str, count: int) -> tuple[NDArray[np.uint8], NDArray[np.int32]]:
    with opened(folder, name) as file:
        content = file.read(count * RECORD_BYTES)
    if len(content) != count * RECORD_BYTES:
        raise SpecError(f"{said(folder / name)}: it became shorter while it was read")
    records = np.frombuffer(content, np.uint8).reshape(count, RECORD_BYTES)
    pictures = records[:, 1:].reshape(count, *PICTURE)
    return np.moveaxis(pictures, 1, -1), checked(records[:, 0], said(folder / name))
