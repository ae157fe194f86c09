"""The worker's side of timing: a proved cell made ready, its rounds, and whether it counted."""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

import backends
from backends.protocol import Program, Stopped
from bench.plan.cells import TRIES
from bench.proof.starting import SEED, forget, started
from spec import data
from spec.randomness import whole_periods
from spec.state import init_state
from spec.work import iteration_multiply_adds
from spec.workload import Workload

LARGEST_GROWTH = 100.0
"""Each number of iterations that is tried may compile for itself, so there are few of them."""
SURELY_LONG_S = 2.5
"""A round that lasts this long is not run again to see how long it is without compiling."""


@dataclass
class Ready:
    """A proved cell with its live state."""

    workload: Workload
    program: Program
    placed: Any
    state: Any
    stopwatch: Callable[[], Callable[[], Stopped] | None]
    iterations: int = 0
    calls: int = 0
    metrics: list[tuple[int, Any]] = field(default_factory=list)
    """Iterations before a round, and its metrics, on the device: reading one takes a call, so it
    waits for `count`."""


_READY: dict[str, Ready] = {}


def prepare(
    cell_id: str, round_s: float, iterations_per_round: int | None = None
) -> dict[str, Any]:
    """Make a proved cell ready: {iterations_per_round, draws_s_per_iteration, ...}.

    Without `iterations_per_round` there are as many as last `round_s`.
    """
    one = started(cell_id)
    workload, program, row = one.workload, one.program, one.cell.row
    state = program.import_state(init_state(workload, SEED))
    ready = Ready(workload, program, one.placed, state, backends.load(row).device.stopwatch)
    # Draws are made a chunk at a time, whoever takes them: a part of one would cost a whole one's.
    k, measured_s = _iterations_per_round(ready, one.chunk, round_s, iterations_per_round)
    draws_s = _draws_s(ready, k)
    read = data.files_of(workload, one.cell.folder)
    _READY[cell_id] = ready
    return {
        "iterations_per_round": k,
        "round_s": measured_s,
        "chunk_iterations": one.chunk,
        "draws_s_per_iteration": draws_s,
        "optimizer": program.optimizer_origin,
        "updates_per_iteration": workload.updates_per_iteration,
        "images_per_iteration": workload.images_per_iteration,
        "multiply_adds_per_iteration": iteration_multiply_adds(workload),
        "spec_hash": workload.spec_hash,
        "data": data.describe(one.arrays, read) or {"x": {"kind": "drawn on the device"}},
        "backend": backends.load(row).device.describe(),
    }


def ready(cell_id: str) -> Ready:
    """A cell that this worker has ready."""
    return _READY[cell_id]


def release(cell_ids: list[str]) -> None:
    """Let go of cells that are timed no more."""
    for name in cell_ids:
        _READY.pop(name, None)
    forget(cell_ids)


class Nothing:
    """A program whose iterations are none."""

    def run(self, state: Any, placed: Any, seed: int, n: int) -> tuple[Any, dict[str, Any]]:
        """At once."""
        return state, {}

    def block_until_ready(self, value: Any) -> None:
        """There is nothing to wait for."""


def nothing(row: str, wait_s: float) -> dict[str, float]:
    """What the harness itself takes: an empty round, timed as every round is, after a wait.

    `here_s` is all of it on this process's clock: what the caller waits beyond that is the call.
    """
    start = time.perf_counter()
    time.sleep(wait_s)
    program: Any = Nothing()
    workload: Any = None
    empty = Ready(workload, program, None, None, backends.load(row).device.stopwatch)
    empty_round_s = _time(empty, 0)["round_s"]
    return {"empty_round_s": empty_round_s, "here_s": time.perf_counter() - start}


def time_round(cell_id: str, n: int) -> dict[str, float | None]:
    """n iterations and the wait for them, in seconds.

    {round_s: on this process's clock, device_s: on the device's, where the framework shows it}.
    """
    return _time(_READY[cell_id], n)


def _time(ready: Ready, n: int) -> dict[str, Any]:
    ready.calls += 1
    stop, start = ready.stopwatch(), time.perf_counter()
    ready.state, metrics = ready.program.run(ready.state, ready.placed, SEED + ready.calls, n)
    device_s = stop() if stop else None
    ready.program.block_until_ready((ready.state, metrics))
    elapsed = time.perf_counter() - start
    ready.metrics.append((ready.iterations, metrics))
    ready.iterations += n
    # Reading waits for the device once more: not within the time.
    return {"round_s": elapsed, "device_s": device_s() if device_s else None}


def count(cell_id: str) -> dict[str, Any]:
    """Iterations run and iterations that the state has counted.

    `left_at`: the first iteration, from 1, that is known not to be finite; None where all are.
    """
    ready = _READY[cell_id]
    state = ready.program.export_state(ready.state)
    left_at = _left_at(ready, state)
    ready.metrics.clear()
    return {
        "iterations_run": ready.iterations,
        "iterations_counted": int(state["iteration"]),
        "left_at": left_at,
    }


def train_on(cell_id: str, n: int, seconds: float) -> dict[str, int | None]:
    """Train the cell from its first state for n iterations, or so many seconds, untimed.

    {iterations, left_at: as in `count`}.
    """
    live = _READY[cell_id]
    own, first = live.program, live.program.import_state(init_state(live.workload, SEED))
    fresh = Ready(live.workload, own, live.placed, first, lambda: None)
    end = time.monotonic() + seconds
    piece = whole_periods(max(1, min(n, 100)), live.workload.period)
    left_at = None
    while left_at is None and fresh.iterations < n and time.monotonic() < end:
        _time(fresh, piece)
        left_at = _left_at(fresh, own.export_state(fresh.state))
        fresh.metrics.clear()
    return {"iterations": fresh.iterations, "left_at": left_at}


def _left_at(ready: Ready, state: dict[str, Any]) -> int | None:
    """The first iteration whose metrics are not finite; the last where only the state is not.

    What is finite at the end of each round and in the state is taken to have been so throughout.
    """
    ends = all(
        math.isfinite(float(values[-1])) for _, of in ready.metrics for values in of.values()
    )
    if ends and all(np.isfinite(value).all() for value in state.values()):
        return None
    every = ready.workload.reported_every
    for before, metrics in ready.metrics:  # of iterations from 0 on: each round begins there
        left = [
            before + i * every[name] + 1
            for name, values in metrics.items()
            for i in range(len(values))
            if not math.isfinite(float(values[i]))
        ]
        if left:
            return min(left)
    return ready.iterations


def _draws_s(ready: Ready, n: int) -> float:
    """Seconds an iteration that drawing takes when nothing else is done."""
    elapsed = 0.0
    for _ in range(2):  # the first time compiles, where drawing is compiled
        start = time.perf_counter()
        for chunk in ready.program.chunks(ready.placed, SEED, n):
            ready.program.block_until_ready(chunk)
        elapsed = time.perf_counter() - start
    return elapsed / n


def _iterations_per_round(
    ready: Ready, unit: int, round_s: float, given: int | None
) -> tuple[int, float]:
    """(those given, or whole units, as many as last at least `round_s`; how long they lasted).

    Whole periods of the workload's phases in any case.

    Other work can only make a try longer. One that is too short is so for certain; one that is
    longer than was to be expected allows fewer iterations, if these last long enough themselves.
    """
    k, too_few = whole_periods(given or unit, ready.workload.period), 0
    while True:
        elapsed = _tried(ready, k, compiled=k == unit, round_s=round_s)
        if given:
            return k, elapsed
        if elapsed < round_s:
            too_few = k
            k = unit * math.ceil(1.1 * k / unit * min(LARGEST_GROWTH, round_s / elapsed))
            continue
        fewer = unit * math.ceil(1.05 * k / unit * round_s / elapsed)
        if fewer > 0.9 * k or fewer <= too_few:
            return k, elapsed
        k = fewer


def _tried(ready: Ready, k: int, *, compiled: bool, round_s: float) -> float:
    """How long k iterations last: the shortest of tries, of which the first may compile."""
    first: float = _time(ready, k)["round_s"]
    if first >= max(2 * round_s if compiled else SURELY_LONG_S, round_s):
        return first
    more = TRIES - 1 if first < round_s else 1
    return min(first, *(_time(ready, k)["round_s"] for _ in range(more)))
