"""A first step is the first, of one graph: no program finds what another one compiled."""

from collections.abc import Iterator

import pytest

from bench.timing.conftest import compiled_anew
from bench.workers.pool import Workers
from tests.bench.timing.compiling import graphs_of_two_programs, refused_as_two_graphs
from tests.conftest import Selection

WORKLOAD = "tests/meta/workloads/vocabulary_b.toml"


@pytest.fixture(name="pool", scope="module")
def _pool(selection: Selection, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workers]:
    if "pytorch" not in selection.rows:
        pytest.skip("only torch keeps what it has compiled for the next program of a process")
    folder = str(tmp_path_factory.mktemp("compiled"))
    workers = Workers(selection.pythons, compiled_anew(folder))
    yield workers
    workers.stop()


def test_each_program_compiles_for_itself(selection: Selection, pool: Workers) -> None:
    found = pool.call(
        ("pytorch", "float64", selection.device),
        graphs_of_two_programs,
        {"workload": WORKLOAD, "device": selection.device},
        300.0,
    )
    one, both = found["graphs"]
    assert one > 0
    assert both == 2 * one
    assert not found["kept"]


def test_a_graph_that_breaks_is_refused(selection: Selection, pool: Workers) -> None:
    """Part of it would run as Python does, slower, and nothing would say so."""
    where = ("pytorch", "float64", selection.device)
    assert pool.call(where, refused_as_two_graphs, {}, 120.0)
