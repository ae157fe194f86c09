"""The control programs, timed turn by turn among the cells; none of them can fail a run."""

from pathlib import Path

import pytest

from bench.plan.cells import Control, Plan
from bench.plan.controls import iterations_so_far
from bench.plan.records import write_atomically
from bench.timing.yardstick import time_turn
from bench.workers.pool import WorkerFailed, Workers

TURN_TIMEOUT_S = 300.0


def test_control(control: Control, block: int, turn: int, plan: Plan, workers: Workers) -> None:
    """A turn of a control; what went wrong is kept, and its later turns are left out."""
    folder = Path(plan.folder)
    failure_file = folder / "control_failures" / f"{control.id}.json"
    if failure_file.exists():
        pytest.skip("failed in an earlier turn")
    asked = {"program": control.program, "row": control.row, "block": block}
    asked |= {"round_s": plan.round_s, "iterations_per_round": iterations_so_far(plan, control)}
    try:
        found = workers.call(control.where, time_turn, asked, TURN_TIMEOUT_S)
    except WorkerFailed as failure:
        error = f"block {block}: {failure.kind}: {failure}"
        write_atomically(failure_file, {"id": control.id, "error": error})
        pytest.skip(error)
    record = {"id": control.id, "block": block, "turn": turn, **found}
    write_atomically(folder / "controls" / f"{control.id}-{block}-{turn}.json", record)
