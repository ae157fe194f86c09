"""In a float64 worker: the proof of a mode for GANs that leave float32 too little."""

from typing import Any

import backends
from backends.protocol import Settings
from bench.plan.cells import Cell
from bench.proof.starting import SEED
from bench.proof.timed_path import prove_run
from bench.proof.verdict import verdict_of
from spec import data

BATCH, CHUNK = 8, 2
"""Small: equality does not depend on them, and float64 is slow."""


def prove_in_float64(cell: dict[str, Any]) -> dict[str, Any]:
    """The same mode in float64, over two chunks and the edge to a third. Raises CheckFailed."""
    cell_ = Cell(**cell)
    size = min(cell_.batch_size, BATCH)
    workload = cell_.load(size)
    settings = Settings(cell_.mode, "float64", cell_.device, CHUNK)  # type: ignore[arg-type]
    program = backends.prepare(cell_.row, workload, settings)
    placed, n = program.place(data.load(workload)), 2 * CHUNK + 1
    measured = prove_run(program, workload, placed, precision="float64", seed=SEED, n=n)
    return verdict_of(measured, n, size)
