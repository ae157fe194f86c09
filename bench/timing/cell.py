"""The worker's side of a measurement: prove a cell, then time the very callable that was proved."""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import backends
from backends.protocol import Program, Settings, Stopped
from bench.plan.cells import TRIES, Cell
from bench.proof.closeness import Measured
from bench.proof.timed_path import fingerprint_of, prove_run
from spec import data
from spec.state import init_state
from spec.work import iteration_multiply_adds
from spec.workload import Workload

SEED = 0
LARGEST_PROOF_BATCH = 128
"""Beyond this the reference is too slow: the proof is at this size, and the result says so."""
SURELY_LONG_S = 2.5
"""A round that lasts this long is not run again to see how long it is without compiling."""
SMALL_PROOF_BATCH, SMALL_PROOF_CHUNK = 8, 2
"""Of the proof in float64: equality does not depend on them, and float64 is slow."""


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
    metrics: Any = None
    """Of the last round, on the device: reading a loss takes a call, so it waits for `count`."""


_READY: dict[str, Ready] = {}


def prepare(
    cell: dict[str, Any],
    round_s: float,
    proved: dict[str, Any] | None = None,
    iterations_per_round: int | None = None,
) -> dict[str, Any]:
    """Prove the cell and make it ready: {proof, first_step_s, iterations_per_round, ...}.

    `proved` is the proof of the same cell in another process: it holds here too where this one
    ends with the same bits. Without `iterations_per_round` there are as many as last `round_s`.
    Raises CheckFailed where the proof fails: such a cell is never timed.
    """
    cell_ = Cell(**cell)
    workload = cell_.load()
    arrays = data.load(workload)
    program, chunk = _program(cell_, workload)
    placed = program.place(arrays)
    first_step_s = _first_step_s(program, workload, placed, chunk, cell_.mode)
    proof_s = time.perf_counter()
    proof = _prove(cell_, program, workload, arrays, placed, chunk, proved)
    proof_s = time.perf_counter() - proof_s
    state = program.import_state(init_state(workload, SEED))
    ready = Ready(workload, program, placed, state, backends.load(cell_.row).device.stopwatch)
    # A dispatch of a whole chunk is timed in whole chunks; single ones in as few as will do.
    unit = chunk if cell_.mode == "multistep" else 1
    k, measured_s = _iterations_per_round(ready, unit, round_s, iterations_per_round)
    draws_s = _draws_s(ready, k)
    _READY[cell_.id] = ready
    return {
        "proof": proof,
        "proof_s": proof_s,
        "first_step_s": first_step_s,
        "first_iterations": unit,
        "iterations_per_round": k,
        "round_s": measured_s,
        "chunk_iterations": chunk,
        "draws_s_per_iteration": draws_s,
        "optimizer": program.optimizer_origin,
        "updates_per_iteration": workload.updates_per_iteration,
        "images_per_iteration": workload.images_per_iteration,
        "multiply_adds_per_iteration": iteration_multiply_adds(workload),
        "spec_hash": workload.spec_hash,
        "data": data.describe(arrays) or {"x": {"kind": "drawn on the device"}},
        "backend": backends.load(cell_.row).device.describe(),
    }


def ready(cell_id: str) -> Ready:
    """A cell that this worker has proved."""
    return _READY[cell_id]


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
    ready.iterations += n
    ready.metrics = metrics
    # Reading waits for the device once more: not within the time.
    return {"round_s": elapsed, "device_s": device_s() if device_s else None}


def count(cell_id: str) -> dict[str, Any]:
    """Iterations run and iterations that the state has counted; and whether training is finite."""
    ready = _READY[cell_id]
    counted = int(ready.program.export_state(ready.state)["iteration"])
    last_loss = float(next(iter(ready.metrics.values()))[-1])
    return {
        "iterations_run": ready.iterations,
        "iterations_counted": counted,
        "finite": math.isfinite(last_loss),
    }


def _program(cell: Cell, workload: Workload) -> tuple[Program, int]:
    chunk = workload.chunk_iterations()
    settings = Settings(cell.mode, cell.precision, cell.device, chunk)  # type: ignore[arg-type]
    return backends.prepare(cell.row, workload, settings), chunk


def _first_step_s(
    program: Program, workload: Workload, placed: Any, chunk: int, mode: str
) -> float:
    """Seconds of the first call: one iteration, or one chunk where a dispatch holds many."""
    state = program.import_state(init_state(workload, SEED))
    start = time.perf_counter()
    result = program.run(state, placed, SEED, chunk if mode == "multistep" else 1)
    program.block_until_ready(result)
    return time.perf_counter() - start


def _prove(
    cell: Cell,
    program: Program,
    workload: Workload,
    arrays: Any,
    placed: Any,
    chunk: int,
    proved: dict[str, Any] | None,
) -> dict[str, Any]:
    """A chunk and the first iteration of the next one, against the reference."""
    size = workload.schedule.batch_size
    if size > LARGEST_PROOF_BATCH:
        size = LARGEST_PROOF_BATCH
        workload = cell.load(size)
        program, chunk = _program(cell, workload)
        placed = program.place(arrays)
    n = chunk + 1  # a whole chunk, as it is timed, and the edge to the next
    if proved and fingerprint_of(program, workload, placed, SEED, n) == proved["fingerprint"]:
        return proved | {"same_bits": True}
    measured = prove_run(
        program, workload, placed, precision=cell.precision, seed=SEED, n=n, apart=True
    )
    return _proof(measured, n, size)


def prove_in_float64(cell: dict[str, Any]) -> dict[str, Any]:
    """The same mode in float64, over chunks of two: for GANs that leave float32 too little.

    Raises CheckFailed.
    """
    cell_ = Cell(**cell)
    size = min(cell_.batch_size, SMALL_PROOF_BATCH)
    workload = cell_.load(size)
    settings = Settings(cell_.mode, "float64", cell_.device, SMALL_PROOF_CHUNK)  # type: ignore[arg-type]
    program = backends.prepare(cell_.row, workload, settings)
    placed = program.place(data.load(workload))
    n = 2 * SMALL_PROOF_CHUNK + 1
    return _proof(
        prove_run(program, workload, placed, precision="float64", seed=SEED, n=n), n, size
    )


def _proof(measured: Measured, n: int, size: int) -> dict[str, Any]:
    """What a result says of a proof."""
    return {
        "max_error": measured.max_error,
        "limit": measured.limit,
        "where": measured.where,
        "comparisons": measured.count,
        "iterations": n,
        "batch_size": size,
        "sensitive": measured.sensitive,
        "fingerprint": measured.fingerprint,
    }


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
    """(those given, or whole units, as many as last at least `round_s`; how long they lasted)."""
    k = given or unit
    while True:
        elapsed = _time(ready, k)["round_s"]  # may compile what depends on k
        if elapsed < max(SURELY_LONG_S, round_s):
            elapsed = min(_time(ready, k)["round_s"] for _ in range(TRIES))
        if given or elapsed >= round_s:
            return k, elapsed
        k = unit * math.ceil(1.1 * k / unit * min(10.0, round_s / elapsed))
