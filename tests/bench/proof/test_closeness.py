"""Errors are measured so that nothing slips through."""

import math

import numpy as np
import pytest

from bench.proof.closeness import CheckFailed, Measured, loss_error, relative_error
from spec import tolerances


def test_nan_is_never_close() -> None:
    assert relative_error([1.0, math.nan], [1.0, 2.0]) == math.inf
    assert loss_error(math.nan, 0.0) == math.inf
    with pytest.raises(CheckFailed):
        Measured().within(math.nan, 1.0, "nan")


@pytest.mark.parametrize("limit", [math.inf, math.nan])
def test_what_is_not_finite_is_no_limit(limit: float) -> None:
    with pytest.raises(CheckFailed, match="its limit is not finite"):
        Measured().within(0.0, limit, "anything passes")


def test_what_is_not_finite_is_no_error() -> None:
    for error in (math.inf, math.nan):
        with pytest.raises(CheckFailed, match="over the limit"):
            Measured().within(error, 1e300, "a large limit")


def test_shapes_must_be_the_same() -> None:
    assert relative_error(np.zeros((2, 1)), np.zeros((1, 2))) == math.inf
    assert loss_error(np.zeros((2, 1)), np.zeros((1, 2))) == math.inf


def test_all_numbers_count() -> None:
    """|(3, 4)| / |(6, 8)|; and of losses the one that is furthest off."""
    assert relative_error([9.0, 12.0], [6.0, 8.0]) == pytest.approx(0.5)
    assert loss_error([1.0, 1.3, 0.9], [1.0, 1.1, 1.0]) == pytest.approx(0.2 / 1.1)
    assert loss_error([], []) == 0.0


def test_what_may_not_differ_at_all_uses_no_share() -> None:
    assert Measured(0.0, 0.0).share == 0.0
    assert Measured(1e-300, 0.0).share == 1.0
    assert Measured(1.0, 4.0).share == 0.25


def test_what_holds_is_counted_and_what_does_not_is_said() -> None:
    measured = Measured()
    measured.true(True, "first")
    measured.true(True, "second")
    assert (measured.count, measured.where) == (2, "first")
    with pytest.raises(CheckFailed, match=r"^third$"):
        measured.true(False, "third")


def test_tensors_and_losses_are_compared_by_name() -> None:
    measured = Measured()
    both = {"a": np.ones(2), "b": np.full(2, 3.0)}
    measured.tensors(both, both | {"b": np.full(2, 2.0)}, 0.5, "state")
    assert (measured.count, measured.where) == (3, "state b")
    assert measured.max_error == pytest.approx(0.5)
    losses = Measured()
    losses.losses({"a": 2.0, "b": 3.0}, {"a": 2.0, "b": 2.0}, 1.0, "metrics")
    assert (losses.count, losses.where) == (3, "metrics b")
    assert losses.max_error == loss_error(3.0, 2.0) > 0.0
    with pytest.raises(CheckFailed, match=r"^metrics b: error"):
        Measured().losses({"b": 3.0}, {"b": 2.0}, 0.1, "metrics")
    with pytest.raises(CheckFailed, match="names differ"):
        Measured().losses({"a": 1.0}, {"b": 1.0}, 1.0, "metrics")


def test_errors_are_relative_but_for_structural_zeros() -> None:
    assert relative_error([1.1], [1.0]) == pytest.approx(0.1)
    assert relative_error([1e-15], [0.0]) == 1e-15
    assert loss_error(10.1, 10.0) == pytest.approx(0.01)
    assert loss_error(0.2, 0.1) == pytest.approx(0.1)


def test_the_worst_share_is_kept() -> None:
    measured = Measured()
    measured.within(1e-6, 1e-5, "a")
    measured.within(1e-9, 1e-5, "b")
    assert (measured.where, measured.count) == ("a", 2)
    with pytest.raises(CheckFailed, match="over the limit"):
        measured.within(1e-4, 1e-5, "c")
    assert measured.where == "c"


def test_names_must_be_the_same() -> None:
    with pytest.raises(CheckFailed, match="names differ"):
        Measured().tensors({"a": np.zeros(1)}, {"b": np.zeros(1)}, 1.0, "x")


def test_trajectory_limits_have_a_floor_and_a_ceiling() -> None:
    assert tolerances.trajectory_limit("float64", "loss", 0.0) == 1e-12
    assert tolerances.trajectory_limit("float64", "loss", 1e-12) == pytest.approx(1e-10)
    assert tolerances.trajectory_limit("float64", "loss", 1.0) == 1e-7
