"""A first step is the first: no program finds what another one compiled."""

from pathlib import Path

import pytest

from bench.timing.conftest import compiled_anew
from bench.workers.pool import Workers
from tests.bench.timing.compiling import graphs_of_two_programs
from tests.conftest import Selection

WORKLOAD = "tests/meta/workloads/vocabulary_b.toml"


def test_each_program_compiles_for_itself(selection: Selection, tmp_path: Path) -> None:
    if "pytorch" not in selection.rows:
        pytest.skip("only torch keeps what it has compiled for the next program of a process")
    pool = Workers(selection.pythons, compiled_anew(str(tmp_path)))
    try:
        found = pool.call(
            ("pytorch", "float64", selection.device),
            graphs_of_two_programs,
            {"workload": WORKLOAD, "device": selection.device},
            300.0,
        )
    finally:
        pool.stop()
    one, both = found["graphs"]
    assert one > 0
    assert both == 2 * one
    assert not found["kept"]
