"""The worker's side of what a cell costs beside its speed: latency, memory, ceiling."""

import resource
import sys
import time
from collections.abc import Callable
from statistics import median
from typing import Any

import backends
from backends.protocol import Settings
from bench.plan.cells import Cell
from bench.proof.starting import SEED
from bench.timing.cell import ready
from spec import data, randomness
from spec.state import init_state

LATENCY_SIZES = (1, 64)
LATENCY_S = 0.1
"""So long one latency is measured, and at least FEWEST calls."""
FEWEST = 5
PRODUCT_SIZES = (512, 1024, 2048)
PRODUCT_S = 0.3
MEMORY_CHUNKS = 2


def latency(cell_id: str) -> dict[str, float]:
    """Seconds of one call of `generate`, from NumPy to NumPy, by batch size.

    Of the file's first network, which in the short form is the generator.
    """
    cell = ready(cell_id)
    name, network = next(iter(cell.workload.networks.items()))
    found = {}
    for size in LATENCY_SIZES:
        z = randomness.inputs(network, "latency", size)
        call = lambda z=z: cell.program.generate(cell.state, name, z)  # noqa: E731
        call()  # compiles this size
        found[str(size)] = _median_s(call, LATENCY_S)
    return found


def ceiling(row: str, precision: str, device: str) -> dict[str, float]:
    """The best product of two square matrices in the backend: {gflop_per_s, size}."""
    product_of = backends.load(row).device.matrix_product
    best = {"gflop_per_s": 0.0, "size": 0.0}
    for size in PRODUCT_SIZES:
        product = product_of(size, precision, device)
        product()
        speed = 2e-9 * size**3 / _median_s(product, PRODUCT_S)
        best = max(best, {"gflop_per_s": speed, "size": size}, key=lambda b: b["gflop_per_s"])
    return best


def memory(cell: dict[str, Any]) -> dict[str, Any]:
    """Peak of a process that trains this cell and has done nothing else; bytes.

    On a GPU it is what the framework's allocator gave out, on a CPU the process, of which
    `imported_bytes` is the size before: interpreter, framework and data. No proof runs here, since
    the reference has its own arrays.
    """
    cell_ = Cell(**cell)
    workload = cell_.load()
    arrays = data.load(workload, cell_.folder)
    backends.load(cell_.row)
    imported = peak_bytes()
    chunk = workload.chunk_iterations()
    settings = Settings(cell_.mode, cell_.precision, cell_.device, chunk)  # type: ignore[arg-type]
    program = backends.prepare(cell_.row, workload, settings)
    state = program.import_state(init_state(workload, SEED))
    state, metrics = program.run(state, program.place(arrays), SEED, MEMORY_CHUNKS * chunk)
    program.block_until_ready((state, metrics))
    allocated = backends.load(cell_.row).device.peak_memory_bytes()
    if allocated is not None:
        return {"peak_memory_bytes": allocated, "peak_memory_kind": "allocator"}
    return {
        "peak_memory_bytes": peak_bytes(),
        "imported_bytes": imported,
        "peak_memory_kind": "process",
    }


def peak_bytes() -> int:
    """The largest resident size that this process has had."""
    kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return kib if sys.platform == "darwin" else 1024 * kib


def _median_s(call: Callable[[], Any], seconds: float) -> float:
    elapsed: list[float] = []
    while len(elapsed) < FEWEST or sum(elapsed) < seconds:
        start = time.perf_counter()
        call()
        elapsed.append(time.perf_counter() - start)
    return median(elapsed)
