"""Precision and recall: by hand, ball by ball, and for the generators that they are there for."""

import numpy as np
import pytest
from numpy.random import Generator

from bench.training.quality.precision_recall import precision, recall, with_interval


def inside(points: np.ndarray, centres: np.ndarray) -> float:
    """The share of points in a ball, ball by ball: equation 1."""
    found = 0
    for point in points:
        for c, centre in enumerate(centres):
            others = [np.linalg.norm(centre - o) for d, o in enumerate(centres) if d != c]
            if np.linalg.norm(point - centre) <= sorted(others)[2]:
                found += 1
                break
    return found / len(points)


def test_by_hand() -> None:
    """Balls about 0, 1, 2 and 10 reach 10, 9, 8 and 10: from -10 to 20."""
    real = np.array([[0.0], [1.0], [2.0], [10.0]])
    generated = np.array([[-10.0], [-10.5], [20.0], [20.5]])
    assert precision(generated, real) == 0.5
    # Balls about them reach 30.5, 31, 30.5 and 31.
    assert recall(generated, real) == 1.0


def test_they_are_the_share_in_balls(random: Generator) -> None:
    generated, real = random.normal(0.8, 0.7, (25, 3)), random.normal(0.0, 1.0, (30, 3))
    assert precision(generated, real) == pytest.approx(inside(generated, real))
    assert recall(generated, real) == pytest.approx(inside(real, generated))
    assert 0 < recall(generated, real) < precision(generated, real)


def test_of_disjoint_sets_both_are_0(random: Generator) -> None:
    generated, real = random.normal(size=(2, 50, 4)) + np.array([100.0, 0.0])[:, None, None]
    assert (precision(generated, real), recall(generated, real)) == (0.0, 0.0)


def test_of_one_distribution_both_are_near_1(random: Generator) -> None:
    one, other = random.normal(size=(2, 300, 2))
    assert precision(one, other) > 0.9
    assert recall(one, other) > 0.9


def test_a_collapsed_generator_is_precise_and_recalls_nothing(random: Generator) -> None:
    real = random.normal(size=(200, 4))
    collapsed = np.repeat(real[:1], 200, axis=0)
    assert precision(collapsed, real) == 1.0
    assert recall(collapsed, real) == 1 / 200


def test_a_generator_of_too_much_recalls_all_and_is_not_precise(random: Generator) -> None:
    real, wide = random.normal(size=(200, 2)), random.normal(0.0, 6.0, size=(200, 2))
    assert recall(wide, real) > 0.9
    assert precision(wide, real) < 0.5


def test_intervals_are_about_the_values(random: Generator) -> None:
    generated, real = random.normal(1.0, 1.0, (60, 2)), random.normal(0.0, 1.0, (60, 2))
    found = with_interval(generated, real, random)
    expected = {"precision": precision(generated, real), "recall": recall(generated, real)}
    assert {name: estimate.value for name, estimate in found.items()} == expected
    for estimate in found.values():
        assert estimate.low is not None
        assert estimate.high is not None
        assert 0 <= estimate.low < float(estimate.value or 0) < estimate.high <= 1
