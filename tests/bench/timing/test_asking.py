"""A timed call is the framework's: everything of the spec was asked before it."""

import pytest

import spec
from backends.protocol import MODES, absent_mode
from bench.workers.pool import Workers
from tests.bench.timing.asking import calls_of_the_spec
from tests.conftest import Selection, compiled_before, shared_cores

PLAIN, RICH = "mlp_small", "tests/meta/workloads/vocabulary_c.toml"
"""In every mode; and, with repeats, masks, averages and falling rates, where nothing is compiled,
since compiled code asks nothing but to make its draws."""


def test_a_warm_run_asks_nothing_of_the_spec(
    selection: Selection, pytestconfig: pytest.Config
) -> None:
    asked = {}
    pool = Workers(selection.pythons, shared_cores() | compiled_before(pytestconfig))
    rows = [row for row in selection.rows if row != "reference"]  # no rival of the others
    try:
        for row in rows:
            modes = [m for m in MODES if not absent_mode(row, m, spec.load(PLAIN), "cpu")]
            eager = [(RICH, m) for m in modes if m == "eager"]
            for workload, mode in [(PLAIN, m) for m in modes] + eager:
                given = {"workload": workload, "row": row, "mode": mode}
                where = (row, "float32", "cpu")
                asked[row, mode, workload] = pool.call(where, calls_of_the_spec, given, 300.0)
    finally:
        pool.stop()
    assert {cell: called for cell, called in asked.items() if called} == {}
