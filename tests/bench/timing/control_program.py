"""A control program that needs no framework: some products of matrices."""

from collections.abc import Callable

import numpy as np


def make(weights: dict[str, np.ndarray], dtype: str) -> tuple[Callable, Callable]:
    """The form of the programs in bench.controls."""
    kernel = weights["generator/dense_0/kernel"].astype(dtype)

    def step(x: np.ndarray, z_d: np.ndarray, z_g: np.ndarray) -> np.ndarray:
        return x.reshape(len(x), -1) @ kernel + (z_d + z_g) @ kernel

    return step, lambda: {"kernel": kernel.copy()}
