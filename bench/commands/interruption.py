"""Ctrl-C or SIGTERM at any moment ends the measuring once; nothing after it is cut short."""

import signal
import threading
from types import FrameType
from typing import Any, Self

SIGNALS = (signal.SIGINT, signal.SIGTERM)
"""Ctrl-C; and what `timeout`, a batch system, a spot machine or a container that stops sends."""
FIRST_CODE = 128
"""A shell's exit code for a program that a signal ended is so much more than its number."""


class Interruption:
    """A context, and a pytest plugin, in which the first signal raises and later ones do not.

    A KeyboardInterrupt in a lock or a queue can come out of it as another exception, above all
    where a second signal follows at once, and then looks like an item that failed: so the next
    item, which knows, raises it again. Once `finishing`, what is measured is put together.
    """

    def __init__(self) -> None:
        self.code = 0
        """The exit code; 0 while nobody has asked."""
        self.finishing = False
        self._before: dict[signal.Signals, Any] = {}

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            self._before = {number: signal.signal(number, self.interrupt) for number in SIGNALS}
        return self

    def __exit__(self, *raised: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def interrupt(self, number: int, frame: FrameType | None) -> None:
        """The signals' handler."""
        first = not self.code
        self.code = self.code or FIRST_CODE + number
        if first and not self.finishing:
            raise KeyboardInterrupt

    def pytest_runtest_logstart(self) -> None:
        """Before each item."""
        if self.code:
            raise KeyboardInterrupt
