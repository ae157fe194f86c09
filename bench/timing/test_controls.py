"""The control programs, timed turn by turn among the cells; none of them can fail a run."""

from pathlib import Path
from typing import Any

import pytest

from bench.plan.cells import Control, Group, Plan
from bench.plan.controls import iterations_so_far
from bench.plan.folder import place_of_control
from bench.plan.groups import halves, name
from bench.plan.records import write_atomically
from bench.plan.turns import BLOCK_S, MOST_TURNS
from bench.timing.yardstick import time_turn
from bench.workers.pool import WorkerFailed, Workers

TURN_TIMEOUT_S = 300.0
CONTROL_SHARE, SHORTEST_S = 0.5, BLOCK_S / MOST_TURNS
"""Of a cell's round: a block's controls, which are averaged, are together timed longer than one."""


def test_control(
    control: Control, group: Group, block: int, turn: int, plan: Plan, workers: Workers
) -> None:
    """A turn of a control; what went wrong is kept, and its later turns are left out."""
    folder = Path(plan.folder)
    failure_file = folder / "control_failures" / f"{control.id}.json"
    if failure_file.exists():
        pytest.skip("failed in an earlier turn")
    asked: dict[str, Any] = {
        "program": control.program,
        "row": control.row,
        "stretch": stretch(plan, group, block),
    }
    round_s = max(SHORTEST_S, CONTROL_SHARE * plan.round_s)
    asked |= {"round_s": round_s, "iterations_per_round": iterations_so_far(plan, control)}
    try:
        found = workers.call(control.where, time_turn, asked, TURN_TIMEOUT_S)
    except WorkerFailed as failure:
        error = f"block {block}: {failure.kind}: {failure}"
        write_atomically(failure_file, {"id": control.id, "error": error})
        pytest.skip(error)
    record = {"id": control.id, "group": name(group), "block": block, "turn": turn, **found}
    write_atomically(folder / place_of_control(control, group, block, turn), record)


def stretch(plan: Plan, group: Group, block: int) -> str:
    """A group's first half, or what follows all groups': few, since making a program traces it."""
    early, _ = halves(plan.blocks)
    return name(group) if block in early else "second halves"
