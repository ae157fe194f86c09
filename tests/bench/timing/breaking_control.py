"""A control program that breaks in the second halves, where it is made anew."""

from collections.abc import Callable

import numpy as np

from tests.bench.timing import control_program

MADE = [0]


def make(weights: dict[str, np.ndarray], dtype: str) -> tuple[Callable, Callable]:
    """Raises when it is made a second time."""
    MADE[0] += 1
    if MADE[0] > 1:
        raise MemoryError("no memory left for this control")
    return control_program.make(weights, dtype)
