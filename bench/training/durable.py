"""Files that a reader finds whole or not at all, also after a power failure or a full disk."""

import errno
import fcntl
import os
import re
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from bench.training.header import Refused
from spec.errors import UserError

DRAFT = re.compile(r"\..+\.(safetensors|json)\.[0-9a-f]{16}\.part")
"""A file that is not finished; nobody else has such names."""
KINDS = {
    stat.S_IFLNK: "a link",
    stat.S_IFDIR: "a folder",
    stat.S_IFIFO: "a pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


def put(path: Path, content: bytes) -> None:
    """Write a .safetensors or .json file, in place of an older one, in a folder that is there.

    Drafts that a killed process left there are removed first. OSError or Refused where it cannot
    be written: then no file of another name was touched, and none of this name.
    """
    with _alone(path.parent) as folder:
        with suppress(FileNotFoundError):
            require_regular(path.lstat().st_mode)
        _remove_drafts(path.parent)
        _replace(path, content)
        _sync(folder, path)


def require_regular(mode: int) -> None:
    """Refused for all that is no file itself: it was put there by somebody."""
    if not stat.S_ISREG(mode):
        raise Refused(f"{KINDS.get(stat.S_IFMT(mode), 'no file')} in a file's place")


@contextmanager
def _alone(folder: Path) -> Iterator[int]:
    """The folder, open, with no other process that writes there so at the same time.

    A killed process's lock ends with it, so that its drafts are nobody's.
    """
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        with suppress(OSError):  # not all file systems have locks
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise Refused("another process is writing there") from None
        yield descriptor
    finally:
        os.close(descriptor)


def _remove_drafts(folder: Path) -> None:
    for path in folder.iterdir():
        if DRAFT.fullmatch(path.name) and stat.S_ISREG(path.lstat().st_mode):
            path.unlink()


def _replace(path: Path, content: bytes) -> None:
    """The file under its name, once all of it is on the disk."""
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}.part")
    try:
        with draft.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


def _sync(folder: int, path: Path) -> None:
    """The name, on the disk."""
    try:
        os.fsync(folder)
    except OSError as error:
        if error.errno != errno.EINVAL:  # a file system without such a thing
            raise UserError(
                f"{path}: written, but the disk did not confirm its name ({error.strerror}), so "
                "that a power failure could lose it; look after the disk and go on from the newest"
            ) from None
