"""A worker that hangs, dies or runs out of memory marks its cell; every other cell is measured."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from bench.commands.running import run_plan
from bench.plan.cells import Cell, Plan
from bench.results.provenance import provenance
from bench.timing.cell import time_round
from bench.workers.pool import Where, Workers
from tests.bench.workers import misbehave

SMALL = "tests/meta/workloads/vocabulary_b.toml"
MISDEEDS: dict[int, tuple[Callable[..., Any], dict[str, Any], str]] = {
    4: (misbehave.hang, {}, "hung"),
    5: (misbehave.die, {"code": 9}, "died"),
    6: (misbehave.fail, {}, "MemoryError"),
}
"""Batch size of the cell -> function of misbehave, its arguments, kind of failure."""


def test_three_marked_cells_and_the_others_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes = (4, 7, 5, 8, 6, 9)
    cells = tuple(
        Cell(SMALL, "reference", "eager", "float64", "cpu", size, "vocabulary_b") for size in sizes
    )
    wrong = {cell.id: MISDEEDS[cell.batch_size] for cell in cells if cell.batch_size in MISDEEDS}
    real = Workers.call

    def call(
        self: Workers, where: Where, function: Any, arguments: Mapping[str, Any], timeout_s: float
    ) -> Any:
        """Rounds of the three cells go wrong in the worker that all six share."""
        if function is time_round and arguments["cell_id"] in wrong:
            misdeed, with_, _ = wrong[arguments["cell_id"]]
            return real(self, where, misdeed, with_, 1.0)
        return real(self, where, function, arguments, timeout_s)

    monkeypatch.setattr(Workers, "call", call)
    plan = Plan(
        cells=cells,
        absent=(),
        blocks=2,
        turns=3,
        round_s=0.004,
        seed=1,
        pythons={},
        folder=str(tmp_path / "run.records"),
        costs=True,
        memory=False,
        identity={},
    )
    code, result = run_plan(plan, Console(quiet=True), provenance())
    assert code == 1
    found = {failure["id"]: failure["kind"] for failure in result["failures"]}
    assert found == {cell: kind for cell, (_, _, kind) in wrong.items()}
    measured = {cell["id"]: cell["blocks"] for cell in result["summary"]}
    assert measured == {cell.id: 2 for cell in cells if cell.id not in wrong}
