"""PyTorch's graphs of chunks, by a stand-in: the graphs themselves need a GPU."""

import pytest

from bench.workers.pool import Workers
from tests.bench.timing.capturing import batches_of_two_sizes
from tests.conftest import Selection


def test_a_smaller_batch_has_a_graph_of_its_own(selection: Selection) -> None:
    if "pytorch" not in selection.rows:
        pytest.skip("only PyTorch replays graphs of chunks")
    pool = Workers(selection.pythons)
    try:
        found = pool.call(
            ("pytorch", "float64", "cpu"),
            batches_of_two_sizes,
            {"workload": "mlp_small"},
            120.0,
        )
    finally:
        pool.stop()
    assert found == {"same": True, "graphs": 2}
