"""Measures of rows of numbers, each by hand or by its closed form."""

import numpy as np
import pytest
from numpy.random import Generator

from bench.training.quality import gaussian

ROWS = np.array([[1.0, 3.0], [5.0, 9.0]])


def test_the_mean_is_of_all_numbers() -> None:
    assert gaussian.mean_error(ROWS, 4.0) == pytest.approx(0.5)
    assert gaussian.mean_error(ROWS, 5.0) == pytest.approx(-0.5)


def test_the_deviation_is_the_populations_in_each_row() -> None:
    """1 and 2: not that of all four numbers, nor divided by one less."""
    assert gaussian.std_error(ROWS, 1.0) == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("mean", "std", "expected"),
    [
        (0.24, 0.0, True),
        (-0.24, 0.0, True),
        (0.26, 0.0, False),
        (-0.26, 0.0, False),
        (0.0, 0.19, True),
        (0.0, -0.19, True),
        (0.0, 0.21, False),
        (0.0, -0.21, False),
    ],
)
def test_settled_is_within_both_bands(mean: float, std: float, expected: bool) -> None:
    row = 4.0 + mean + (1.5 + std) * np.array([[-1.0, 1.0]])
    assert gaussian.settled(row, 4.0, 1.5) is expected


def test_wasserstein_of_a_shifted_normal_is_the_shift(random: Generator) -> None:
    rows = random.normal(4.0, 1.5, (20, 500))
    assert gaussian.wasserstein(rows + 0.7, rows) == pytest.approx(0.7)
    other = random.normal(4.7, 1.5, (20, 500))
    assert gaussian.wasserstein(other, rows) == pytest.approx(0.7, abs=0.05)


def test_wasserstein_by_hand() -> None:
    """Half of the mass has to go from 0 to 3, the rest from 0 to 1."""
    assert gaussian.wasserstein(np.array([[3.0, 1.0]]), np.array([[0.0]])) == pytest.approx(2.0)


def test_kolmogorov_smirnov_by_hand() -> None:
    rows = np.array([[1.0, 2.0], [3.0, 4.0]])
    assert gaussian.kolmogorov_smirnov(rows, rows) == 0.0
    assert gaussian.kolmogorov_smirnov(rows + 2.0, rows) == pytest.approx(0.5)
    assert gaussian.kolmogorov_smirnov(rows - 9.0, rows) == 1.0
    three = np.array([[1.0, 2.5, 9.0]])
    assert gaussian.kolmogorov_smirnov(three, rows) == pytest.approx(1 / 3)


def test_sensitivity_by_hand() -> None:
    """Generated rows lie (2 + 4) / 2 apart, held-out rows 1, 2 and 3: 2 on average."""
    rows = np.array([[0.0, 0.0], [2.0, -4.0]])
    held_out = np.array([[0.0, 0.0], [1.0, 1.0], [3.0, 3.0]])
    assert gaussian.sensitivity(rows, held_out) == pytest.approx(1.5)


def test_rows_of_normal_numbers_lie_as_far_apart_as_theory_has_it(random: Generator) -> None:
    apart = gaussian.distances(random.normal(4.0, 1.5, (40, 500)))
    assert apart.shape == (40 * 39 / 2,)
    assert np.mean(apart) == pytest.approx(2 * 1.5 / np.sqrt(np.pi), rel=0.01)


def test_a_generator_that_ignores_z_has_no_sensitivity(random: Generator) -> None:
    held_out = random.normal(4.0, 1.5, (30, 100))
    same = np.repeat(held_out[:1], 30, axis=0)
    assert gaussian.sensitivity(same, held_out) == 0.0
    assert gaussian.sensitivity(held_out[::-1], held_out) == pytest.approx(1.0)
    assert np.isnan(gaussian.sensitivity(held_out, same))


def test_an_interval_of_the_sensitivity_holds_1_for_the_same_distribution(
    random: Generator,
) -> None:
    one, other = random.normal(4.0, 1.5, (2, 30, 50))
    found = gaussian.sensitivity_with_interval(one, other, random)
    assert found.value == pytest.approx(gaussian.sensitivity(one, other))
    assert found.low is not None
    assert found.high is not None
    assert 0.9 < found.low < 1.0 < found.high < 1.1
