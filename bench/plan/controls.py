"""Which control programs a run times among its cells (bench.timing.yardstick says what for)."""

import json
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from bench.plan.cells import Cell, Control, Plan

WORKLOAD = "mlp_square"
FRAMEWORKS = {
    "pytorch": "pytorch",
    "keras3-tensorflow": "tensorflow",
    "keras3-jax": "jax",
    "flax_nnx": "jax",
}
"""Row -> the framework that its control program is written in."""


def controls_of(cells: Iterable[Cell], *, twice: bool = False) -> tuple[Control, ...]:
    """One control for each framework among the cells, in the first row that has it; or two."""
    found: dict[str, Control] = {}
    for cell in cells:
        framework = FRAMEWORKS.get(cell.row)
        if framework:
            program = f"bench.controls.{framework}_{WORKLOAD}"
            found.setdefault(framework, Control(program, cell.row, cell.device))
    once = tuple(found.values())
    return (*once, *(replace(control, again=True) for control in once)) if twice else once


def iterations_so_far(plan: Plan, control: Control) -> int | None:
    """Of the program's rounds in this run, in either process, or as given; None before the first.

    Both processes, and a run that is taken up again, are timed alike.
    """
    records = (Path(plan.folder) / "controls").glob(f"{control.first.id}-*.json")
    path = next(records, None)
    if path is None:
        return plan.rounds.get(control.first.id)
    return int(json.loads(path.read_text(encoding="utf-8"))["iterations_per_round"])
