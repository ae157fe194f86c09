"""The limits of trajectories, worked out by hand from what the page says of them."""

from math import inf

import pytest

from spec import tolerances
from spec.tolerances import CEILING, LIMITS, ceiling, is_beyond, limit, trajectory_limit

FIXED: dict[str, dict[str, float | tuple[float, float]]] = {
    "LIMITS": {
        "forward": (1e-13, 5e-5),
        "loss": (1e-12, 1e-5),
        "gradient": (1e-11, 1e-4),
        "statistic": (1e-11, 1e-4),
        "moment": (1e-11, 1e-4),
        "optimizer": (1e-13, 3e-5),
        "iteration": 1e-11,
        "control": 1e-9,
        "exact": (0.0, 0.0),
    },
    "CEILING": {
        "forward": 1e-7,
        "gradient": (1e-7, 1e-2),
        "loss": (1e-7, 1e-2),
        "statistic": (1e-7, 1e-2),
        "moment": (1e-7, 0.5),
        "iteration": 1e-7,
    },
}
"""By float64, or by float64 and float32. A limit is not widened by one line of one file."""


@pytest.mark.parametrize("table", FIXED)
def test_limits_are_those_that_were_argued_for(table: str) -> None:
    expected: dict[tuple[str, str], float] = {}
    for quantity, values in FIXED[table].items():
        both = values if isinstance(values, tuple) else (values,)
        expected |= {
            (precision, quantity): value
            for precision, value in zip(("float64", "float32"), both, strict=False)
        }
    assert getattr(tolerances, table) == expected


def test_what_the_reference_is_moved_by() -> None:
    assert tolerances.PERTURBATION == {"float64": 2.0**-52, "float32": 5e-5}
    assert tolerances.GRADIENT_NOISE == {"float64": 2.0**-52, "float32": 2.0**-20}
    assert tolerances.GROWTH == {"float64": 100.0, "float32": 3.0}
    assert tolerances.LOST == 1.0


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
        ("float32", "moment", 1.0, 3.0),
        ("float32", "moment", 1.001, inf),  # nothing is left to compare
        ("float32", "loss", 7.0, inf),
        ("float32", "exact", 7.0, 0.0),
        ("float64", "moment", 7.0, 1e-7),  # in float64 there always is
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
