"""Devices, precision and what JAX says of them."""

import os
from collections.abc import Callable
from functools import partial
from typing import Any

import flax
import jax
import jax.numpy as jnp
import jaxlib
import optax

from backends import xla
from backends.protocol import Stopped

DTYPES = {"float64": jnp.float64, "float32": jnp.float32}
PLATFORMS = {"cpu": "cpu", "cuda": "gpu"}


def devices() -> tuple[str, ...]:
    """Devices that this process can use."""
    # The CPU is always there; the default backend is the GPU's where there is one.
    return ("cpu", "cuda") if jax.default_backend() == "gpu" else ("cpu",)


def configure(precision: str) -> None:
    """Float32 means float32: TF32 is off; float64 arrays exist only where they are asked for."""
    jax.config.update("jax_enable_x64", precision == "float64")
    # For what the layers' own precision does not reach; they say the same (networks.PRECISION).
    jax.config.update("jax_default_matmul_precision", "highest")


def describe() -> dict[str, Any]:
    """Versions, device and numerics, as read back."""
    first = jax.devices()[0]
    return {
        "versions": {module.__name__: module.__version__ for module in (jax, jaxlib, flax, optax)},
        "device": "cpu" if first.platform == "cpu" else first.device_kind,
        # XLA's pool takes every core that the process may use.
        "threads": len(os.sched_getaffinity(0)),
        "precision": {
            "jax_enable_x64": jax.config.jax_enable_x64,
            "jax_default_matmul_precision": jax.config.jax_default_matmul_precision,
            **xla.autotuning(),
        },
    }


def block_until_ready(tree: Any) -> None:
    """Waits for all work on every array in the tree."""
    jax.block_until_ready(tree)


def make_deterministic() -> None:
    """Nothing: XLA takes it from XLA_FLAGS, and does not autotune then."""


def peak_memory_bytes() -> int | None:
    """The most that JAX's allocator has given out on the GPU; None on a CPU."""
    statistics = jax.devices()[0].memory_stats() or {}
    return statistics.get("peak_bytes_in_use")


def stopwatch() -> Callable[[], Stopped] | None:
    """None: JAX shows no clock of the device."""
    return None


def matrix_product(size: int, precision: str, device: str) -> Callable[[], None]:
    """A call that multiplies two matrices of `size` x `size` and waits: a backend's ceiling."""
    configure(precision)
    place = jax.devices(PLATFORMS[device])[0]
    drawn = jax.random.uniform(jax.random.key(0), (2, size, size), DTYPES[precision])
    one, other = jax.device_put(drawn, place)
    multiply = jax.jit(partial(jnp.matmul, precision="highest"))
    return lambda: block_until_ready(multiply(one, other))
