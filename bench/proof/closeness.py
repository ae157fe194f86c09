"""Differences between arrays, as the limits in spec.tolerances mean them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import isfinite
from typing import Any

import numpy as np
from numpy.typing import NDArray

STRUCTURAL_ZERO = 1e-14
"""A reference tensor with a norm below this is zero but for rounding: compared absolutely."""


class CheckFailed(AssertionError):
    """A backend is further from the reference than the limit allows."""


class Diverges(Exception):
    """The reference itself leaves the finite numbers: no backend can be held to what follows."""

    def __init__(self, iteration: int) -> None:
        super().__init__(f"the reference is not finite from iteration {iteration} on")
        self.iteration = iteration
        """The first, counted from 1, whose metrics or state are not finite."""

    def __reduce__(self) -> tuple[type["Diverges"], tuple[int]]:
        """From one process to another."""
        return type(self), (self.iteration,)


def relative_error(actual: Any, expected: Any) -> float:
    """|a - b|_2 / |b|_2; absolute where b is structurally zero. Infinite where a is not finite."""
    a, b = np.asarray(actual, np.float64), np.asarray(expected, np.float64)
    if a.shape != b.shape or not np.isfinite(a).all():
        return float("inf")
    scale = float(np.linalg.norm(b))
    difference = float(np.linalg.norm(a - b))
    return difference / scale if scale > STRUCTURAL_ZERO else difference


def loss_error(actual: Any, expected: Any) -> float:
    """max |a - b| / max(1, |b|). Infinite where a is not finite."""
    a, b = np.asarray(actual, np.float64), np.asarray(expected, np.float64)
    if a.shape != b.shape or not np.isfinite(a).all():
        return float("inf")
    return float(np.max(np.abs(a - b) / np.maximum(1.0, np.abs(b)), initial=0.0))


@dataclass
class Measured:
    """The comparison that used most of its limit."""

    max_error: float = 0.0
    limit: float = 0.0
    where: str = ""
    count: int = field(default=0)
    sensitive: bool = False
    """Whether rounding alone goes beyond a ceiling, so that a proof in float64 has to stand beside
    this one."""
    fingerprint: str = ""
    """Hash of the metrics and the state that a run ended with, where one was compared."""

    @property
    def share(self) -> float:
        """How much of the limit was used; 0 where nothing may differ and nothing did."""
        return self.max_error / self.limit if self.limit else float(self.max_error > 0)

    def within(self, error: float, limit: float, where: str) -> None:
        """Record one comparison; CheckFailed where it is over the limit.

        A limit that is not finite proves nothing, whatever the error.
        """
        one = Measured(error, limit, where)
        if not self.limit or one.share > self.share:
            self.max_error, self.limit, self.where = error, limit, where
        self.count += 1
        if not isfinite(limit):
            raise CheckFailed(f"{where}: its limit is not finite, so that it proves nothing")
        if not error <= limit:  # also catches NaN
            raise CheckFailed(f"{where}: error {error:.3g} is over the limit {limit:.3g}")

    def tensors(
        self,
        actual: Mapping[str, NDArray[Any]],
        expected: Mapping[str, NDArray[Any]],
        limit: float,
        what: str,
    ) -> None:
        """Compare every tensor by name; the names must be the same."""
        self.true(set(actual) == set(expected), f"{what}: names differ")
        for key, value in expected.items():
            self.within(relative_error(actual[key], value), limit, f"{what} {key}")

    def losses(
        self, actual: Mapping[str, Any], expected: Mapping[str, Any], limit: float, what: str
    ) -> None:
        """Compare every loss and probability by name; the names must be the same."""
        self.true(set(actual) == set(expected), f"{what}: names differ")
        for key, value in expected.items():
            self.within(loss_error(actual[key], value), limit, f"{what} {key}")

    def true(self, holds: bool, what: str) -> None:
        """Record something that either holds or does not."""
        self.count += 1
        self.where = self.where or what
        if not holds:
            raise CheckFailed(what)
