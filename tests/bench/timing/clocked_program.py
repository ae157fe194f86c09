"""A control program whose iterations take a millisecond each, however busy the machine is."""

from collections.abc import Callable
from types import SimpleNamespace

import numpy as np

from bench.timing import yardstick

ITERATION_S = 1e-3


def make(weights: dict[str, np.ndarray], dtype: str) -> tuple[Callable, Callable]:
    """The form of the programs in bench.controls; its worker's clock is its own from now on."""
    clock = [0.0]
    yardstick.time = SimpleNamespace(perf_counter=lambda: clock[0])  # type: ignore[assignment]

    def step(x: np.ndarray, z_d: np.ndarray, z_g: np.ndarray) -> None:
        clock[0] += ITERATION_S

    return step, dict
