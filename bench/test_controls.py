"""The control programs, timed block by block among the cells; none of them can fail a run."""

from pathlib import Path

import pytest

from bench.cells import Control, Plan
from bench.records import write_atomically
from bench.workers import WorkerFailed, Workers

BLOCK_TIMEOUT_S = 300.0


def test_control(control: Control, block: int, plan: Plan, workers: Workers) -> None:
    """One block of a control; what went wrong is kept, and its later blocks are left out."""
    folder = Path(plan.folder)
    failure_file = folder / "control_failures" / f"{control.id}.json"
    if failure_file.exists():
        pytest.skip("failed in an earlier block")
    arguments = {"program": control.program, "row": control.row, "round_s": plan.round_s}
    try:
        found = workers.call(
            control.where, "bench.yardstick:time_block", arguments, BLOCK_TIMEOUT_S
        )
    except WorkerFailed as failure:
        error = f"block {block}: {failure.kind}: {failure}"
        write_atomically(failure_file, {"id": control.id, "error": error})
        pytest.skip(error)
    record = {"id": control.id, "block": block, **found}
    write_atomically(folder / "controls" / f"{control.id}-{block}.json", record)
