"""Classes by hand, and digits of which some are missing."""

import numpy as np
import pytest
from numpy.random import Generator

from bench.training.quality import classes
from bench.training.quality.features import Features
from tests.bench.training.quality.conftest import Digits

SEEN = np.array([[0.7, 0.2, 0.1, 0.0], [0.1, 0.2, 0.3, 0.4], [0.9, 0.0, 0.1, 0.0]])


def test_shares_by_hand() -> None:
    assert classes.shares(SEEN) == pytest.approx([2 / 3, 0.0, 0.0, 1 / 3])


def test_a_class_is_found_above_a_tenth_of_an_even_share() -> None:
    assert classes.smallest_share(4) == pytest.approx(0.025)
    assert classes.found(np.array([0.9, 0.026, 0.024, 0.05])) == 3


def test_evenness_by_hand() -> None:
    assert classes.evenness(np.array([0.5, 0.5, 0.0, 0.0])) == pytest.approx(0.5)
    assert classes.evenness(np.full(10, 0.1)) == pytest.approx(1.0)
    assert classes.evenness(np.array([0.0, 1.0])) == 0.0


def test_confidence_by_hand() -> None:
    assert classes.confidence(SEEN) == pytest.approx(2.0 / 3)


def test_missing_digits_are_found(real: Digits, fitted: Features) -> None:
    few = real.held_out[real.held_out_labels < 5]
    shares = classes.shares(fitted.probabilities(few))
    assert np.all(shares[:5] > 0.15)
    assert np.all(shares[5:] <= 0.01)
    assert classes.found(shares) == 5
    assert classes.evenness(shares) == pytest.approx(np.log10(5), abs=0.05)
    every = classes.shares(fitted.probabilities(real.held_out))
    assert classes.found(every) == 10
    assert classes.evenness(every) > 0.98


def test_noise_has_classes_too_and_less_confidence(
    real: Digits, fitted: Features, random: Generator
) -> None:
    noise = random.uniform(-1.0, 1.0, (200, 28, 28, 1))
    seen = fitted.probabilities(noise)
    assert classes.shares(seen).sum() == pytest.approx(1.0)
    assert classes.found(classes.shares(seen)) < 10
    assert classes.confidence(seen) < 0.85 < classes.confidence(fitted.probabilities(real.held_out))
