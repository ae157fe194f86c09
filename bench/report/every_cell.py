"""The table of all cells with all their numbers."""

from typing import Any

from bench.plan.turns import FEWEST_BLOCKS
from bench.report.groups import Result, Summary, cells, groups, versus
from bench.report.numbers import interval, number, percent, seconds
from bench.report.panels import IDENTITY, identity
from bench.report.parts import Section, Table, Value, entry, text

COLUMNS = (
    "iterations/s",
    "+-",
    "of fastest",
    "verdict",
    "updates/s",
    "images/s",
    "draws",
    "first step",
    "proof",
    "optimizer",
)


def all_cells(result: Result) -> Section | None:
    """Every number of every cell in one table."""
    ratios = versus(result)
    lines = [
        [*identity(cell), *_entries(cell, ratios.get(cell["id"]))]
        for _, group in groups(result)
        for cell in group
    ]
    if not lines:
        return None
    table = Table("All measured cells", (*IDENTITY, *COLUMNS), lines, folded=False)
    words = [
        "+-: half the range of the blocks. of fastest: geometric mean over blocks of the ratio "
        "within a block, with its 95 % interval. draws: share of an iteration that drawing random "
        "numbers takes when timed alone. proof: share of its limit that the timed function used.",
        f"The harness's share of a round is {_worst(result, 'overhead_share'):.4%} at most. The "
        f"caller's clock and the worker's differ by {_worst(result, 'clocks_differ'):.2%} at most.",
    ]
    return Section("cells", "All cells", words, tables=[table])


def _entries(cell: Summary, ratio: dict[str, Any] | None) -> list[Value]:
    return [
        entry(number(cell["steps_per_s"]), cell["steps_per_s"]),
        entry(percent(cell["spread"]), cell["spread"]),
        _ratio(ratio),
        text(ratio["verdict"] if ratio else "-"),
        entry(number(cell["updates_per_s"]), cell["updates_per_s"]),
        entry(number(cell["images_per_s"]), cell["images_per_s"]),
        entry(percent(cell["draws_share"]), cell["draws_share"]),
        entry(seconds(cell["first_step_s"]), cell["first_step_s"]),
        entry(percent(cell["proof_share"]), cell["proof_share"]),
        text(cell["optimizer"]),
    ]


def _ratio(ratio: dict[str, Any] | None) -> Value:
    if ratio is None or ratio["value"] is None:
        return entry("-", None)
    if ratio["verdict"] == "fastest":
        return entry("1", 1.0)
    sure = ratio["blocks"] >= FEWEST_BLOCKS
    return entry(interval(ratio) if sure else f"{ratio['value']:.2f}", ratio["value"])


def _worst(result: Result, name: str) -> float:
    return max(abs(cell[name]) for cell in cells(result))
