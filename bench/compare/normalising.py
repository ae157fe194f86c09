"""A run's yardstick from its control programs, and the speeds of its cells measured by it."""

from collections.abc import Iterable, Sequence
from math import exp, log
from statistics import fmean

from bench.results.reading import Result
from bench.results.statistics import Blocks, LogSpeed, Turns, log_speed, mean_speed


def common_controls(results: Iterable[Result]) -> list[str]:
    """The controls that were the same program on the same versions in all runs, and failed in none.

    A control whose framework was updated is no yardstick: it may have changed as the cells did.
    Nor is one that had other iterations in its rounds, where these are short.
    """
    usable = [
        {
            (
                control.id,
                control.program_hash,
                tuple(sorted(control.versions.items())),
                control.iterations_per_round if result.short_rounds else None,
            )
            for control in result.controls
            if control.groups and not control.error
        }
        for result in results
    ]
    return sorted(name for name, *_ in set.intersection(*usable))


def yardstick(result: Result, controls: Iterable[str], group: str) -> Blocks | None:
    """The geometric mean of the controls' seconds an iteration, in each turn of a group's blocks.

    None without controls.
    """
    wanted = set(controls)
    times = [control.blocks(group) for control in result.controls if control.id in wanted]
    if not times:
        return None
    common = set.intersection(*(set(blocks) for blocks in times))
    return {block: _mean([blocks[block] for blocks in times]) for block in sorted(common)}


def _mean(turns: list[Turns]) -> Turns:
    common = set.intersection(*(set(by_turn) for by_turn in turns))
    return {turn: exp(fmean(log(by_turn[turn]) for by_turn in turns)) for turn in sorted(common)}


def log_speeds(
    result: Result, cells: Iterable[str], controls: Iterable[str]
) -> dict[str, LogSpeed]:
    """Cell -> its log speed by the yardstick, for the cells that have a block with it.

    Of a cell that the run timed twice, in two processes, both count.
    """
    wanted = list(controls)
    found = {
        cell: log_speed(result.processes(cell), yardstick(result, wanted, result.group(cell)))
        for cell in cells
    }
    return {cell: speed for cell, speed in found.items() if speed is not None}


def mean_log_speeds(
    runs: Sequence[Result], cells: Sequence[str], controls: Sequence[str]
) -> dict[str, LogSpeed]:
    """Cell -> its mean over runs, for the cells that have a block with the yardstick in each."""
    found = [log_speeds(run, cells, controls) for run in runs]
    common = set.intersection(*(set(by_cell) for by_cell in found))
    return {cell: mean_speed([by_cell[cell] for by_cell in found]) for cell in sorted(common)}
