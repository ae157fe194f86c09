"""Distances to the training set by hand, and generators that copy all of it or a part."""

import numpy as np
import pytest
from numpy.random import Generator

from bench.training.quality.memorisation import distance_ratio, nearest, share_nearer


def test_the_nearest_by_hand() -> None:
    training = np.array([[[0.0], [0.0]], [[6.0], [8.0]]])
    samples = np.array([[[3.0], [4.0]], [[6.0], [9.0]], [[-1.0], [0.0]]])
    assert nearest(samples, training) == pytest.approx([5.0, 1.0, 1.0])


def test_a_ratio_is_of_medians() -> None:
    assert distance_ratio(np.array([1.0, 2.0, 90.0]), np.array([3.0, 4.0, 50.0])) == 0.5
    assert np.isnan(distance_ratio(np.ones(3), np.zeros(3)))


def test_a_share_is_below_the_first_percentile() -> None:
    """Of 0, 1, ..., 100 it is 1; at the limit itself nothing is nearer."""
    held_out = np.arange(101.0)
    assert share_nearer(np.array([0.5, 0.99, 1.0, 50.0]), held_out) == 0.5


@pytest.fixture(name="real")
def _real(random: Generator) -> dict[str, np.ndarray]:
    """Normal numbers in a few dimensions, near enough to each other to have neighbours."""
    sets = {"training": 600, "held_out": 300, "generated": 300}
    return {name: random.normal(size=(count, 5)) for name, count in sets.items()}


def test_other_real_samples_are_no_copies(real: dict[str, np.ndarray]) -> None:
    far = nearest(real["held_out"], real["training"])
    near = nearest(real["generated"], real["training"])
    assert distance_ratio(near, far) == pytest.approx(1.0, abs=0.1)
    assert share_nearer(near, far) < 0.04


def test_a_generator_that_memorises_is_found(
    real: dict[str, np.ndarray], random: Generator
) -> None:
    far = nearest(real["held_out"], real["training"])
    copies = real["training"][:300] + random.normal(0.0, 1e-3, (300, 5))
    near = nearest(copies, real["training"])
    assert distance_ratio(near, far) < 0.01
    assert share_nearer(near, far) == 1.0


def test_a_generator_that_memorises_a_part_is_found_by_the_share(
    real: dict[str, np.ndarray],
) -> None:
    far = nearest(real["held_out"], real["training"])
    part = np.concatenate([real["training"][:60], real["generated"][:240]])
    near = nearest(part, real["training"])
    assert share_nearer(near, far) == pytest.approx(0.2, abs=0.04)
    assert distance_ratio(near, far) > 0.7
