"""In a row's worker: what it says of autotuning once a program is there, as a result has it."""

from typing import Any

import backends
import spec
from backends.protocol import Settings


def numerics(row: str, deterministic: bool) -> dict[str, Any]:
    """As the benchmark has it; or as a deterministic worker has it from when it is asked to be one.

    Whether a program is made before that or after.
    """
    device, workload = backends.load(row).device, spec.load("mlp_small")
    settings = Settings("compiled", "float32", "cpu", 1)
    backends.prepare(row, workload, settings)
    if deterministic:
        device.make_deterministic()
    found = dict(device.describe()["precision"])
    backends.prepare(row, workload, settings)
    assert device.describe()["precision"] == found
    return found


def level_that_xla_has() -> str:
    """The autotuning level that XLA itself took from XLA_FLAGS; JAX has no public name for it."""
    from jaxlib import xla_client

    options = xla_client.CompileOptions()  # what it gives is a part of it, so it has to live on
    lines = str(options.executable_build_options.debug_options).splitlines()
    (level,) = (line.split()[1] for line in lines if line.startswith("xla_gpu_autotune_level:"))
    return level
