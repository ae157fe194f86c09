"""Ctrl-C at any moment ends the measuring once, and nothing after it is cut short."""

import signal
import threading
from types import FrameType
from typing import Any


class Interruption:
    """A context, and a pytest plugin, in which the first Ctrl-C raises and later ones do not.

    A KeyboardInterrupt in a lock or a queue can come out of it as another exception, above all
    where a second signal follows at once, and then looks like an item that failed: so the next
    item, which knows, raises it again. Once `finishing`, what is measured is put together.
    """

    def __init__(self) -> None:
        self.asked = False
        self.finishing = False
        self._before: Any = None

    def __enter__(self) -> "Interruption":
        if threading.current_thread() is threading.main_thread():
            self._before = signal.signal(signal.SIGINT, self.interrupt)
        return self

    def __exit__(self, *raised: object) -> None:
        if self._before is not None:
            signal.signal(signal.SIGINT, self._before)

    def interrupt(self, number: int, frame: FrameType | None) -> None:
        """The signal's handler."""
        first, self.asked = not self.asked, True
        if first and not self.finishing:
            raise KeyboardInterrupt

    def pytest_runtest_logstart(self) -> None:
        """Before each item."""
        if self.asked:
            raise KeyboardInterrupt
