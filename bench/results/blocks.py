"""Blocks from the records of their turns, as pytest-benchmark keeps them."""

from collections.abc import Iterable
from itertools import groupby
from statistics import fmean, median
from typing import Any

from pytest_benchmark.stats import Stats

Record = dict[str, Any]


def merged(records: Iterable[Record]) -> list[Record]:
    """One record for each cell and block, with a round of each of its turns."""

    def block(record: Record) -> tuple[str, int]:
        return record["benchmark"]["param"], record["block"]

    ordered = sorted(records, key=lambda record: (*block(record), record["turn"]))
    return [_merged(list(turns)) for _, turns in groupby(ordered, key=block)]


def _merged(turns: list[Record]) -> Record:
    """pytest-benchmark's record of the block: its rounds' times, and their statistics."""
    first, stats = turns[0], Stats()
    for turn in turns:
        for seconds in turn["benchmark"]["stats"]["data"]:
            stats.update(seconds)
    cell, block = first["benchmark"]["param"], first["block"]
    name = f"test_train_step[{cell}-{block}]"
    benchmark = first["benchmark"] | {
        "name": name,
        "fullname": f"bench/timing/test_train_step.py::{name}",
        "params": {"cell": cell, "block": block},
        "extra_info": _extra_info(turns, stats),
        "stats": stats.as_dict() | {"data": stats.data, "iterations": 1},
    }
    return {"cell": first["cell"], "block": block, "benchmark": benchmark}


def _extra_info(turns: list[Record], stats: Any) -> dict[str, Any]:
    """What a reader needs beside the seconds: facts of the cell, rates and clocks of the block."""
    facts = turns[0]["benchmark"]["extra_info"]
    k = facts["iterations_per_round"]
    steps_per_s = k / stats.median
    calls = [turn["caller_clock_s"] - facts["call_s"] for turn in turns]
    return facts | {
        "step_time_s": {turn["turn"]: s / k for turn, s in zip(turns, stats.data, strict=True)},
        "steps_per_s": steps_per_s,
        "updates_per_s": steps_per_s * facts["updates_per_iteration"],
        "images_per_s": steps_per_s * facts["images_per_iteration"],
        "gflop_per_s": 2e-9 * steps_per_s * facts["multiply_adds_per_iteration"],
        "caller_clock_s": [turn["caller_clock_s"] for turn in turns],
        "clocks_differ": _differ(calls, stats.data),
        "device_clock_s": [turn["device_clock_s"] for turn in turns],
        "device_clock_differs": _differ(stats.data, [turn["device_clock_s"] for turn in turns]),
        "energy_j_per_iteration": _energy_j(turns, k),
    }


def _differ(seconds: list[float], clock: list[float | None]) -> float | None:
    """By how much of it they are more than another clock's, in the middle; None without one."""
    shares = [a / b - 1.0 for a, b in zip(seconds, clock, strict=True) if b]
    return median(shares) if shares else None


def _energy_j(turns: list[Record], iterations: int) -> float | None:
    """The mean over turns, since the counter may be as slow as a round is short."""
    joules = [turn["energy_j"] for turn in turns if turn["energy_j"] is not None]
    return fmean(joules) / iterations if joules else None
