"""Lines to the two streams: what a stream cannot show is escaped, and never ends a run.

Without rich, so that an interpreter that lacks it can be told so.
"""

import sys
from typing import Any

CONTROLS = {
    code: f"\\x{code:02x}" for code in (*range(32), *range(127, 160)) if code not in (9, 10)
}
"""What would move a terminal's cursor or colour it, from a file's name or a framework's message."""


def line(text: str, *, error: bool = False) -> None:
    """A line to standard output, or to standard error."""
    stream = sys.stderr if error else sys.stdout
    escaping(stream)
    print(text.translate(CONTROLS), file=stream, flush=True)


def escaping(stream: Any) -> Any:
    """The same stream, which writes what its encoding does not have as `\\xe9`."""
    if hasattr(stream, "reconfigure"):  # a file; a test's own stream takes all
        stream.reconfigure(errors="backslashreplace")
    return stream


def shown(text: str, encoding: str) -> str:
    """The text as a stream of an encoding shows it."""
    return text.translate(CONTROLS).encode(encoding, "backslashreplace").decode(encoding)
