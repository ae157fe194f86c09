"""Where NumPy runs and what it says of itself."""

from collections.abc import Callable
from typing import Any

import autograd
import numpy as np

from backends.protocol import Stopped


def devices() -> tuple[str, ...]:
    """Devices that this process can use."""
    return ("cpu",)


def describe() -> dict[str, Any]:
    """Versions and numerics, as read back."""
    return {
        "versions": {"numpy": np.__version__, "autograd": getattr(autograd, "__version__", "1")},
        "device": "cpu",
        "precision": {"float64": "always"},
    }


def block_until_ready(tree: Any) -> None:
    """NumPy has finished when it returns."""


def make_deterministic() -> None:
    """Nothing: NumPy is."""


def peak_memory_bytes() -> int | None:
    """None: NumPy runs on the CPU."""
    return None


def stopwatch() -> Callable[[], Stopped] | None:
    """None: there is no other clock than the CPU's."""
    return None


def matrix_product(size: int, precision: str, device: str) -> Callable[[], None]:
    """A call that multiplies two matrices of `size` x `size` and waits: a backend's ceiling."""
    one, other = np.ones((2, size, size), precision)
    out = np.empty_like(one)

    def product() -> None:
        np.dot(one, other, out=out)

    return product
