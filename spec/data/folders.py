"""Files of a folder that a person named: only regular ones, opened without following a link."""

import hashlib
import os
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from io import BufferedReader
from math import prod
from pathlib import Path

from spec.errors import SpecError

LARGEST_FILE_BYTES = 2**30
"""Of one file, unpacked; the largest published one, MNIST's images, has 47 MB."""
LARGEST_ARRAY_BYTES = 2**32
"""Of a source as float32: 4 GiB, 350,000 images of 32x32 in three channels."""


def names(folder: Path) -> list[str]:
    """What lies in the folder, sorted by code points. SpecError where it is none, or empty.

    The folder itself may be a link, since a person named it; nothing in it may.
    """
    try:
        found = sorted(entry.name for entry in os.scandir(folder))
    except OSError as error:
        raise SpecError(f"{said(folder)}: no folder that can be read ({error.strerror})") from None
    if not found:
        raise SpecError(f"{said(folder)}: the folder is empty")
    return found


@contextmanager
def opened(folder: Path, name: str) -> Iterator[BufferedReader]:
    """A regular file, to be read. SpecError for links, pipes, devices, and what cannot be read."""
    path = folder / name
    # Looked at before it is opened, for opening a device can do something; and again once it is
    # open, for another file may have its name by then.
    flags = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
    try:
        _require_regular(path, path.lstat().st_mode)
        with os.fdopen(os.open(path, flags), "rb") as file:
            _require_regular(path, os.fstat(file.fileno()).st_mode)
            yield file
    except OSError as error:
        why = error.strerror or error
        raise SpecError(f"{said(path)}: cannot be read ({why})") from None


def _require_regular(path: Path, mode: int) -> None:
    if stat.S_ISREG(mode):
        return
    kinds = {stat.S_IFLNK: "a link", stat.S_IFDIR: "a folder", stat.S_IFIFO: "a pipe"}
    what = kinds.get(stat.S_IFMT(mode), "a device or a socket")
    raise SpecError(f"{said(path)}: it is {what}; only regular files are read")


def size_bytes(file: BufferedReader) -> int:
    """Of an open file."""
    return os.fstat(file.fileno()).st_size


def require_room(where: Path, count: int, shape: tuple[int, ...]) -> None:
    """SpecError where so many samples would not fit into the largest array, before any is read."""
    needed = 4 * count * prod(shape)
    if needed > LARGEST_ARRAY_BYTES:
        raise SpecError(
            f"{said(where)}: {count:,} samples of {list(shape)} take {needed / 2**30:,.1f} GiB as "
            f"float32; allowed: at most {LARGEST_ARRAY_BYTES / 2**30:.0f} GiB, so give fewer "
            "samples or a smaller shape"
        )


def checksum(folder: Path, wanted: Iterable[str]) -> dict[str, object]:
    """{files, bytes, files_sha256} of files as they lie there, packed ones packed.

    files_sha256 is what `sha256sum NAMES | sha256sum` prints, with the names in sorted order.
    """
    lines, size = [], 0
    for name in sorted(wanted):
        with opened(folder, name) as file:
            size += size_bytes(file)
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        lines.append(f"{digest}  ".encode() + os.fsencode(name) + b"\n")
    whole = hashlib.sha256(b"".join(lines)).hexdigest()
    return {"files": len(lines), "bytes": size, "files_sha256": whole}


def said(path: Path) -> str:
    """A path in one line, whatever is in its name."""
    return str(path) if str(path).isprintable() else ascii(str(path))
