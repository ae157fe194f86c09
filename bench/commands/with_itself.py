"""How far the benchmark's claims can be trusted: one program twice, and one slowed by 10 %.

`python -m bench.commands.with_itself --python ROW=PATH` compares a cell with itself, in two
processes, and with itself slowed on purpose, as a full run compares cells; docs/measurement.md has
the figures.
"""

import json
import time
from collections.abc import Callable, Iterator
from itertools import product
from pathlib import Path
from random import Random
from statistics import median
from tempfile import TemporaryDirectory
from typing import Annotated, Any

import typer

from bench.plan.cells import WARM_SHARE, Cell, with_pairs
from bench.plan.selection import interpreters
from bench.plan.turns import BLOCK_S, TURNS
from bench.proof.group import prove
from bench.proof.starting import start
from bench.report import streams
from bench.results.statistics import SMALLEST_CLAIM, Blocks, speed_ratio, verdict
from bench.timing.cell import prepare, time_round
from bench.workers.pool import WorkerFailed, Workers

TIMEOUT_S = 900.0
BLOCKS = 10
SLOWED = 0.10


def main(
    python: Annotated[list[str], typer.Option(help="ROW=PATH of the row's interpreter")],
    row: str = "pytorch",
    workload: str = "mlp_square",
    mode: str = "eager",
    comparisons: int = 100,
    processes: Annotated[int, typer.Option(help="pairs of processes, started anew")] = 10,
    slowed: Annotated[int, typer.Option(help="comparisons that also have a slowed program")] = 10,
) -> None:
    """Print how many of the comparisons name a winner, and what their intervals are worth."""
    cell = Cell(workload, row, mode, "float32", "cpu", 64, workload)
    pythons = interpreters(python)
    same: list[dict[str, Any]] = []
    slower: list[dict[str, Any]] = []
    for first in range(0, comparisons, -(-comparisons // processes)):
        count = min(-(-comparisons // processes), comparisons - first)
        for one, other, late in _pairs(cell, pythons, count, slowed - len(slower), first):
            same.append(_said(one, other))
            slower += [_said(late, one)] if late else []
            said = f"{same[-1]['verdict']}, {same[-1]['half_width']:.2%}"
            streams.line(f"{len(same)}: {said}", error=True)
    streams.line(json.dumps(_summed_up(cell, same, slower), indent=1))


def _pairs(
    cell: Cell, pythons: dict[str, str], count: int, slowed: int, seed: int
) -> Iterator[tuple[Blocks, Blocks, Blocks]]:
    """Block medians of the cell, of the cell again, and, for some, of the cell slowed."""
    pool, pair = Workers(pythons), with_pairs((cell,))
    try:
        k = 1
        for one in pair:
            pool.call(one.where, start, {"cell": one.as_dict()}, TIMEOUT_S)
        _require_proof(pair, pool)
        for one in pair:
            arguments = {"cell_id": one.id, "round_s": BLOCK_S / TURNS}
            found = pool.call(one.where, prepare, arguments, TIMEOUT_S)
            k = max(k, found["iterations_per_round"])
        for number in range(count):
            calls = {one.id: _call(pool, one, 0.0) for one in pair}
            if number < slowed:
                calls["slowed"] = _call(pool, pair[1], SLOWED)
            times = _blocks(calls, k, Random(f"{seed}/{number}"))
            yield times[pair[0].id], times[pair[1].id], times.get("slowed", {})
    finally:
        pool.stop()


def _require_proof(pair: tuple[Cell, ...], pool: Workers) -> None:
    reference = Workers({})
    with TemporaryDirectory(prefix="gantlet-") as folder:
        try:
            outcomes = prove(pair, pool, reference, Path(folder), {}, None)
        finally:
            reference.stop()
    for outcome in outcomes.values():
        if isinstance(outcome, WorkerFailed):
            raise outcome


def _call(pool: Workers, cell: Cell, slowed: float) -> Callable[[int], float]:
    """n iterations, on the worker's clock, in seconds; made longer by a share of themselves."""

    def call(n: int) -> float:
        arguments = {"cell_id": cell.id, "n": n}
        found = pool.call(cell.where, time_round, arguments, TIMEOUT_S)
        taken: float = found["round_s"]
        start = time.perf_counter()
        time.sleep(slowed * taken)
        return taken + (time.perf_counter() - start)

    return call


def _blocks(calls: dict[str, Callable[[int], float]], k: int, random: Random) -> dict[str, Blocks]:
    """As the benchmark does it: shuffled in each turn of a block, warmed up, then a round."""
    times: dict[str, dict[int, dict[int, float]]] = {name: {} for name in calls}
    for block, turn in product(range(BLOCKS), range(TURNS)):
        for name in random.sample(list(calls), len(calls)):
            calls[name](max(1, round(WARM_SHARE * k)))
            times[name].setdefault(block, {})[turn] = calls[name](k) / k
    return dict(times)


def _said(one: Blocks, other: Blocks) -> dict[str, Any]:
    """What is said of two programs where the machine is taken to be quiet, the stricter case."""
    ratio = speed_ratio(one, other)
    assert ratio is not None
    said = verdict(ratio, SMALLEST_CLAIM)
    return {"verdict": said, "ratio": ratio.value, "half_width": ratio.half_width}


def _summed_up(
    cell: Cell, same: list[dict[str, Any]], slower: list[dict[str, Any]]
) -> dict[str, Any]:
    def named(results: list[dict[str, Any]], verdicts: tuple[str, ...]) -> int:
        return sum(result["verdict"] in verdicts for result in results)

    return {
        "cell": cell.id,
        "same_twice": len(same),
        "winners_named": named(same, ("faster", "slower")),
        "half_width_median": median(result["half_width"] for result in same),
        "slowed_by": SLOWED,
        "slowed_runs": len(slower),
        "slowed_named_slower": named(slower, ("slower",)),
        "ratios": [result["ratio"] for result in same],
    }


if __name__ == "__main__":
    typer.run(main)
