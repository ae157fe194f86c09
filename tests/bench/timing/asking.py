"""What a timed call asks of the spec, seen in the row's worker."""

import sys
from pathlib import Path
from types import FrameType
from typing import Any

import backends
import spec
from backends.protocol import Settings
from spec import data
from spec.state import init_state

FOLDER = str(Path(spec.__file__).parent)
CHUNK, ITERATIONS = 2, 5
READS = {"phases.py:decay"}
"""Two fields as one: no work."""
CUTS = {
    "randomness.py:blocks",
    "randomness.py:by_iteration",
    "randomness.py:within",
    "sources.py:runs",
    "sources.py:runs_within",
}
"""Which rows of a block an iteration is given: whole numbers, and a slice for each draw."""


def calls_of_the_spec(workload: str, row: str, mode: str) -> list[str]:
    """What a warm `run` calls of `spec`, `<file>:<function>`; but for `READS` and `CUTS`."""
    loaded = spec.load(workload)
    settings = Settings(mode, "float32", "cpu", CHUNK)  # type: ignore[arg-type]
    program = backends.prepare(row, loaded, settings)
    placed = program.place(data.synthetic(loaded, 0))
    state = program.import_state(init_state(loaded, 0))
    state, _ = program.run(state, placed, 0, ITERATIONS)  # compiles, and may ask while it does
    called = set()

    def note(frame: FrameType, event: str, argument: Any) -> None:
        code = frame.f_code
        if event == "call" and code.co_filename.startswith(FOLDER):
            called.add(f"{Path(code.co_filename).name}:{code.co_name}")

    sys.setprofile(note)
    try:
        program.run(state, placed, 0, ITERATIONS)
    finally:
        sys.setprofile(None)
    return sorted(name for name in called - READS - CUTS if "<" not in name)
