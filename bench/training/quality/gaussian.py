"""Rows of numbers that should come from one known normal distribution.

The document's task (mean 4, standard deviation 1.5) is judged by the mean and the deviation alone,
and those a generator can have right that makes the same row from any noise. So what the whole
distribution is, and whether the noise matters, is measured beside them.
"""

from math import inf

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from scipy import stats
from scipy.spatial.distance import squareform

from bench.training.quality.resampling import Estimate, Indices, half_samples
from bench.training.quality.spread import distances, ratio

Rows = NDArray[np.float64]
"""(n, length), in the data's units."""

MEAN_BAND, STD_BAND = 0.25, 0.2
"""How near "settled" is, in the data's units (ADR 4)."""


def mean_error(rows: Rows, mean: float) -> float:
    """Mean of all numbers in (n, length), less the target's; in the data's units.

    Can show a shifted distribution. Cannot show anything about its form, nor about diversity.
    """
    return float(np.mean(rows)) - mean


def std_error(rows: Rows, std: float) -> float:
    """Mean over rows of a row's population standard deviation, less the target's.

    `rows` is (n, length); sqrt(mean((x - mean)^2)) in each row, which is what the task's
    discriminator sees. Can show rows that are too narrow or wide. Cannot show that rows are alike.
    """
    return float(np.mean(np.std(rows, axis=1, ddof=0))) - std


def settled(rows: Rows, mean: float, std: float) -> bool:
    """Mean within 0.25 of the target's, standard deviation within 0.2 (ADR 4's bands, both open).

    Cannot show that D was beaten, which ADR 4 asks beside it, nor that noise is used.
    """
    return abs(mean_error(rows, mean)) < MEAN_BAND and abs(std_error(rows, std)) < STD_BAND


def wasserstein(rows: Rows, held_out: Rows) -> float:
    """Wasserstein-1 distance of the pooled numbers: the integral of |F(x) - F'(x)|, data's units.

    `rows` is (n, length), `held_out` (m, length). F are empirical distribution functions
    (Ramdas et al. 2017, proposition 1). Of a distribution that is shifted it is the shift. Can show
    a difference of any form between the numbers, and its size. Cannot show how numbers of one row
    hang together, nor that rows are alike. Never 0 on finite samples: held-out rows say how large.
    """
    found = stats.wasserstein_distance(rows.ravel(), held_out.ravel(), None, None)
    return float(found)


def kolmogorov_smirnov(rows: Rows, held_out: Rows) -> float:
    """Kolmogorov-Smirnov distance of the pooled numbers: the largest |F(x) - F'(x)|, in [0, 1].

    Shapes as in `wasserstein`. Can show where most numbers lie wrong, whatever their unit. Cannot
    show how far away they are: 1 for any two sets that do not overlap.
    """
    found = stats.ks_2samp(
        rows.ravel(), held_out.ravel(), alternative="two-sided", method="asymp", axis=None
    )
    return float(found.statistic)


def sensitivity(rows: Rows, held_out: Rows) -> float:
    """How far samples of two independent z lie apart, as a share of how far held-out rows do.

    `rows` is (n, length), one z each, `held_out` (m, length); mean over pairs of rows of the mean
    over places of |x_i - x_j|, over the same of held-out rows (2 std / sqrt(pi) for independent
    normal numbers). NaN where held-out rows do not differ. Our own measure; ADR 4's deviation from
    the mean sample is 0 where this is. Can show a generator that ignores its noise: 0. Cannot show
    that what differs is right: rows of noise as wide as the data have 1 too.
    """
    return ratio(distances(rows), distances(held_out))


def sensitivity_with_interval(rows: Rows, held_out: Rows, random: Generator) -> Estimate:
    """`sensitivity` and its interval over halves of both: a row drawn twice would be its own."""
    own, others = squareform(distances(rows)), squareform(distances(held_out))

    def of_part(i: Indices, j: Indices) -> float:
        return ratio(squareform(own[np.ix_(i, i)]), squareform(others[np.ix_(j, j)]))

    return half_samples(of_part, [len(rows), len(held_out)], random, (0.0, inf))
