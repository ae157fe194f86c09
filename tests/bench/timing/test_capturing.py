"""PyTorch's graphs of chunks, by a stand-in: the graphs themselves need a GPU."""

from collections.abc import Callable
from typing import Any

import pytest

from bench.workers.pool import ROOT, Workers
from tests.bench.timing.capturing import batches_of_two_sizes, places_in_a_period
from tests.conftest import Selection

LAZY = str(ROOT / "tests" / "meta" / "workloads" / "lazy.toml")


@pytest.mark.parametrize(
    ("compared", "workload", "graphs"),
    [
        pytest.param(batches_of_two_sizes, "mlp_small", 2, id="a smaller batch"),
        pytest.param(places_in_a_period, LAZY, 5, id="another place in the period, or length"),
    ],
)
def test_it_has_a_graph_of_its_own(
    selection: Selection, compared: Callable[[str], dict[str, Any]], workload: str, graphs: int
) -> None:
    if "pytorch" not in selection.rows:
        pytest.skip("only PyTorch replays graphs of chunks")
    pool = Workers(selection.pythons)
    try:
        key = ("pytorch", "float64", "cpu")
        found = pool.call(key, compared, {"workload": workload}, 120.0)
    finally:
        pool.stop()
    assert found == {"same": True, "graphs": graphs}
