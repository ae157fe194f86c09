"""How much rounding is in a gradient: its terms may be far larger than what they add up to."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from autograd.core import VJPNode, backward_pass, toposort, trace

from backends.protocol import Array, Arrays

STEP = 2.0**-30
"""Large beside float64's own rounding, small enough for its effect to be proportional."""


def rms(x: Array) -> float:
    """Root mean square."""
    return float(np.sqrt(np.mean(x**2)))


def value_and_grads(
    loss: Callable[[Arrays], Any], parameters: Arrays
) -> tuple[Any, Arrays, Arrays]:
    """(value, gradients, gradients where each operation's result on the way back is off by STEP).

    Each number goes up or down at random, unless an operation only hands it on. Where the terms of
    a sum do not cancel, the gradient is off by about STEP times itself; where they do, by STEP
    times the terms. A unit that is dead in a whole batch has no spread, so the batch norm behind it
    divides what comes back by sqrt(epsilon) and takes the mean away: to the bias before it go terms
    that add up to zero.
    """
    value, end = trace(VJPNode.new_root(), loss, parameters)
    exact = backward_pass(1.0, end)
    random = np.random.default_rng(1)
    for node in toposort(end):
        node.vjp = _moved(node.vjp, random)
    return value, exact, backward_pass(1.0, end)


def _moved(
    vjp: Callable[[Any], Iterator[Any]], random: np.random.Generator
) -> Callable[[Any], Iterator[Any]]:
    def rounded(result: Any, gradient: Any) -> Any:
        if not isinstance(result, (float, np.ndarray)):  # the dictionary of parameters
            return result
        if np.may_share_memory(result, gradient):  # a reshape, say: the same numbers
            return result
        up = random.integers(0, 2, np.shape(result), dtype=np.bool_)
        return result * np.where(up, 1.0 + STEP, 1.0 - STEP)

    return lambda g: (rounded(part, g) for part in vjp(g))
