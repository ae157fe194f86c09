"""The reference leaves nothing behind in a process that is timed."""

import os
from pathlib import Path

import pytest

from bench.plan.cells import Cell
from bench.proof.closeness import CheckFailed
from bench.timing.cell import prepare
from bench.timing.conftest import compiled_anew
from bench.workers.apart import in_own_process
from bench.workers.pool import Workers
from tests.bench.timing.compiling import imported
from tests.conftest import Selection

WORKLOAD = "tests/meta/workloads/vocabulary_b.toml"


def _refuse(what: str) -> None:
    raise CheckFailed(what)


def test_results_and_errors_come_back_from_another_process() -> None:
    assert in_own_process(os.getpid) != os.getpid()
    assert in_own_process(divmod, 7, 2) == (3, 1)
    with pytest.raises(CheckFailed, match="no"):
        in_own_process(_refuse, "no")


def test_what_is_timed_has_not_run_the_reference(selection: Selection, tmp_path: Path) -> None:
    row = selection.rows[0]
    cell = Cell(WORKLOAD, row, "compiled", "float64", selection.device, 8, "vocabulary_b")
    pool = Workers(selection.pythons, compiled_anew(str(tmp_path)))
    try:
        arguments = {"cell": cell.as_dict(), "round_s": 0.01}
        found = pool.call(cell.where, prepare, arguments, 300.0)
        there = pool.call(cell.where, imported, {}, 30.0)
    finally:
        pool.stop()
    assert found["proof"]["comparisons"] > 0
    assert "bench.proof.timed_path" in there
    assert "backends.reference" not in there
