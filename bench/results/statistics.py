"""What may be said of two timings: paired blocks, an interval, and a verdict.

The unit is a block. Cells take turns in it, one round each within moments, so what drifts (clocks,
heat, neighbours) is common to them and leaves the ratio of their times; what hits one round alone
leaves the median over the block's turns. Over blocks the logarithms of these ratios are
independent, and a t-interval of their mean covers what it says. Rounds of one block are not
independent, which is why they are not pooled (the simulation is tests/bench/test_statistics.py;
figures in docs/measurement.md).

Blocks of two runs have no moment in common and cannot be paired. There the means of the log speeds
are compared, each with its own variance (Welch), and what moves whole runs has to be added.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import exp, inf, log, sqrt
from statistics import fmean, median, stdev, variance
from typing import Literal

from scipy.special import stdtrit

from bench.plan.turns import FEWEST_BLOCKS

CONFIDENCE = 0.95
SMALLEST_CLAIM = 0.02
"""Differences below 2 % are never claimed: other processes, layouts and runs move more."""
TOO_NOISY = 0.05
"""A machine on which the same program twice may differ by more than this says so first."""

Verdict = Literal["faster", "slower", "no difference shown"]
Turns = Mapping[int, float]
"""Number of the turn -> the round in it, in seconds an iteration."""
Blocks = Mapping[int, Turns]
"""Number of the block -> its turns."""


@dataclass(frozen=True)
class Ratio:
    """How many times as fast one cell is as another, with its 95 % interval."""

    value: float
    low: float
    high: float
    blocks: int

    @property
    def half_width(self) -> float:
        """Half the interval's width, relative: 0.01 is +-1 %."""
        return (log(self.high) - log(self.low)) / 2 if self.high < inf else inf


def speed_ratio(one: Blocks, other: Blocks) -> Ratio | None:
    """Speed of `one` over that of `other`, paired by block; None without a common block."""
    common = sorted(one.keys() & other.keys())
    if not common:
        return None
    logs = [_log_ratio(one[block], other[block]) for block in common]
    middle, n = fmean(logs), len(logs)
    if n == 1:
        return Ratio(exp(middle), 0.0, inf, n)
    half = float(stdtrit(n - 1, (1 + CONFIDENCE) / 2)) * stdev(logs) / sqrt(n)
    return Ratio(exp(middle), exp(middle - half), exp(middle + half), n)


def _log_ratio(one: Turns, other: Turns) -> float:
    """Log of how many times as fast `one` is in a block: the median over turns.

    Where long rounds are fewer, the two have few turns in common, and their medians are compared.
    """
    if one.keys() == other.keys():
        return median(log(other[turn] / one[turn]) for turn in one)
    return log(median(other.values()) / median(one.values()))


@dataclass(frozen=True)
class Term:
    """One part of the variance of a log speed, and the degrees of freedom of its estimate."""

    variance: float
    freedom: float


@dataclass(frozen=True)
class LogSpeed:
    """The mean over a run's blocks of a cell's log speed."""

    value: float
    blocks: int
    term: Term | None
    """The variance of the mean; None with a single block."""


def log_speed(processes: Sequence[Blocks], yardstick: Blocks | None = None) -> LogSpeed | None:
    """A cell's log speed, as a multiple of the yardstick's in the same block where there is one.

    In a block the mean over the processes that ran the cell: where a process lies in memory moves
    all its blocks alike, and two do not lie alike.
    """
    found: dict[int, list[float]] = {}
    for seconds in processes:
        for block, turns in seconds.items():
            if yardstick is None:
                found.setdefault(block, []).append(-log(median(turns.values())))
            elif block in yardstick:
                found.setdefault(block, []).append(_log_ratio(turns, yardstick[block]))
    if not found:
        return None
    logs, n = [fmean(of_block) for of_block in found.values()], len(found)
    return LogSpeed(fmean(logs), n, Term(variance(logs) / n, n - 1) if n > 1 else None)


def mean_speed(runs: Sequence[LogSpeed]) -> LogSpeed:
    """Of several runs: the mean of their log speeds, each run counting alike."""
    value, blocks = fmean(run.value for run in runs), sum(run.blocks for run in runs)
    terms = [run.term for run in runs if run.term]
    if len(terms) < len(runs):
        return LogSpeed(value, blocks, None)
    parts = [Term(term.variance / len(runs) ** 2, term.freedom) for term in terms]
    return LogSpeed(value, blocks, Term(_total(parts), _freedom(parts)))


def _total(terms: Iterable[Term]) -> float:
    return sum(term.variance for term in terms)


def _freedom(terms: Sequence[Term]) -> float:
    """Degrees of freedom of a sum of variances (Welch and Satterthwaite)."""
    parts = sum(term.variance**2 / term.freedom for term in terms)
    return _total(terms) ** 2 / parts if parts else sum(term.freedom for term in terms)


def ratio_between(new: LogSpeed, old: LogSpeed, run_to_run: Iterable[Term] = ()) -> Ratio:
    """Speed of a cell on one side over that on the other; Welch's interval, with what moves runs.

    `run_to_run` holds its terms in the variance of the ratio.
    """
    value, blocks = new.value - old.value, min(old.blocks, new.blocks)
    if old.term is None or new.term is None:
        return Ratio(exp(value), 0.0, inf, blocks)
    terms = [old.term, new.term, *run_to_run]
    quantile = float(stdtrit(_freedom(terms), (1 + CONFIDENCE) / 2))
    half = quantile * sqrt(_total(terms))
    return Ratio(exp(value), exp(value - half), exp(value + half), blocks)


def band(same_twice: Iterable[Ratio]) -> float:
    """What a difference has to exceed, relative: 2 %, or what the same program twice may show."""
    ends = [max(abs(log(r.low)) if r.low else inf, abs(log(r.high))) for r in same_twice]
    return max([SMALLEST_CLAIM, *(exp(end) - 1 for end in ends)])


def verdict(ratio: Ratio | None, band: float) -> Verdict:
    """What the interval of a ratio supports: it has to lie beyond the band as a whole."""
    if ratio is None or ratio.blocks < FEWEST_BLOCKS:
        return "no difference shown"
    if ratio.low > 1 + band:
        return "faster"
    if ratio.high < 1 / (1 + band):
        return "slower"
    return "no difference shown"
