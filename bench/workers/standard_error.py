"""What a worker writes to its standard error: kept for an error that it explains, shown to nobody.

Frameworks greet at their start. The file takes what C writes too, and what an interpreter that does
not start has to say.
"""

import os
import shlex
import tempfile

LARGEST_BYTES = 2**20
"""Between two calls a larger file is emptied."""
TAIL_BYTES, MOST_LINES = 2**14, 30
"""So much of its end is shown with an error."""


class StandardError:
    """The file of one worker; it is gone when it is closed."""

    def __init__(self) -> None:
        self._file = tempfile.NamedTemporaryFile(  # noqa: SIM115
            buffering=0, prefix="gantlet-worker-", suffix=".log"
        )
        self._start = 0

    def command(self, python: str) -> str:
        """What to start in place of an interpreter; it appends, so that emptying the file works."""
        script = 'log=$1; shift; exec "$@" 2>>"$log"'
        return shlex.join(["sh", "-c", script, "sh", self._file.name, python])

    def begin(self) -> None:
        """A call begins: what was written before does not belong to it."""
        self._start = os.fstat(self._file.fileno()).st_size
        if self._start > LARGEST_BYTES:
            os.truncate(self._file.name, 0)
            self._start = 0

    def tail(self) -> str:
        """The last lines since the call began; empty where there are none."""
        size = os.fstat(self._file.fileno()).st_size
        self._file.seek(max(self._start, size - TAIL_BYTES))
        lines = self._file.read(TAIL_BYTES).decode(errors="replace").strip().splitlines()
        return "\n".join(lines[-MOST_LINES:])

    def close(self) -> None:
        """Remove the file; a process that still lives writes on into nothing."""
        self._file.close()
