"""Costs of cells by hand: starts, break-even, ceilings, and what a record holds or lacks."""

from typing import Any

import pytest

from bench.results.costs import add_costs, ceilings, start_s

BEST: list[dict[str, Any]] = [
    {"row": "a", "precision": "float32", "gflop_per_s": 40.0, "size": 512, "device": "cpu"},
    {"row": "b", "precision": "float32", "gflop_per_s": 80.0, "size": 1024, "device": "cpu"},
    {"row": "a", "precision": "float64", "gflop_per_s": 10.0, "size": 256, "device": "cpu"},
]


def cell(name: str, mode: str, speed: float, **more: Any) -> dict[str, Any]:
    known = {"workload": "gan", "precision": "float32", "batch_size": 8, "row": "a"}
    own = {"id": name, "mode": mode, "steps_per_s": speed, "first_step_s": 1 / speed}
    return known | own | {"again": False, "gflop_per_s": 20.0} | more


def costs_of(*cells: dict[str, Any], **how: Any) -> dict[str, dict[str, Any]]:
    first = dict.fromkeys((one["id"] for one in cells), 1) | how.get("first", {})
    add_costs(list(cells), how.get("costs", {}), how.get("best", BEST), first)
    return {one["id"]: one["cost"] for one in cells}


def test_ceilings_are_named_by_precision_only_where_there_are_several() -> None:
    kept = ("gflop_per_s", "size", "precision")
    found = [{name: one[name] for name in kept} for one in BEST]
    assert ceilings(BEST[:2]) == {"a": found[0], "b": found[1]}
    assert ceilings(BEST) == {"a float32": found[0], "b float32": found[1], "a float64": found[2]}
    assert ceilings([]) == {}


def test_the_share_of_a_ceiling_is_of_the_best_row_at_the_same_precision() -> None:
    found = costs_of(
        cell("one", "eager", 10.0),
        cell("two", "eager", 10.0, precision="float64"),
        cell("three", "eager", 10.0, precision="bfloat16"),
    )
    shares = [one["ceiling_share"] for one in found.values()]
    assert shares == [20.0 / 80.0, 20.0 / 10.0, None]
    assert [one["gflop_per_s"] for one in found.values()] == [20.0] * 3
    assert costs_of(cell("one", "eager", 10.0), best=[])["one"]["ceiling_share"] is None


def test_what_was_measured_is_handed_on_and_what_was_not_is_none() -> None:
    record: dict[str, Any] = {"latency_s": {"1": 0.5}, "peak_memory_bytes": 7, "imported_bytes": 3}
    record |= {"peak_memory_kind": "allocator", "failed": "it died"}
    one, two = cell("one", "eager", 10.0, energy_j_per_iteration=4.0), cell("two", "eager", 5.0)
    found = costs_of(one, two, costs={"one": record, "another": {}})
    assert {name: found["one"][name] for name in record} == record
    assert found["one"]["energy_j_per_iteration"] == 4.0
    nothing: dict[str, Any] = {
        "latency_s": {},
        "peak_memory_bytes": None,
        "imported_bytes": None,
        "failed": None,
    }
    nothing |= {"peak_memory_kind": "process", "energy_j_per_iteration": None}
    assert {name: found["two"][name] for name in nothing} == nothing


def test_a_start_is_the_first_call_beyond_its_iterations() -> None:
    """Three iterations of 0.25 s in a call of 1 s; never less than nothing."""
    one = cell("one", "multistep", 4.0, first_step_s=1.0)
    assert start_s(one, {"one": 3, "two": 9}) == 0.25
    assert start_s(one, {"one": 4}) == 0.0
    assert start_s(one, {"one": 5}) == 0.0
    assert costs_of(one, first={"one": 3})["one"]["start_s"] == 0.25


def even(speed: float, first_step_s: float, *others: dict[str, Any]) -> int | None:
    """Of a compiled cell, beside an eager one of 0.5 s an iteration."""
    compiled = cell("compiled", "compiled", speed, first_step_s=first_step_s)
    eager = others or (cell("eager", "eager", 2.0, first_step_s=1.5),)
    found: int | None = costs_of(compiled, *eager)["compiled"]["break_even_iterations"]
    return found


def test_whole_iterations_until_compiling_pays() -> None:
    """A start of 5 s, 1 s of which eager has too; 0.25 s saved an iteration."""
    assert even(4.0, 5.25) == 16
    assert even(4.0, 5.26) == 17
    assert even(4.0, 1.25) == 0
    assert even(4.0, 0.5) == 0
    assert even(2.0, 5.5) is None
    assert even(1.0, 6.0) is None
    found = costs_of(cell("eager", "eager", 2.0), cell("twice", "compiled", 4.0))
    assert found["eager"]["break_even_iterations"] is None


@pytest.mark.parametrize(
    "more",
    [
        {"row": "b"},
        {"row": "A"},
        {"workload": "other"},
        {"precision": "float64"},
        {"batch_size": 16},
        {"again": True},
        {"mode": "multistep"},
    ],
)
def test_only_the_first_eager_cell_of_the_row_and_group_is_a_measure(more: dict) -> None:
    other = cell("eager", "eager", 2.0, first_step_s=1.5) | more
    assert even(4.0, 5.25, other) is None
    assert even(4.0, 5.25, other, cell("right", "eager", 2.0, first_step_s=1.5)) == 16
