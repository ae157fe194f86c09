"""Groups come cheapest first, and their blocks in two halves."""

import pytest

from bench.plan import groups
from bench.plan.cells import Cell


def cell(workload: str, batch_size: int = 64, row: str = "pytorch") -> Cell:
    return Cell(workload, row, "eager", "float32", "cpu", batch_size, workload)


def test_the_cheapest_proof_comes_first_whatever_was_typed_first() -> None:
    typed = ("dcgan_32", "gaussian", "mlp_square", "dcgan_32")
    cells = [cell(workload) for workload in typed]
    labels = [label for label, _, _ in groups.in_order(cells)]
    assert labels[0] == "mlp_square"  # by multiply-adds alone it would be gaussian
    assert sorted(labels) == ["dcgan_32", "gaussian", "mlp_square"]


def test_each_precision_and_batch_size_is_a_group() -> None:
    found = groups.in_order([cell("mlp_small", 128), cell("mlp_small", 16)])
    assert found == [("mlp_small", "float32", 16), ("mlp_small", "float32", 128)]
    assert [groups.name(group) for group in found] == [
        "mlp_small-float32-b16",
        "mlp_small-float32-b128",
    ]


@pytest.mark.parametrize(("blocks", "early"), [(1, 1), (2, 1), (9, 5), (10, 5)])
def test_the_first_half_is_never_the_smaller(blocks: int, early: int) -> None:
    first, second = groups.halves(blocks)
    assert len(first) == early
    assert [*first, *second] == list(range(blocks))
