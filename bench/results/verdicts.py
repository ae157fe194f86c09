"""Who is ahead in each group of comparable cells, by how much, and how sure."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict
from math import inf
from typing import Any

from bench.results.statistics import (
    FEWEST_BLOCKS,
    TOO_NOISY,
    Blocks,
    Ratio,
    band,
    speed_ratio,
    verdict,
)

Summary = dict[str, Any]
Group = tuple[str, str, int]
SHORT_ROUNDS = (
    "No row is named: rounds were short, for compare, and what a framework loses at the start of a "
    "turn, after another's, is in its time."
)


def group_of(cell: Summary) -> Group:
    """Cells that compare with each other: one workload, precision and batch size."""
    return (cell["workload"], cell["precision"], cell["batch_size"])


def comparisons(
    summary: list[Summary], blocks: Mapping[str, Blocks], *, short_rounds: bool = False
) -> list[Summary]:
    """For each group: the A/A pair, the band, and every cell against the fastest.

    `blocks` holds the times of each cell, by its id. With rounds shorter than usual none is named.
    """
    found = []
    for group in dict.fromkeys(group_of(cell) for cell in summary):
        cells = [cell for cell in summary if group_of(cell) == group and not cell["again"]]
        if not cells:
            continue
        cells.sort(key=lambda cell: -cell["steps_per_s"])
        pairs = dict(_pairs([c for c in summary if group_of(c) == group], blocks))
        limit = band(pairs.values())
        fastest = cells[0]["id"]
        least = inf if short_rounds else limit
        versus = [_against(cell["id"], fastest, blocks, least) for cell in cells[1:]]
        found.append(
            {
                "workload": group[0],
                "precision": group[1],
                "batch_size": group[2],
                "fastest": fastest,
                "same_twice": {cell: asdict(ratio) for cell, ratio in pairs.items()},
                "band": limit,
                "short_rounds": short_rounds,
                "too_noisy": limit > TOO_NOISY,
                "versus": versus,
            }
        )
    return found


def _pairs(cells: Iterable[Summary], blocks: Mapping[str, Blocks]) -> Iterator[tuple[str, Ratio]]:
    for cell in cells:
        first = cell["id"].removesuffix("-again")
        if cell["again"] and first in blocks:
            ratio = speed_ratio(blocks[first], blocks[cell["id"]])
            if ratio is not None and ratio.blocks > 1:
                yield first, ratio


def _against(cell: str, fastest: str, blocks: Mapping[str, Blocks], limit: float) -> dict[str, Any]:
    ratio = speed_ratio(blocks[cell], blocks[fastest])
    numbers = asdict(ratio) if ratio else {"value": None, "low": None, "high": None, "blocks": 0}
    return {"id": cell, **numbers, "verdict": verdict(ratio, limit)}


def sentences(comparison: Summary, summary: list[Summary]) -> list[str]:
    """The group's answer in words, the most important first."""
    names = {cell["id"]: f"{cell['row']} {cell['mode']}" for cell in summary}
    versus, said = comparison["versus"], []
    if comparison["too_noisy"]:
        said.append(
            f"This machine was too noisy: the same program twice may have differed by "
            f"{_share(comparison['band'])}, so smaller differences mean nothing."
        )
    tied = [v for v in versus if v["verdict"] != "slower"]
    slower = [v for v in versus if v["verdict"] == "slower"]
    leader = names[comparison["fastest"]]
    if not versus:
        return [*said, f"{leader} has nothing to be compared with."]
    if comparison.get("short_rounds"):
        said.append(SHORT_ROUNDS)
    elif max(v["blocks"] for v in versus) < FEWEST_BLOCKS:
        said.append("Too few blocks to name a winner (five are needed, ten are the default).")
    elif tied:
        said.append(f"No difference shown between {_list([leader, *_names(names, tied)])}.")
    else:
        said.append(f"{leader} is ahead.")
    if slower:
        nearest = slower[0]
        factor = 1 / nearest["value"]
        low, high = 1 / nearest["high"], 1 / nearest["low"]
        said.append(
            f"{leader} is {factor:.2f} times [{low:.2f}, {high:.2f}] as fast as "
            f"{names[nearest['id']]}" + (", the next." if len(slower) > 1 or tied else ".")
        )
    for cell, ratio in comparison["same_twice"].items():
        said.append(
            f"{names[cell]} twice: {ratio['value']:.3f} [{ratio['low']:.3f}, {ratio['high']:.3f}]; "
            f"differences within {_share(comparison['band'])} are not claimed."
        )
    return said


def diverging(result: Summary) -> dict[str, list[str]]:
    """Workload -> one line that says from where on it is not finite, by its first cell."""
    found: dict[str, list[str]] = {}
    for cell in result.get("diverged", []):
        label = cell["workload"]
        found.setdefault(label, [f"{label}: this GAN diverges: {cell['error']}"])
    return found


def _names(names: dict[str, str], versus: list[dict[str, Any]]) -> list[str]:
    return [names[v["id"]] for v in versus]


def _list(shown: list[str]) -> str:
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} and {shown[-1]}"


def _share(band: float) -> str:
    """A band in per cent; one that has no bounds in words."""
    return f"{band:.1%}" if band < 1 else "more than double"
