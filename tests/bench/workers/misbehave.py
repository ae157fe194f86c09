"""Functions for a worker to call: what can go wrong in a cell."""

import os
import sys
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


def write(text: str, times: int = 1) -> None:
    """Write to standard error, as Python does and as C does."""
    for _ in range(times):
        print(f"{text} of Python", file=sys.stderr, flush=True)
        os.write(2, f"{text} of C\n".encode())


def write_and_die(text: str) -> None:
    """A crash with its last words."""
    write(text)
    os.abort()


def write_and_hang(text: str) -> None:
    """Last words, and no answer."""
    write(text)
    hang()


def write_and_fail(text: str) -> None:
    """An error that standard error explains."""
    write(text)
    fail()


def fail() -> None:
    """Raise; the worker lives on."""
    raise MemoryError("no memory left for this cell")


def fail_saying(text: str) -> None:
    """Raise an error that says something."""
    raise ValueError(text)


def process() -> int:
    """Which process this is."""
    return os.getpid()
