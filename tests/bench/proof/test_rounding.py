"""The effect of rounding is in proportion to a gradient's terms, not to what they add up to."""

from typing import Any

import autograd.numpy as anp
import numpy as np
import pytest

from backends.protocol import Arrays
from bench.proof import rounding

MANY = 4000


def off(loss: Any, w: np.ndarray) -> np.ndarray:
    """How far a gradient was moved, in steps."""
    _, exact, moved = rounding.value_and_grads(loss, {"w": w})
    return np.asarray((moved["w"] - exact["w"]) / rounding.STEP)


def test_root_mean_square() -> None:
    assert rounding.rms(np.array([[3.0, 4.0], [0.0, 5.0]])) == pytest.approx(np.sqrt(12.5))
    assert rounding.rms(np.array(-2.0)) == 2.0


def test_value_and_gradient_are_the_exact_ones() -> None:
    w = np.arange(1.0, 5.0)
    value, exact, moved = rounding.value_and_grads(lambda p: anp.sum(p["w"] ** 3), {"w": w})
    assert float(value) == 100.0
    assert exact["w"].tolist() == (3 * w**2).tolist()
    assert moved["w"] == pytest.approx(exact["w"], rel=1e-8)
    assert (moved["w"] != exact["w"]).any()


def test_each_number_goes_up_or_down_by_a_step_of_itself_as_often() -> None:
    """Two operations, by one step each: 2 and -2 a quarter of the time, and 0 else."""
    weights = np.linspace(1.0, 9.0, MANY)
    moved = off(lambda p: anp.sum(weights * anp.sin(p["w"])), np.zeros(MANY)) / weights
    assert np.abs(moved - np.rint(moved)).max() < 1e-5
    steps = np.rint(moved)
    assert np.abs(steps).max() >= 1
    assert abs(np.mean(steps > 0) - np.mean(steps < 0)) < 0.1
    assert rounding.rms(moved) == pytest.approx(np.sqrt(np.mean(steps**2)), rel=1e-4)


def test_where_terms_cancel_it_is_as_large_as_the_terms() -> None:
    """A thousand times w, less a thousand times w, and w: a gradient of 1 from terms of 1000."""

    def loss(parameters: Arrays) -> Any:
        w = parameters["w"]
        return anp.sum(1000.0 * w) - anp.sum(1000.0 * w) + anp.sum(w)

    _, exact, _ = rounding.value_and_grads(loss, {"w": np.ones(MANY)})
    assert exact["w"].tolist() == [1.0] * MANY
    assert 300.0 < rounding.rms(off(loss, np.ones(MANY))) < 3000.0


def test_it_is_the_same_each_time_and_proportional() -> None:
    weights = np.linspace(1.0, 2.0, 50)
    loss = lambda p: anp.sum(weights * anp.exp(p["w"]))  # noqa: E731
    once, again = (off(loss, np.zeros(50)) for _ in range(2))
    assert once.tolist() == again.tolist()
    assert rounding.rms(off(lambda p: 8.0 * loss(p), np.zeros(50))) > 4 * rounding.rms(once)


def test_a_step_is_large_beside_rounding_and_small_beside_what_bends() -> None:
    """A step squared stays below float64's own rounding, and a step is far above it."""
    own = float(np.finfo(np.float64).eps)
    assert rounding.STEP**2 < own < 1e-5 * rounding.STEP
