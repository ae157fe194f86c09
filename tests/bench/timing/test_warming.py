"""Before a round: a fifth of it, in whole dispatches, where it has several."""

from typing import Any

import pytest

from bench.plan.cells import Cell
from bench.timing.test_train_step import _warm_up


class Noting:
    """Workers that note how many iterations they are asked for."""

    def __init__(self) -> None:
        self.iterations: list[int] = []

    def call(self, where: Any, function: Any, arguments: Any, timeout_s: float) -> None:
        """Nothing is run."""
        self.iterations.append(arguments["n"])


@pytest.mark.parametrize(
    ("mode", "k", "expected"),
    [
        ("eager", 1, []),
        ("eager", 4, []),
        ("eager", 5, [1]),
        ("eager", 32, [6]),
        ("multistep", 8, []),  # one dispatch
        ("multistep", 32, []),
        ("multistep", 40, [8]),
        ("multistep", 160, [32]),
    ],
)
def test_a_round_of_few_dispatches_has_no_warm_up(mode: str, k: int, expected: list[int]) -> None:
    workers: Any = Noting()
    cell = Cell("mlp_square", "pytorch", mode, "float32", "cpu", 64, "mlp_square")
    _warm_up(cell, {"chunk_iterations": 8, "iterations_per_round": k}, workers)
    assert workers.iterations == expected
