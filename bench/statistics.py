"""What may be said of two timings: paired blocks, an interval, and a verdict.

The unit is the median of a block. Cells of one block are timed within moments of each other, so
what drifts (clocks, heat, neighbours) is common to them and leaves the ratio of their times; over
blocks the logarithms of these ratios are independent, and a t-interval of their mean covers what it
says. Rounds of one block are not independent, which is why they are not pooled (the simulation is
tests/bench/test_statistics.py; figures in docs/measurement.md).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import exp, inf, log, sqrt
from statistics import fmean, stdev
from typing import Literal

from scipy.stats import t as student_t

CONFIDENCE = 0.95
SMALLEST_CLAIM = 0.02
"""Differences below 2 % are never claimed: other processes, layouts and runs move more."""
FEWEST_BLOCKS = 5
"""With fewer blocks an interval is too wide, or too lucky, to name a winner by."""
TOO_NOISY = 0.05
"""A machine on which the same program twice may differ by more than this says so first."""

Verdict = Literal["faster", "slower", "no difference shown"]
Blocks = Mapping[int, float]
"""Number of the block -> its median, in seconds an iteration."""


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
    logs = [log(other[block] / one[block]) for block in common]
    middle, n = fmean(logs), len(logs)
    if n == 1:
        return Ratio(exp(middle), 0.0, inf, n)
    half = float(student_t.ppf((1 + CONFIDENCE) / 2, n - 1)) * stdev(logs) / sqrt(n)
    return Ratio(exp(middle), exp(middle - half), exp(middle + half), n)


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
