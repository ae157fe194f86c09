"""What a result comes to: for each row its shares and times, for each pair of rows its verdict."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from math import inf
from statistics import median
from typing import Any

from bench.convergence import comparing
from bench.convergence.comparing import Pair
from bench.convergence.reaching import Reached, by_row
from bench.convergence.results import OfWorkload, Result
from bench.convergence.statistics import Interval, finite, median_time, share


@dataclass(frozen=True)
class OfRow:
    """One row's trainings of a workload."""

    row: str
    precision: str
    seeds: int
    reached: int
    share: Interval
    iterations: Interval
    seconds: Interval
    first_chunk_s: float
    at_end: Interval | None
    """The share that was within the band at the end; where all went to the end."""
    final: dict[str, float]
    """The median size of each quantity at the end of a training."""


def rows(found: OfWorkload, seeds: tuple[int, ...] | None = None) -> list[OfRow]:
    """Each row that has a training."""
    made = by_row(found, seeds)
    return [_row(found, row, of) for row, of in made.items() if of]


def _row(found: OfWorkload, name: str, made: Sequence[Reached]) -> OfRow:
    row, n = found.rows[name], len(made)
    reached = sum(one.reached for one in made)
    return OfRow(
        row=name,
        precision=row.precision,
        seeds=n,
        reached=reached,
        share=share(reached, n),
        iterations=median_time([one.iterations for one in made]),
        seconds=median_time([one.seconds for one in made]),
        first_chunk_s=median(row.first_chunk_s),
        at_end=share(sum(one.at_end for one in made), n) if found.to_end else None,
        final={name: median(_known(one.final[name]) for one in made) for name in made[0].final},
    )


def _known(value: float | None) -> float:
    return inf if value is None else abs(value)


def pairs(found: OfWorkload, seeds: tuple[int, ...] | None = None) -> list[Pair]:
    """Every pair of rows that have trainings."""
    made = {row: of for row, of in by_row(found, seeds).items() if of}
    return comparing.pairs(made, found.target.margin)


def summary(result: Result) -> dict[str, Any]:
    """What JSON can hold of it, by workload."""
    return {name: _of_workload(found) for name, found in result.workloads.items()}


def _of_workload(found: OfWorkload) -> dict[str, Any]:
    return {
        "rows": [_plain(asdict(row)) for row in rows(found)],
        "pairs": [
            _plain(asdict(pair))
            | {"verdict": pair.verdict, "words": pair.words}
            | {"detectable": pair.detectable, "smallest_margin": pair.smallest_margin}
            for pair in pairs(found)
        ],
    }


def _plain(content: Any) -> Any:
    if isinstance(content, dict):
        return {key: _plain(value) for key, value in content.items()}
    return finite(content) if isinstance(content, float) else content
