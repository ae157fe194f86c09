"""Before the first step of a run: the workers that it needs are there, however many."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from bench.plan.cells import Cell, Control, Plan
from bench.proof.starting import start
from bench.timing.preparing import Measuring
from bench.timing.yardstick import load
from bench.workers.pool import Where, WorkerFailed
from bench.workers.row import describe

CELL = Cell("mlp_square", "reference", "eager", "float64", "cpu", 8, "mlp_square")


class Asked:
    """Workers that note what they are asked, and of which none starts."""

    def __init__(self) -> None:
        self.calls: list[tuple[Callable[..., Any], Where]] = []

    def call(self, where: Where, function: Any, arguments: Any, timeout_s: float) -> Any:
        """A step that was taken, or no answer."""
        self.calls.append((function, where))
        if function is not start:
            raise WorkerFailed("died", "did not start")
        return {}

    def number(self, where: Where) -> int:
        """One for all."""
        return 1

    def stop(self) -> None:
        """There is nothing to stop."""


def test_all_that_a_run_asks_are_awake_before_its_first_step(tmp_path: Path) -> None:
    cells = (CELL, replace(CELL, mode="compiled"), replace(CELL, row="pytorch"))
    control = Control("bench.controls.pytorch_mlp_square", "pytorch", "cpu")
    fields: dict[str, Any] = {"absent": (), "pythons": {}, "identity": {}, "controls": (control,)}
    fields |= {"blocks": 1, "turns": 1, "round_s": 1.0, "seed": 1, "costs": False, "memory": False}
    plan = Plan(cells=cells, folder=str(tmp_path), **fields)
    workers: Any = Asked()
    measuring = Measuring(plan, workers, workers, tmp_path)
    for cell in cells:
        measuring.start(cell)
    woken, steps = workers.calls[:3], workers.calls[3:]
    expected = {(describe, CELL.where), (describe, cells[2].where), (load, control.where)}
    assert set(woken) == expected
    assert [function for function, _ in steps] == [start] * 3
