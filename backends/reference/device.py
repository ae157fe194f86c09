"""Where NumPy runs and what it says of itself."""

from typing import Any

import autograd
import numpy as np


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
