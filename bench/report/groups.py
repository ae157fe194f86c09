"""The cells of a result as the page shows them: by group, with their blocks."""

from collections.abc import Iterator
from typing import Any

from bench.plan.turns import FEWEST_BLOCKS
from bench.results.statistics import Ratio, speed_ratio
from bench.results.verdicts import Group, group_of

Result = dict[str, Any]
Summary = dict[str, Any]


def cells(result: Result) -> list[Summary]:
    """Measured cells, each once."""
    return [cell for cell in result["summary"] if not cell["again"]]


def groups(result: Result) -> Iterator[tuple[str, list[Summary]]]:
    """(title, cells that compare with each other, the fastest first)."""
    for key in dict.fromkeys(group_of(cell) for cell in cells(result)):
        group = [cell for cell in cells(result) if group_of(cell) == key]
        yield title(key), sorted(group, key=lambda cell: -cell["steps_per_s"])


def title(group: Group) -> str:
    """A group for people."""
    workload, precision, batch_size = group
    return f"{workload}, {precision}, batch {batch_size}"


def name(cell: Summary) -> str:
    """A cell within its group."""
    return f"{cell['row']} {cell['mode']}"


def step_times(result: Result) -> dict[str, dict[int, float]]:
    """Cell id -> number of the block -> its median, in seconds an iteration."""
    times: dict[str, dict[int, float]] = {}
    for benchmark in result["benchmarks"]:
        extra = benchmark["extra_info"]
        block = benchmark["params"]["block"]
        times.setdefault(extra["cell"], {})[block] = 1.0 / extra["steps_per_s"]
    return times


def speed(times: dict[int, float]) -> Ratio | None:
    """Iterations a second with their interval over blocks; None with too few of them."""
    if len(times) < FEWEST_BLOCKS:
        return None
    one_turn = {block: {0: time} for block, time in times.items()}
    return speed_ratio(one_turn, {block: {0: 1.0} for block in times})


def versus(result: Result) -> dict[str, dict[str, Any]]:
    """Cell id -> its ratio to the fastest of its group, the fastest itself being 1."""
    found: dict[str, dict[str, Any]] = {}
    for comparison in result["comparisons"]:
        best = {"value": 1.0, "low": 1.0, "high": 1.0, "blocks": 0, "verdict": "fastest"}
        found[comparison["fastest"]] = best
        found |= {numbers["id"]: numbers for numbers in comparison["versus"]}
    return found


def extras(result: Result) -> dict[str, dict[str, Any]]:
    """Cell id -> what its first block says of versions, device and data."""
    found: dict[str, dict[str, Any]] = {}
    for benchmark in result["benchmarks"]:
        found.setdefault(benchmark["extra_info"]["cell"], benchmark["extra_info"])
    return found
