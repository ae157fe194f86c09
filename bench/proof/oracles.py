"""In a process of its own, without a framework: the reference's runs for a proof."""

import time
from pathlib import Path
from typing import Any

import numpy as np

from bench.plan.cells import Cell
from bench.proof.arrays import read_arrays, read_rows, write_arrays
from bench.proof.replay import Course, Way, course, is_finite
from bench.proof.sensitivity import Terms, oracle
from bench.proof.starting import SEED
from bench.workers.pool import ONE_THREAD, Where
from spec import data, randomness
from spec.state import init_state


def where(number: int) -> Where:
    """The worker of one of the reference's processes, which has one thread."""
    return ("reference", "float64", "cpu", ONE_THREAD, str(number))


def run(
    cell: dict[str, Any],
    batch_size: int,
    draws: str,
    seed: int,
    way: Way,
    to: str,
    terms: Terms | None = None,
) -> dict[str, Any]:
    """Run the reference over draws in a file and write its course to another.

    {undetermined: the parameters without a gradient but for rounding, after one iteration and at
    the end, terms: those of its gradients}. Raises Diverges.
    """
    cell_ = Cell(**cell)
    workload, rows = cell_.load(batch_size), read_rows(Path(draws))
    found = course(workload, rows, cell_.precision, seed, way, terms)
    (state, metrics), (last_state, last_metrics) = found.first, found.last
    groups = {"first": state, "metrics": metrics, "last": last_state, "last_metrics": last_metrics}
    write_arrays(Path(to), **groups)
    return {"undetermined": [sorted(keys) for keys in found.undetermined], "terms": found.terms}


def read_course(path: str, told: dict[str, Any]) -> Course:
    """A course that `run` wrote, and told of."""
    found = read_arrays(Path(path))
    early, late = (frozenset(keys) for keys in told["undetermined"])
    ends = (found["first"], found["metrics"]), (found["last"], found["last_metrics"])
    return Course(*ends, (early, late), told["terms"])


def train(cell: dict[str, Any], n: int, seconds: float) -> dict[str, int | None]:
    """Train the reference from its first state for n iterations, or so many seconds.

    {iterations, left_at: the first iteration, from 1, that is not finite, or None}.
    """
    cell_ = Cell(**cell)
    workload = cell_.load()
    program, arrays = oracle(workload), data.load(workload, cell_.folder)
    state, end = program.import_state(init_state(workload, SEED)), time.monotonic() + seconds
    for i in range(n):
        if time.monotonic() > end:
            return {"iterations": i, "left_at": None}
        draws = randomness.draws(workload, SEED, i, arrays, full_only=True)
        with np.errstate(all="ignore"):
            state, metrics = program.train_step(state, draws, i)
        if not is_finite({**state, **metrics}, cell_.precision):
            return {"iterations": i + 1, "left_at": i + 1}
    return {"iterations": n, "left_at": None}
