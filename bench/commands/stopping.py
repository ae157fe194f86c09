"""When a training ends before its length: a signal, or its time."""

from types import FrameType

from bench.commands.interruption import FIRST_CODE, Interruption


class Stop(Interruption):
    """A context in which Ctrl-C and SIGTERM are noted; the training ends at its next chunk."""

    def __init__(self, minutes: float | None = None) -> None:
        super().__init__()
        self._limit_s = None if minutes is None else 60 * minutes

    def asked(self, elapsed_s: float) -> bool:
        """Whether it should end after so many seconds of training."""
        return bool(self.code) or (self._limit_s is not None and elapsed_s >= self._limit_s)

    def interrupt(self, number: int, frame: FrameType | None) -> None:
        """Noted only: what is trained meanwhile is not thrown away."""
        self.code = self.code or FIRST_CODE + number
