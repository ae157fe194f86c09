"""Groups come cheapest first, and their blocks in two halves."""

from types import SimpleNamespace
from typing import Any

import pytest

from bench.plan import groups
from bench.plan.cells import Cell, Plan
from spec.sources import Draw


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


def test_the_cost_of_a_proof_by_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    """Three iterations in a chunk, and one more; each of 1,000 multiply-adds beside the rest."""
    source: Any = SimpleNamespace(shape=(3, 4))
    single: Any = SimpleNamespace(shape=())
    workload: Any = SimpleNamespace(
        draw_table=lambda: {"a": Draw(2, source, "a", "a"), "b": Draw(5, single, "b", "b")},
        updates_per_iteration=7,
        schedule=SimpleNamespace(batch_size=10),
        chunk_iterations=lambda: 3,
    )
    products = {id(workload): 1000}
    monkeypatch.setattr(groups, "iteration_multiply_adds", lambda of: products[id(of)])
    updates, drawn = 7 * 1e8, 500 * (2 * 3 * 4 + 5) * 10
    assert groups._cost(workload) == 4 * (1000 + updates + drawn)


def test_a_group_is_costed_once_by_its_first_cell(monkeypatch: pytest.MonkeyPatch) -> None:
    cells = [
        Cell(name, row, "eager", "float32", "cpu", size, name)
        for name, size in (("mlp_small", 8), ("gaussian", 4), ("mlp_small", 16))
        for row in ("pytorch", "flax_nnx")
    ]
    asked = []

    def cost(workload: Any) -> float:
        asked.append((workload.name, workload.schedule.batch_size))
        return {8: 3.0, 4: 1.0, 16: 2.0}[workload.schedule.batch_size]

    monkeypatch.setattr(groups, "_cost", cost)
    found = groups.in_order(cells)
    assert found == [("gaussian", "float32", 4), ("mlp_small", "float32", 16), cells[0].group]
    assert asked == [("mlp_small", 8), ("gaussian", 4), ("mlp_small", 16)]
    assert groups.in_order([]) == []
    fields: dict[str, Any] = dict.fromkeys(("turns", "round_s", "seed", "pythons", "folder"))
    fields |= dict.fromkeys(("costs", "memory", "identity"))
    plan = Plan(cells=tuple(reversed(cells)), absent=(), blocks=1, **fields)
    assert groups.of_group(plan, cells[0].group) == (cells[1], cells[0])
    assert groups.of_group(plan, ("other", "float32", 8)) == ()
