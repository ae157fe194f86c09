"""The worker's side of a measurement: prove a cell, then time the very callable that was proved."""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import backends
from backends.protocol import Program, Settings
from bench.cells import Cell
from bench.measurement import Measured
from bench.proof import fingerprint_of, prove_run
from spec import data
from spec.state import init_state
from spec.work import iteration_multiply_adds
from spec.workload import Workload

SEED = 0
LARGEST_PROOF_BATCH = 128
"""Beyond this the reference is too slow: the proof is at this size, and the result says so."""
SMALL_PROOF_BATCH, SMALL_PROOF_CHUNK = 8, 2
"""Of the proof in float64: equality does not depend on them, and float64 is slow."""


@dataclass
class Ready:
    """A proved cell with its live state."""

    workload: Workload
    program: Program
    placed: Any
    state: Any
    stopwatch: Callable[[], Callable[[], float] | None]
    iterations: int = 0
    calls: int = 0
    device_s: float | None = None
    """The last round on the device's own clock, where the framework shows one."""
    metrics: Any = None
    """Of the last round, on the device: reading a loss takes a call, so it waits for `count`."""


_READY: dict[str, Ready] = {}


def prepare(
    cell: dict[str, Any], round_s: float, proved: dict[str, Any] | None = None
) -> dict[str, Any]:
    """Prove the cell and make it ready: {proof, first_step_s, iterations_per_round, ...}.

    `proved` is the proof of the same cell in another process: it holds here too where this one
    ends with the same bits. Raises CheckFailed where the proof fails: such a cell is never timed.
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
    k, measured_s = _iterations_per_round(ready, chunk if cell_.mode == "multistep" else 1, round_s)
    draws_s = _draws_s(ready, k)
    _READY[cell_.id] = ready
    return {
        "proof": proof,
        "proof_s": proof_s,
        "first_step_s": first_step_s,
        "first_iterations": chunk if cell_.mode == "multistep" else 1,
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


def nothing() -> None:
    """An empty call: what it takes is the harness's own share of every round."""


def describe(row: str) -> dict[str, Any]:
    """Versions, device, threads and precision flags of a row."""
    return dict(backends.load(row).device.describe())


def time_round(cell_id: str, n: int) -> float:
    """n iterations and the wait for them; the seconds on this process's own clock."""
    return _time(_READY[cell_id], n)


def _time(ready: Ready, n: int) -> float:
    ready.calls += 1
    start, device_s = time.perf_counter(), ready.stopwatch()
    ready.state, metrics = ready.program.run(ready.state, ready.placed, SEED + ready.calls, n)
    ready.device_s = device_s() if device_s else None
    ready.program.block_until_ready((ready.state, metrics))
    elapsed = time.perf_counter() - start
    ready.iterations += n
    ready.metrics = metrics
    return elapsed


def count(cell_id: str) -> dict[str, Any]:
    """Iterations run and iterations that the state has counted; and whether training is finite."""
    ready = _READY[cell_id]
    counted = int(ready.program.export_state(ready.state)["iteration"])
    last_loss = float(next(iter(ready.metrics.values()))[-1])
    return {
        "iterations_run": ready.iterations,
        "iterations_counted": counted,
        "finite": math.isfinite(last_loss),
        "device_clock_s": ready.device_s,
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
    measured = prove_run(program, workload, placed, precision=cell.precision, seed=SEED, n=n)
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


def _iterations_per_round(ready: Ready, unit: int, round_s: float) -> tuple[int, float]:
    """(whole units, as many as make a round last at least `round_s`; how long it lasted)."""
    k = unit
    while True:
        elapsed = _time(ready, k)  # may compile what depends on k, so it only counts if it is long
        if elapsed < 10 * round_s:
            elapsed = _time(ready, k)
        if elapsed >= round_s:
            return k, elapsed
        k = unit * math.ceil(1.1 * k / unit * min(10.0, round_s / elapsed))
