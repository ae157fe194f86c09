"""The reference leaves nothing behind in a process that is timed."""

from pathlib import Path

from bench.plan.cells import Cell
from bench.proof.group import prove
from bench.proof.starting import start
from bench.timing.cell import prepare
from bench.timing.conftest import compiled_anew
from bench.workers.pool import Workers
from tests.bench.timing.compiling import imported
from tests.conftest import Selection

WORKLOAD = "tests/meta/workloads/vocabulary_b.toml"


def test_what_is_timed_has_not_run_the_reference(selection: Selection, tmp_path: Path) -> None:
    row = selection.rows[0]
    cell = Cell(WORKLOAD, row, "compiled", "float64", selection.device, 8, "vocabulary_b")
    pool, reference = Workers(selection.pythons, compiled_anew(str(tmp_path))), Workers({})
    try:
        pool.call(cell.where, start, {"cell": cell.as_dict()}, 300.0)
        proof = prove([cell], pool, reference, tmp_path, {}, None)[cell.id]
        pool.call(cell.where, prepare, {"cell_id": cell.id, "round_s": 0.01}, 300.0)
        there = pool.call(cell.where, imported, {}, 30.0)
    finally:
        pool.stop()
        reference.stop()
    assert isinstance(proof, dict)
    assert proof["comparisons"] > 0
    assert "bench.proof.timed_path" in there
    assert "backends.reference" not in there
