"""Devices, precision and what Keras and its engine say of them."""

import importlib
import os
from collections.abc import Callable
from typing import Any

import keras
from keras import ops

from backends.keras3.state import State
from backends.protocol import Stopped

NAMES = {"cpu": "cpu:0", "cuda": "gpu:0"}
"""Our devices as `keras.device` calls them."""

engine = importlib.import_module(f"backends.keras3.engine_{keras.backend.backend()}")


def devices() -> tuple[str, ...]:
    """Devices that this process can use."""
    return ("cpu", "cuda") if engine.gpu_name() else ("cpu",)


def configure(precision: str) -> None:
    """Everything that a keras.json could have changed; float32 means float32, without TF32."""
    keras.config.set_floatx(precision)
    keras.config.set_dtype_policy(precision)
    keras.config.set_epsilon(1e-7)
    keras.config.set_image_data_format("channels_last")
    engine.configure(precision)


def describe() -> dict[str, Any]:
    """Versions, device and numerics, as read back."""
    read = engine.describe()
    return {
        "versions": {"keras": keras.__version__, **read["versions"]},
        "device": engine.gpu_name() or "cpu",
        "threads": read["threads"] or len(os.sched_getaffinity(0)),
        "precision": {"keras.floatx": keras.config.floatx(), **read["precision"]},
    }


def block_until_ready(tree: Any) -> None:
    """Waits for all work on everything in the tree."""
    leaves = keras.tree.flatten(tree)
    engine.block_until_ready([x.values if isinstance(x, State) else x for x in leaves])


def make_deterministic() -> None:
    """As the engine does it."""
    engine.make_deterministic()


def peak_memory_bytes() -> int | None:
    """The most that the engine's allocator has given out on the GPU; None on a CPU."""
    return engine.peak_memory_bytes() if engine.gpu_name() else None


def stopwatch() -> Callable[[], Stopped] | None:
    """None: neither engine shows a clock of the device."""
    return None


def matrix_product(size: int, precision: str, device: str) -> Callable[[], None]:
    """A call that multiplies two matrices of `size` x `size` and waits: a backend's ceiling."""
    configure(precision)
    with keras.device(NAMES[device]):
        one, other = keras.random.uniform((2, size, size), dtype=precision, seed=0)
        multiply = engine.compiled(ops.matmul, mode="compiled", donate=False)

    def product() -> None:
        with keras.device(NAMES[device]):
            block_until_ready(multiply(one, other))

    return product
