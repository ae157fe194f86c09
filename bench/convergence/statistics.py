"""What may be said of times to a target over a few seeds.

All times are iterations, whose logarithms are compared by pairs: two rows from the same seed begin
with the same weights. Every training that has not reached the target was trained equally long, so
it is later than all that have, and nothing more is known of it.
"""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from math import exp, inf, isfinite, isnan, log, sqrt
from statistics import fmean, median, stdev

from scipy import stats
from scipy.optimize import brentq

ALPHA = 0.05
"""How often a difference may be claimed that is none, and an equivalence that is none."""
POWER = 0.8
"""How often what is called the smallest that can be shown would be shown."""
CONFIDENCE = 0.95
MOST_SEEDS = 100_000
LARGEST_NC = 20.0
"""No noncentrality that is looked for is larger: with three pairs it is 6."""
Times = Sequence[float]
"""Infinite where the target was not reached."""


@dataclass(frozen=True)
class Interval:
    """A number with what it may be; infinite where the target is not reached, NaN where unknown."""

    value: float
    low: float
    high: float


def share(reached: int, of: int) -> Interval:
    """The share of trainings that reached the target, with Wilson's 95 % interval (1927)."""
    found = stats.binomtest(reached, of).proportion_ci(CONFIDENCE, method="wilson")
    return Interval(reached / of, float(found.low), float(found.high))


def median_time(times: Times) -> Interval:
    """The median with its interval of at least 95 % from order statistics, free of distribution.

    Times of trainings that did not reach the target are infinite, so their order is that of
    Kaplan and Meier where all are censored at one time. Fewer than six have no such interval: NaN.
    """
    middle = median(times)
    found = stats.quantile_test(times, q=0.0, p=0.5).confidence_interval(CONFIDENCE)
    return Interval(middle, float(found.low), float(found.high))


@dataclass(frozen=True)
class Paired:
    """Times of B over those of A, from the same seeds."""

    pairs: int
    censored: int
    """Pairs of which one or both did not reach the target."""
    ratio: Interval | None
    """Geometric mean, with the 90 % interval of two one-sided tests; None where one is censored,
    or where there are fewer than three pairs."""
    p_equivalent: float
    """The larger p value of the two one-sided tests; 1 where they cannot be made."""
    p_differs: float
    """Of Student's paired test, or of the sign test where a pair is censored."""
    deviation: float | None
    """Standard deviation of the logarithms of the ratios."""


def paired(a: Times, b: Times, margin: float) -> Paired:
    """Compare the times of equal seeds, in one order; margin is the factor of the equivalence."""
    pairs = list(zip(a, b, strict=True))
    censored = sum(not (isfinite(x) and isfinite(y)) for x, y in pairs)
    if censored or len(pairs) < 3:
        return Paired(len(pairs), censored, None, 1.0, sign_test(a, b), None)
    logs = [log(y / x) for x, y in pairs]
    mean, deviation, df = fmean(logs), stdev(logs), len(logs) - 1
    half = stats.t.ppf(1 - ALPHA, df) * deviation / sqrt(len(logs))
    ratio = Interval(exp(mean), exp(mean - half), exp(mean + half))
    p_equivalent = max(_p_above(logs, -log(margin)), _p_above([-x for x in logs], -log(margin)))
    p_differs = min(1.0, 2 * min(_p_above(logs, 0.0), _p_above([-x for x in logs], 0.0)))
    return Paired(len(pairs), 0, ratio, p_equivalent, p_differs, deviation)


def sign_test(a: Times, b: Times) -> float:
    """Two-sided p value of the sign test; pairs with equal times, or both censored, say nothing."""
    later = [y > x for x, y in zip(a, b, strict=True) if x != y]
    return float(stats.binomtest(sum(later), len(later)).pvalue) if later else 1.0


def _p_above(logs: Sequence[float], bound: float) -> float:
    """One-sided p value of Student's test that the mean is above the bound."""
    mean, error = fmean(logs), stdev(logs) / sqrt(len(logs))
    if error == 0:  # all times on the grid of evaluations are in one ratio
        return 0.0 if mean > bound else 1.0
    return float(stats.t.sf((mean - bound) / error, len(logs) - 1))


def holm(p_values: Sequence[float]) -> list[float]:
    """P values for the claim that any of them is a difference (Holm 1979)."""
    order = sorted(range(len(p_values)), key=p_values.__getitem__)
    found, largest = [1.0] * len(p_values), 0.0
    for rank, i in enumerate(order):
        largest = max(largest, min(1.0, (len(order) - rank) * p_values[i]))
        found[i] = largest
    return found


def detectable(deviation: float, n: int) -> float:
    """The smallest factor between times that n pairs show as a difference 4 times of 5.

    exp(nc s / sqrt(n)), nc the noncentrality at which Student's two-sided test at 0.05 has a power
    of 0.8; s is the standard deviation of the logarithms of the ratios.
    """
    df = n - 1
    bound = stats.t.ppf(1 - ALPHA / 2, df)

    def lacking(nc: float) -> float:
        return float(stats.nct.sf(bound, df, nc)) - POWER  # the other end adds less than 1e-5

    return exp(brentq(lacking, 1e-3, LARGEST_NC) * deviation / sqrt(n))


def smallest_margin(deviation: float, n: int) -> float:
    """The smallest margin within which n pairs of equal times show it 4 times of 5.

    exp(nc s / sqrt(n)), nc the noncentrality at which each of the two one-sided tests at 0.05 fails
    one time of 10, so that both hold at least 4 times of 5.
    """
    df, fails = n - 1, (1 - POWER) / 2
    bound = stats.t.ppf(1 - ALPHA, df)

    def lacking(nc: float) -> float:
        return fails - float(stats.nct.cdf(bound, df, nc))

    return exp(brentq(lacking, 1e-3, LARGEST_NC) * deviation / sqrt(n))


def seeds_for(deviation: float, margin: float) -> int | None:
    """How many seeds would show an equivalence within the margin; None beyond 100,000."""
    counts = range(3, MOST_SEEDS)
    found = bisect_left(counts, True, key=lambda n: smallest_margin(deviation, n) <= margin)
    return counts[found] if found < len(counts) else None


def finite(number: float) -> float | None:
    """None for a time that is not reached or not known: JSON has no word for it."""
    return None if isnan(number) or number == inf else number
