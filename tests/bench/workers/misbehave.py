"""Functions for a worker to call: what can go wrong in a cell."""

import os
import time
from typing import Any


def echo(value: Any) -> Any:
    """The value itself."""
    return value


def hang() -> None:
    """Never answer in time."""
    time.sleep(60)


def die(code: int) -> None:
    """End the process, as a crash in C would."""
    os._exit(code)


def fail() -> None:
    """Raise; the worker lives on."""
    raise MemoryError("no memory left for this cell")


def fail_saying(text: str) -> None:
    """Raise an error that says something."""
    raise ValueError(text)


def process() -> int:
    """Which process this is."""
    return os.getpid()
