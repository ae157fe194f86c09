"""The kernel distance of two sets of features: KID's estimator and kernel, on features of our own.

Binkowski, Sutherland, Arbel and Gretton 2018, arXiv 1801.01401 (Kernel Inception Distance); the
estimator is Lemma 6 of Gretton et al. 2012 (JMLR 13). Unlike the Frechet distance it has no bias
that depends on the count of samples, so a few hundred are enough.
"""

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from sklearn.metrics.pairwise import polynomial_kernel

from bench.training.quality.resampling import Estimate, Indices, half_samples

Matrix = NDArray[np.float64]


def kernel(one: Matrix, other: Matrix) -> Matrix:
    """k(x, y) = (x.y / width + 1)^3: (m, width) and (n, width) -> (m, n)."""
    return polynomial_kernel(one, other, degree=3, gamma=1.0 / one.shape[1], coef0=1.0)


def kernel_distance(generated: Matrix, real: Matrix) -> float:
    """The unbiased estimate of the squared MMD of (m, width) and (n, width) under `kernel`.

    sum_{i != j} k(x_i, x_j) / (m(m-1)) + sum_{i != j} k(y_i, y_j) / (n(n-1))
    - 2 sum_{i, j} k(x_i, y_j) / (mn). Unit: none, but features' scale is in it. Can show that two
    distributions differ in their first three moments; 0 on average where they are one, and then
    negative half of the time. Cannot show whether quality or diversity is missing, nor copies of
    the training set.
    """
    return _distance(kernel(generated, generated), kernel(real, real), kernel(generated, real))


def with_interval(generated: Matrix, real: Matrix, random: Generator) -> Estimate:
    """`kernel_distance` and its interval over halves of both sets, each of the subsets' values.

    The paper averages over subsets too, and gives their spread.
    """
    own, reals = kernel(generated, generated), kernel(real, real)
    across = kernel(generated, real)

    def of_part(i: Indices, j: Indices) -> float:
        return _distance(own[np.ix_(i, i)], reals[np.ix_(j, j)], across[np.ix_(i, j)])

    return half_samples(of_part, [len(generated), len(real)], random)


def _distance(own: Matrix, reals: Matrix, across: Matrix) -> float:
    return _off_diagonal_mean(own) + _off_diagonal_mean(reals) - 2.0 * float(np.mean(across))


def _off_diagonal_mean(square: Matrix) -> float:
    count = len(square)
    return float(square.sum() - np.trace(square)) / (count * (count - 1))
