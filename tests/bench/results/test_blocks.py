"""Turns become blocks: in order, with their statistics, and each instrument's share."""

from typing import Any

import pytest

from bench.results.blocks import merged

FACTS = {
    "iterations_per_round": 2,
    "call_s": 0.5,
    "updates_per_iteration": 3,
    "images_per_iteration": 10,
    "multiply_adds_per_iteration": 5_000_000_000,
    "mode": "eager",
}


def turn(cell: str, block: int, number: int, seconds: float, **more: Any) -> dict[str, Any]:
    content = {"param": cell, "stats": {"data": [seconds]}, "extra_info": dict(FACTS)}
    own = {"cell": {"row": cell}, "block": block, "turn": number, "benchmark": content}
    clocks = {"caller_clock_s": seconds + 0.5, "device_clock_s": None, "energy_j": None}
    return own | clocks | more


def only(*turns: dict[str, Any]) -> dict[str, Any]:
    (block,) = merged(turns)
    found: dict[str, Any] = block["benchmark"]
    return found


def test_cells_blocks_and_turns_are_in_order() -> None:
    records = [
        turn("b", 0, 1, 5.0),
        turn("a", 10, 0, 4.0),
        turn("b", 0, 0, 3.0),
        turn("a", 2, 1, 2.0),
        turn("a", 2, 0, 1.0),
    ]
    found = merged(iter(records))
    assert [(one["cell"]["row"], one["block"]) for one in found] == [("a", 2), ("a", 10), ("b", 0)]
    assert [one["benchmark"]["stats"]["data"] for one in found] == [[1.0, 2.0], [4.0], [3.0, 5.0]]
    names = [one["benchmark"]["name"] for one in found]
    assert names == [f"test_train_step[{name}]" for name in ("a-2", "a-10", "b-0")]
    assert [one["benchmark"]["params"] for one in found] == [
        {"cell": cell, "block": block} for cell, block in (("a", 2), ("a", 10), ("b", 0))
    ]
    assert all(
        one["benchmark"]["fullname"].endswith(f"::{n}") for one, n in zip(found, names, strict=True)
    )
    assert merged([]) == []


def test_rates_come_from_the_middle_round() -> None:
    """Rounds of 2 iterations in 1, 9 and 4 s: half an iteration a second."""
    block = only(turn("a", 0, 0, 1.0), turn("a", 0, 2, 9.0), turn("a", 0, 5, 4.0))
    extra = block["extra_info"]
    assert (extra["steps_per_s"], extra["updates_per_s"], extra["images_per_s"]) == (0.5, 1.5, 5.0)
    assert extra["gflop_per_s"] == pytest.approx(5.0)
    assert extra["step_time_s"] == {0: 0.5, 2: 4.5, 5: 2.0}
    assert extra["mode"] == "eager"
    stats = block["stats"]
    assert (stats["iterations"], stats["rounds"], stats["median"]) == (1, 3, 4.0)
    assert block["param"] == "a"


def test_clocks_are_compared_in_the_middle_without_the_call() -> None:
    """The caller's is more by 0, 10 and 50 %, beside the half second of a call."""
    turns = [
        turn("a", 0, i, 2.0, caller_clock_s=2.0 * (1 + more) + 0.5, device_clock_s=clock)
        for i, (more, clock) in enumerate(((0.5, 1.0), (0.0, None), (0.1, 1.6)))
    ]
    extra = only(*turns)["extra_info"]
    assert extra["clocks_differ"] == pytest.approx(0.1)
    assert extra["device_clock_differs"] == pytest.approx((1.0 + 0.25) / 2)
    assert extra["caller_clock_s"] == [pytest.approx(t) for t in (3.5, 2.5, 2.7)]
    assert extra["device_clock_s"] == [1.0, None, 1.6]
    assert only(turn("a", 0, 0, 2.0))["extra_info"]["device_clock_differs"] is None


def test_energy_is_the_mean_over_turns_that_have_it() -> None:
    turns = [
        turn("a", 0, i, 1.0, energy_j=joules) for i, joules in enumerate((1.0, None, 0.0, 8.0))
    ]
    assert only(*turns)["extra_info"]["energy_j_per_iteration"] == pytest.approx(1.5)
    assert only(turn("a", 0, 0, 1.0, energy_j=0.0))["extra_info"]["energy_j_per_iteration"] == 0.0
    assert only(turns[1])["extra_info"]["energy_j_per_iteration"] is None
