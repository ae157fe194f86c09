"""How each framework computes a workload.

A backend is a folder with the same files as its neighbours. A folder with `engine_*.py` files
stands for one row per engine. Nothing here imports a framework before `load` is called, so that
a missing or slow framework costs nothing to those who do not use it.
"""

import importlib
import os
from importlib.util import find_spec
from pathlib import Path

from backends.protocol import Backend, Program, Settings, absent_mode
from spec.errors import UserError
from spec.workload import Workload

_FOLDER = Path(__file__).parent
ORACLE = "reference"
REQUIRES = {
    "pytorch": ("torch",),
    "keras3-tensorflow": ("keras", "tensorflow"),
    "keras3-jax": ("keras", "jax"),
    "flax_nnx": ("jax", "flax", "optax"),
}
"""The packages without which a row is absent."""


def names() -> tuple[str, ...]:
    """Every row that is measured: one for each backend folder, or for each of its engines."""
    rows = []
    for training in sorted(_FOLDER.glob("*/training.py")):
        folder = training.parent
        engines = sorted(path.stem.removeprefix("engine_") for path in folder.glob("engine_*.py"))
        rows += [f"{folder.name}-{engine}" for engine in engines] or [folder.name]
    return tuple(row for row in rows if row != ORACLE)


def missing(row: str) -> tuple[str, ...]:
    """Packages that the row needs and this interpreter does not have."""
    return tuple(package for package in REQUIRES.get(row, ()) if find_spec(package) is None)


def load(row: str) -> Backend:
    """Import a row's framework and return its backend. UserError where that cannot be."""
    folder, _, engine = row.partition("-")
    if row != ORACLE and row not in names():
        raise UserError(f"no backend is called {row!r}; allowed: {', '.join(names())}")
    if missing(row):
        raise UserError(f"backend {row} needs {', '.join(missing(row))}: not installed here")
    if engine:
        os.environ["KERAS_BACKEND"] = engine
    return importlib.import_module(f"backends.{folder}").backend()


def prepare(row: str, workload: Workload, settings: Settings) -> Program:
    """A workload made ready on a row. UserError for a mode or device that the row does not have."""
    backend = load(row)
    absent = absent_mode(row, settings.mode, workload, settings.device)
    if absent:
        raise UserError(f"{row} has no mode {settings.mode} on {settings.device}: {absent.reason}")
    allowed = backend.device.devices()
    if settings.device not in allowed:
        raise UserError(
            f"{row} has no device {settings.device!r} here; allowed: {', '.join(allowed)}"
        )
    return backend.program(workload, settings)
