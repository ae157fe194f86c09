"""Turns of a block: which a cell takes, and how their rounds become one record."""

import pytest

from bench.plan.turns import FEWEST_BLOCKS, blocks_of, turns_of
from bench.results.blocks import merged


@pytest.mark.parametrize(
    ("round_s", "expected"),
    [
        (0.18, [0, 1, 2, 3, 4]),
        (0.25, [0, 1, 2, 3, 4]),
        (0.27, [0, 1, 2, 3, 4]),  # a little longer than wanted
        (0.28, [0, 1, 3, 4]),
        (0.4, [0, 2, 4]),
        (0.5, [0, 2, 4]),
        (0.51, [1, 3]),
        (0.9, [2]),
        (60.0, [2]),
    ],
)
def test_long_dispatches_are_fewer_and_spread_evenly(round_s: float, expected: list[int]) -> None:
    found = {"round_s": round_s, "iterations_per_round": 8, "chunk_iterations": 8}
    assert turns_of(found, 0.25, 5) == expected


def test_rounds_of_several_dispatches_are_taken_in_all_turns() -> None:
    found = {"round_s": 60.0, "iterations_per_round": 16, "chunk_iterations": 8}
    assert turns_of(found, 0.25, 3) == [0, 1, 2]


@pytest.mark.parametrize(
    ("round_s", "blocks", "expected"),
    [
        (2.9, 10, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]),
        (3.0, 10, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]),
        (3.1, 10, [0, 2, 4, 6, 8]),
        (3.1, 11, [0, 2, 4, 6, 8, 10]),
        (60.0, 9, [0, 1, 2, 3, 4, 5, 6, 7, 8]),  # half of them would name no winner
        (60.0, 2, [0, 1]),
    ],
)
def test_very_long_rounds_are_in_every_second_block(
    round_s: float, blocks: int, expected: list[int]
) -> None:
    chosen = blocks_of({"round_s": round_s}, 0.25, 3, blocks)
    assert chosen == expected
    assert len(chosen) >= min(blocks, FEWEST_BLOCKS)


def record(cell: str, block: int, turn: int, round_s: float, **clocks: float | None) -> dict:
    facts = {
        "iterations_per_round": 10,
        "updates_per_iteration": 2,
        "images_per_iteration": 64,
        "multiply_adds_per_iteration": 1e6,
        "call_s": 0.001,
    }
    benchmark = {
        "name": f"test_train_step[{turn}-{block}-{cell}]",
        "param": cell,
        "extra_info": facts,
        "stats": {"data": [round_s]},
    }
    own = {"caller_clock_s": round_s + 0.001, "device_clock_s": None, "energy_j": None} | clocks
    return {"cell": {}, "block": block, "turn": turn, "benchmark": benchmark, **own}


def test_a_block_is_one_record_with_the_median_of_its_turns() -> None:
    turns = [record("a", 0, 2, 0.2), record("a", 0, 0, 0.5), record("a", 0, 1, 0.1)]
    one, other = merged([*turns, record("a", 1, 0, 0.4)])
    assert (one["block"], other["block"]) == (0, 1)
    assert one["benchmark"]["stats"]["data"] == [0.5, 0.1, 0.2]
    assert one["benchmark"]["stats"]["median"] == 0.2
    assert one["benchmark"]["stats"]["rounds"] == 3
    assert one["benchmark"]["params"] == {"cell": "a", "block": 0}
    assert one["benchmark"]["fullname"] != other["benchmark"]["fullname"]
    extra = one["benchmark"]["extra_info"]
    assert extra["step_time_s"] == {0: 0.05, 1: 0.01, 2: 0.02}
    assert extra["steps_per_s"] == pytest.approx(50.0)
    assert extra["updates_per_s"] == pytest.approx(100.0)
    assert extra["images_per_s"] == pytest.approx(3200.0)
    assert extra["gflop_per_s"] == pytest.approx(0.1)
    assert extra["clocks_differ"] == pytest.approx(0.0)
    assert extra["device_clock_differs"] is None
    assert extra["energy_j_per_iteration"] is None


def test_cells_and_blocks_are_kept_apart() -> None:
    places = [("b", 1), ("a", 0), ("b", 0), ("a", 1)]
    records = [record(cell, block, turn, 0.1) for turn in (0, 1) for cell, block in places]
    found = [tuple(one["benchmark"]["params"].values()) for one in merged(records)]
    assert found == sorted(places)


def test_clocks_and_energy_of_a_block() -> None:
    one, other = {"device_clock_s": 0.08, "energy_j": 1.0}, {"device_clock_s": 0.1, "energy_j": 3.0}
    turns = [record("a", 0, 0, 0.1, **one), record("a", 0, 1, 0.1, caller_clock_s=0.131, **other)]
    extra = merged(turns)[0]["benchmark"]["extra_info"]
    assert extra["device_clock_differs"] == pytest.approx((0.25 + 0.0) / 2)
    assert extra["clocks_differ"] == pytest.approx((0.0 + 0.3) / 2)
    assert extra["energy_j_per_iteration"] == pytest.approx(0.2)
