"""Which checkpoints a run wrote: a list beside them, of each file as the disk knew it then.

Only what is still so is the run's own. A list that is lost or changed by others makes a run remove
less, never more.
"""

import re
import stat
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from bench.training.durable import put
from bench.training.header import Refused
from spec.errors import UserError

PATTERN = r"^iteration-([0-9]{9,18})\.safetensors$"
NAME = re.compile(PATTERN)
"""Of a checkpoint in a run's folder."""
LIST = "written.json"
LARGEST_BYTES = 2**20
"""Of the list."""
Whole = Annotated[int, Field(ge=0)]


class Record(BaseModel):
    """A file as it was when it had been written."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    name: Annotated[str, Field(pattern=PATTERN)]
    inode: Whole
    size_bytes: Whole
    mtime_ns: int


class List(BaseModel):
    """The file with them."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    checkpoints_format: Literal[1] = 1
    written: tuple[Record, ...] = ()
    """In the order of writing."""


def read(folder: Path) -> tuple[Record, ...]:
    """What the list has; nothing where there is none that can be read: then nothing is removed."""
    path = folder / LIST
    try:
        found = path.lstat()
        if not stat.S_ISREG(found.st_mode) or found.st_size > LARGEST_BYTES:
            return ()
        return List.model_validate_json(path.read_bytes()).written
    except (OSError, ValidationError):
        return ()


def write(folder: Path, records: list[Record]) -> None:
    """The list anew. UserError where it cannot be written."""
    content = List(checkpoints_format=1, written=tuple(records))
    path = folder / LIST
    try:
        put(path, f"{content.model_dump_json(indent=1)}\n".encode())
    except (OSError, Refused) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise UserError(
            f"{path}: not written ({reason}); the checkpoint is, and no older one was removed: "
            "make room or remove what is in its place, and go on from the newest one"
        ) from None


def record(path: Path) -> Record:
    """A file as it is now; of a link itself, not of what it leads to. OSError."""
    found = path.lstat()
    return Record(
        name=path.name,
        inode=found.st_ino,
        size_bytes=found.st_size,
        mtime_ns=found.st_mtime_ns,
    )


def unchanged(folder: Path, records: list[Record]) -> tuple[list[Record], list[str]]:
    """Those that are still as they were written, and why others are not counted any more."""
    own, left = [], []
    for one in records:
        with suppress(FileNotFoundError):  # its user may remove any of them
            path = folder / one.name
            if record(path) == one:
                own.append(one)
            else:
                left.append(f"{path}: changed or replaced since it was written; left as it is")
    return own, left
