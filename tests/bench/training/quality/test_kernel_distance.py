"""The kernel distance against sums over pairs, against a closed form, and on average."""

import numpy as np
import pytest
from numpy.random import Generator

from bench.training.quality.kernel_distance import kernel_distance, with_interval


def by_pairs(one: np.ndarray, other: np.ndarray) -> float:
    """The estimator's three sums, term by term."""

    def k(x: np.ndarray, y: np.ndarray) -> float:
        return float((sum(x[c] * y[c] for c in range(len(x))) / len(x) + 1.0) ** 3)

    m, n = len(one), len(other)
    own = sum(k(one[i], one[j]) for i in range(m) for j in range(m) if i != j)
    others = sum(k(other[i], other[j]) for i in range(n) for j in range(n) if i != j)
    across = sum(k(x, y) for x in one for y in other)
    return own / (m * (m - 1)) + others / (n * (n - 1)) - 2 * across / (m * n)


def test_it_is_the_sum_over_pairs(random: Generator) -> None:
    one, other = random.normal(size=(7, 3)), random.normal(0.5, 2.0, size=(5, 3))
    assert kernel_distance(one, other) == pytest.approx(by_pairs(one, other), rel=1e-12)


def test_of_two_points_it_has_a_closed_form() -> None:
    """k(0, 0) = k(0, a) = 1 and k(a, a) = (a^2 + 1)^3."""
    zeros, points = np.zeros((4, 1)), np.full((3, 1), 2.0)
    assert kernel_distance(points, zeros) == pytest.approx(5.0**3 - 1.0)


def test_it_has_no_bias_on_sets_of_one_distribution(random: Generator) -> None:
    """With a sample's pair with itself in the sums it would be 4 on average here."""
    found = [kernel_distance(*random.normal(size=(2, 6, 2))) for _ in range(2000)]
    error = np.std(found) / np.sqrt(len(found))
    assert abs(np.mean(found)) < 3 * error
    assert error < 0.3
    assert min(found) < 0


def test_its_interval_tells_other_sets_from_the_same(random: Generator) -> None:
    one, other = random.normal(size=(2, 80, 4))
    same, shifted = with_interval(one, other, random), with_interval(one + 1.0, other, random)
    assert same.value == pytest.approx(kernel_distance(one, other))
    assert same.low is not None
    assert same.high is not None
    assert shifted.low is not None
    assert same.low < 0 < same.high < shifted.low


def test_its_interval_is_over_halves_of_either_set(random: Generator) -> None:
    same, other = np.ones((40, 3)), random.normal(size=(40, 3))
    for one, two in ((same, other), (other, same)):
        found = with_interval(one, two, random)
        assert found.low is not None
        assert found.high is not None
        assert found.high - found.low > 0.1
