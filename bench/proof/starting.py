"""In a row's worker: a cell's program, its first call, and what its run for the proof ends with."""

import hashlib
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

import backends
from backends.protocol import Program, Settings
from bench.plan.cells import Cell
from bench.proof.arrays import write_arrays, write_rows
from bench.proof.timed_path import Ended, ended, lengths, names_of, rows_of, told
from spec import data
from spec.state import proof_state
from spec.workload import Workload

SEED = 0
LARGEST_PROOF_BATCH = 128
"""Beyond this the reference is too slow: the proof is at this size, and the result says so."""
FLOAT64_BATCH, FLOAT64_CHUNK = 8, 2
"""Of what is proved in float64 beside a sensitive cell: equality does not depend on them, and
float64 is slow."""


@dataclass
class Started:
    """A cell's program, with what it trains on."""

    cell: Cell
    workload: Workload
    program: Program
    arrays: Mapping[str, Any]
    placed: Any
    chunk: int
    to_prove: int
    """Iterations of the run that is proved."""
    proved: "Started"
    """The same at the size that is proved: itself, unless batches are too large."""
    ends: dict[int, Ended] = field(default_factory=dict)
    """Iterations -> what a run of so many ended with."""


_STARTED: dict[str, Started] = {}


def start(cell: dict[str, Any]) -> dict[str, Any]:
    """Make a cell's program, and take its first step, compiling included.

    {first_step_s, first_iterations: one, or a chunk where a dispatch holds many}.
    """
    cell_ = Cell(**cell)
    started = _made(cell_, cell_.load())
    first = started.chunk if cell_.mode == "multistep" else 1
    state = started.program.import_state(proof_state(started.workload, SEED))
    begin = time.perf_counter()
    result = started.program.run(state, started.placed, SEED, first)
    started.program.block_until_ready(result)
    first_step_s = time.perf_counter() - begin
    if first == 1 and 1 in _wanted(started) and not _is_too_large(started):
        started.ends[1] = told(started.program, *result)  # it need not be run again to be proved
    _STARTED[cell_.id] = started
    return {"first_step_s": first_step_s, "first_iterations": first}


def start_in_float64(cell: dict[str, Any]) -> None:
    """Make a cell of float64 ready to be proved and not timed: a chunk, and the edge to the next.

    Two where a dispatch is a chunk: the second time it is not captured but used again.
    """
    cell_ = Cell(**cell)
    started = _made(cell_, cell_.load(), FLOAT64_CHUNK)
    started.to_prove += FLOAT64_CHUNK if cell_.mode == "multistep" else 0
    _STARTED[cell_.id] = started


def started(cell_id: str) -> Started:
    """A cell that this worker has started."""
    return _STARTED[cell_id]


def forget(cell_ids: list[str]) -> None:
    """Give back what these cells take, but for what a framework keeps of compiled code."""
    for name in cell_ids:
        _STARTED.pop(name, None)


def run_to_prove(cell_id: str) -> dict[str, Any]:
    """Run whole chunks, as they are timed, and the first iteration of the next one.

    What a proof depends on beside its source and the asking side: {fingerprint, iterations, ...}.
    """
    started = _STARTED[cell_id]
    if _is_too_large(started):
        started.proved = _made(started.cell, started.cell.load(LARGEST_PROOF_BATCH))
    proved = started.proved
    n = proved.to_prove
    proved.ends[n] = _end(proved, n)
    return {
        "fingerprint": proved.ends[n].fingerprint,
        "iterations": n,
        "batch_size": proved.workload.schedule.batch_size,
        "chunk": proved.chunk,
        "seed": SEED,
        "spec_hash": proved.workload.spec_hash,
        "data": _hash(proved.arrays),
        "backend": dict(backends.load(started.cell.row).device.describe()),
        "numpy": np.__version__,
    }


def save_to_prove(
    cell_id: str, folder: str, drawn: Mapping[int, Mapping[str, str]]
) -> dict[int, dict[str, str]]:
    """Write what the reference is compared with, and fed unless `drawn` has it of another mode.

    Length of a run -> {end: file, draws: file, first: hash of the first iteration's draws}.
    """
    proved, found = _STARTED[cell_id].proved, {}
    for length in _wanted(proved):
        if length not in proved.ends:
            proved.ends[length] = _end(proved, length)
        end = proved.ends.pop(length)
        path = Path(folder, f"{cell_id}-{length}.npz")
        write_arrays(path, state=end.state, metrics=end.metrics)
        found[length] = dict(drawn.get(length) or _drawn(proved, length, folder))
        found[length]["end"] = str(path)
    proved.ends.clear()
    return found


def _made(cell: Cell, workload: Workload, chunk: int | None = None) -> Started:
    arrays, chunk = data.load(workload, cell.folder), chunk or workload.chunk_iterations()
    settings = Settings(cell.mode, cell.precision, cell.device, chunk)  # type: ignore[arg-type]
    program = backends.prepare(cell.row, workload, settings)
    placed: Any = program.place(arrays)
    made: Any = Started(cell, workload, program, arrays, placed, chunk, chunk + 1, None)  # type: ignore[arg-type]
    made.proved = made
    return made  # type: ignore[no-any-return]


def _is_too_large(one: Started) -> bool:
    """Whether its batches are larger than those that are proved."""
    return one.workload.schedule.batch_size > LARGEST_PROOF_BATCH


def _wanted(one: Started) -> tuple[int, ...]:
    """How long the runs are that prove it."""
    return lengths(one.workload, one.cell.precision, one.to_prove)


def _drawn(proved: Started, length: int, folder: str) -> dict[str, str]:
    """Write the draws of a run of this length."""
    rows = rows_of(proved.workload, proved.program.draws(proved.placed, SEED, length), length)
    first, name = names_of(rows)
    path = Path(folder, f"{name}.npz")
    write_rows(path, rows)
    return {"draws": str(path), "first": first}


def _end(one: Started, n: int) -> Ended:
    return ended(one.program, one.workload, one.placed, SEED, n)


def _hash(arrays: Mapping[str, Any]) -> str:
    digest = hashlib.sha256()
    for name, array in sorted(arrays.items()):
        digest.update(f"{name} {array.dtype} {array.shape}".encode())
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()
