"""Intervals over halves: as wide as theory has it, about the value, and right as often as said."""

import numpy as np
import pytest
from numpy.random import Generator

from bench.training.quality.resampling import (
    RESAMPLES,
    Estimate,
    Indices,
    by_measure,
    half_samples,
)


def mean_of(numbers: np.ndarray, random: Generator, **other: tuple[float, float]) -> Estimate:
    return half_samples(lambda i: float(np.mean(numbers[i])), [len(numbers)], random, **other)


def ends(estimate: Estimate) -> tuple[float, float, float]:
    assert estimate.value is not None
    assert estimate.low is not None
    assert estimate.high is not None
    return estimate.value, estimate.low, estimate.high


def test_an_interval_of_a_mean_is_as_wide_as_theory_has_it(random: Generator) -> None:
    numbers = random.normal(5.0, 2.0, 400)
    value, low, high = ends(mean_of(numbers, random))
    assert value == pytest.approx(np.mean(numbers))
    expected = 2 * 1.96 * np.std(numbers, ddof=1) / np.sqrt(400)
    assert high - low == pytest.approx(expected, rel=0.2)
    assert low < value < high


def test_an_interval_holds_the_truth_about_as_often_as_it_says(random: Generator) -> None:
    held = 0
    for _ in range(100):
        _, low, high = ends(mean_of(random.normal(0.0, 1.0, 40), random))
        held += low <= 0.0 <= high
    assert 88 <= held <= 100


def test_every_resample_is_a_half_without_repetition(random: Generator) -> None:
    seen: list[tuple[int, int]] = []

    def count(i: Indices, j: Indices) -> float:
        seen.append((len(set(i.tolist())), len(set(j.tolist()))))
        return 0.0

    half_samples(count, [10, 21], random)
    assert seen == [(10, 21)] + [(5, 10)] * RESAMPLES


def test_what_halves_have_less_of_does_not_move_the_interval(random: Generator) -> None:
    value, low, high = ends(half_samples(lambda i: float(len(i)), [30], random))
    assert (value, low, high) == (30.0, 30.0, 30.0)


def test_ends_are_cut_to_what_can_be(random: Generator) -> None:
    numbers = (np.arange(20) == 3).astype(float)
    _, low, high = ends(mean_of(numbers, random))
    assert low < 0.02 < 0.07 < high
    assert ends(mean_of(numbers, random, within=(0.02, 0.07)))[1:] == (0.02, 0.07)


def test_what_is_not_finite_is_none(random: Generator) -> None:
    undefined = half_samples(lambda i: float("nan"), [10], random, (0.0, 1.0))
    assert undefined == Estimate(None, None, None)


def test_a_record_goes_from_the_measure_to_the_set() -> None:
    one, other = Estimate(1.0, 0.0, 2.0), Estimate(3.0, None, None)
    assert by_measure({"generated": {"m": one}, "noise": {"m": other}}) == {
        "m": {
            "generated": {"value": 1.0, "low": 0.0, "high": 2.0},
            "noise": {"value": 3.0, "low": None, "high": None},
        }
    }
