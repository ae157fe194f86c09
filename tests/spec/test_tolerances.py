"""The limits of trajectories, worked out by hand from what the page says of them."""

import pytest

from spec import tolerances
from spec.tolerances import CEILING, LIMITS, ceiling, is_beyond, limit, trajectory_limit


def test_one_step() -> None:
    assert limit("float64", "forward") == 1e-13
    assert limit("float32", "loss") == 1e-5
    with pytest.raises(KeyError):
        limit("float32", "iteration")  # parameters behind an Adam step are not compared there


@pytest.mark.parametrize(
    ("precision", "quantity", "growth", "expected"),
    [
        ("float64", "iteration", 0.0, 1e-11),  # the floor
        ("float64", "iteration", 1e-13, 1e-11),
        ("float64", "iteration", 1e-12, 1e-10),  # a hundred times the growth
        ("float64", "iteration", 1e-9, 1e-7),
        ("float64", "iteration", 1e-3, 1e-7),  # the ceiling, always
        ("float32", "loss", 1e-6, 1e-5),
        ("float32", "loss", 1e-3, 3e-3),  # three times
        ("float32", "loss", 5e-3, 1e-2),  # the ceiling
        ("float32", "loss", 1e-2, 1e-2),
        ("float32", "loss", 2e-2, 6e-2),  # beyond it rounding alone decides
        ("float32", "moment", 0.3, 0.5),
        ("float32", "moment", 0.6, 1.8),
    ],
)
def test_a_trajectory(
    precision: str, quantity: tolerances.Quantity, growth: float, expected: float
) -> None:
    assert trajectory_limit(precision, quantity, growth) == pytest.approx(expected)


def test_what_has_no_ceiling_has_its_limit() -> None:
    assert ceiling("float64", "control") == 1e-9
    assert ceiling("float32", "moment") == 0.5
    assert ceiling("float64", "exact") == 0.0


def test_beyond_is_below_float64_only_and_strictly() -> None:
    assert not is_beyond("float64", "loss", 1.0)
    assert not is_beyond("float32", "loss", 1e-2)
    assert is_beyond("float32", "loss", 1.0001e-2)
    assert not is_beyond("float32", "exact", 1.0)


def test_every_ceiling_is_above_its_limit() -> None:
    for key, largest in CEILING.items():
        assert LIMITS[key] < largest < 1.0
