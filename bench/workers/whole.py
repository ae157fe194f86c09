"""Files that a reader finds whole or not at all, also where two processes write the same one."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def whole(path: Path) -> Iterator[Path]:
    """Where to write what is to be at `path`; an exception leaves what was there before.

    The draft's name is nobody else's: rows with the same draws write them at the same time.
    """
    draft = path.with_name(f".{secrets.token_hex(8)}.part")
    try:
        yield draft
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
