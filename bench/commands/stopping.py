"""When a training ends before its length: a signal, or its time."""

import signal
import threading
from types import FrameType
from typing import Any, Self

from bench.commands.interruption import FIRST_CODE, SIGNALS


class Stop:
    """A context in which Ctrl-C and SIGTERM are noted; the training ends at its next chunk."""

    def __init__(self, minutes: float | None = None) -> None:
        self.code = 0
        """The exit code; 0 while nobody has asked."""
        self._limit_s = None if minutes is None else 60 * minutes
        self._before: dict[signal.Signals, Any] = {}

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            self._before = {number: signal.signal(number, self._note) for number in SIGNALS}
        return self

    def __exit__(self, *raised: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def asked(self, elapsed_s: float) -> bool:
        """Whether it should end after so many seconds of training."""
        return bool(self.code) or (self._limit_s is not None and elapsed_s >= self._limit_s)

    def _note(self, number: int, frame: FrameType | None) -> None:
        self.code = self.code or FIRST_CODE + number
