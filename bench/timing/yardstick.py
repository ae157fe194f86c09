"""The machine's yardstick: control programs, timed in every run, turn by turn among the cells.

Two runs have no moment in common, so what a machine does between them does not leave the ratio of
their times. The controls are the same programs in both; what made them slower is not the change
that is looked for (docs/adr/0007-compare.md).
"""

import hashlib
import importlib
import inspect
import math
import time
from collections.abc import Callable
from typing import Any

import numpy as np

import backends
import spec
from bench.plan.cells import TRIES, WARM_SHARE
from bench.plan.controls import FRAMEWORKS, WORKLOAD
from spec.state import init_state, parameters

BATCH_SIZE = 64
PACKAGES = {"pytorch": ("torch",), "tensorflow": ("tensorflow", "keras"), "jax": ("jax", "jaxlib")}
"""What a control program runs on; with another version of it it is another yardstick."""


_LIVE: dict[str, tuple[str, Callable[[int], float]]] = {}
"""Program -> the stretch that it was made for, and a round of it: n iterations, in seconds."""
_ITERATIONS: dict[str, int] = {}


def load(program: str) -> None:
    """In a control's worker: import the program and its framework."""
    importlib.import_module(program)


def time_turn(
    program: str, row: str, round_s: float, stretch: str, iterations_per_round: int | None = None
) -> dict[str, Any]:
    """In a control's worker: a turn in a stretch of blocks, as the seconds an iteration of a round.

    Every stretch starts from the same weights, so that all runs compute the same. Without
    `iterations_per_round` there are as many as last `round_s`.
    """
    module = importlib.import_module(program)
    if _LIVE.get(program, (None, None))[0] != stretch:
        _LIVE[program] = stretch, _made(module)
    one_round = _LIVE[program][1]
    if program not in _ITERATIONS:
        own = iterations_per_round or _iterations_per_round(one_round, round_s)
        _ITERATIONS[program] = own
    n = _ITERATIONS[program]
    one_round(max(1, round(WARM_SHARE * n)))
    return {
        "seconds_per_iteration": one_round(n) / n,
        "iterations_per_round": n,
        "versions": _versions(row),
        "program_hash": hashlib.sha256(inspect.getsource(module).encode()).hexdigest(),
    }


def _made(module: Any) -> Callable[[int], float]:
    """A program from the first weights on, compiled."""
    step, export = module.make(_weights(), "float32")
    x, z_d, z_g = _inputs()

    def one_round(n: int) -> float:
        start = time.perf_counter()
        for _ in range(n):
            step(x, z_d, z_g)
        export()  # copies all parameters out, which waits for the device in every framework
        return time.perf_counter() - start

    one_round(1)
    return one_round


def _iterations_per_round(one_round: Any, round_s: float) -> int:
    n = 1
    while (elapsed := min(one_round(n) for _ in range(TRIES))) < round_s:
        n = math.ceil(1.1 * n * min(10.0, round_s / elapsed))
    return n


def _weights() -> dict[str, np.ndarray]:
    workload = spec.load(WORKLOAD)
    state = init_state(workload, 0)
    return {key: state[key] for key in parameters(workload)}


def _inputs() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """One batch of images and two of noise, the same in every iteration."""
    random = np.random.default_rng(0)
    x = random.uniform(-1, 1, (BATCH_SIZE, 28, 28, 1))
    z_d, z_g = random.normal(size=(2, BATCH_SIZE, 784))
    return x.astype(np.float32), z_d.astype(np.float32), z_g.astype(np.float32)


def _versions(row: str) -> dict[str, str]:
    """Of the framework only: the row's own packages do not change the control."""
    versions = backends.load(row).device.describe()["versions"]
    return {name: versions[name] for name in PACKAGES.get(FRAMEWORKS.get(row, ""), ())}
