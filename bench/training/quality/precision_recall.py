"""Improved precision and recall: what is generated looks real; what is real is generated.

Kynkaanniemi, Karras, Laine, Lehtinen and Aila 2019, arXiv 1904.06991, equations 1 and 2. A set's
manifold is the union of balls about its samples, each reaching to the k-th nearest other one.
"""

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from scipy.spatial.distance import cdist

from bench.training.quality.resampling import Estimate, Indices, half_samples

Matrix = NDArray[np.float64]
NEIGHBOURS = 3
"""k, as the paper has it."""


def precision(generated: Matrix, real: Matrix) -> float:
    """The share of generated features (m, width) on the manifold of the real ones (n, width).

    Mean over x of [there is y with |x - y| <= |y - NN_3(y)|]. In [0, 1]. Can show samples that
    look like no real one. Cannot show that only a few kinds are made, nor copies. Depends on n and
    m: compare only equal counts. One real outlier has a ball in which anything counts.
    """
    return _share_inside(cdist(generated, real), cdist(real, real))


def recall(generated: Matrix, real: Matrix) -> float:
    """The share of real features (n, width) on the manifold of the generated ones (m, width).

    `precision` with the sets exchanged. Can show kinds of samples that are never made. Cannot show
    how often a kind is made, nor that samples are good: outliers among them have large balls.
    """
    return precision(real, generated)


def with_interval(generated: Matrix, real: Matrix, random: Generator) -> dict[str, Estimate]:
    """`precision` and `recall`, each with its interval over halves of both sets.

    Halves have wider balls, so their values are those of halves; only the spread about their mean
    is taken. Ends are cut to [0, 1].
    """
    own, reals, across = cdist(generated, generated), cdist(real, real), cdist(generated, real)

    def precise(i: Indices, j: Indices) -> float:
        return _share_inside(across[np.ix_(i, j)], reals[np.ix_(j, j)])

    def recalled(i: Indices, j: Indices) -> float:
        return _share_inside(across[np.ix_(i, j)].T, own[np.ix_(i, i)])

    counts = [len(generated), len(real)]
    return {
        "precision": half_samples(precise, counts, random, (0.0, 1.0)),
        "recall": half_samples(recalled, counts, random, (0.0, 1.0)),
    }


def _share_inside(across: Matrix, own: Matrix) -> float:
    """`across` (points, centres), `own` (centres, centres): which points lie in some ball."""
    # A centre is its own nearest one, at 0, so the k-th other is the k-th from there.
    radii = np.partition(own, NEIGHBOURS, axis=1)[:, NEIGHBOURS]
    return float(np.mean(np.any(across <= radii, axis=1)))
