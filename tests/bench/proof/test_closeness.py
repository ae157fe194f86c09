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


def test_shapes_must_be_the_same() -> None:
    assert relative_error(np.zeros((2, 1)), np.zeros((1, 2))) == math.inf


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
