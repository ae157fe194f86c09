"""In a row's worker: one program, trained from one seed after the other on one compilation."""

import time
from dataclasses import dataclass
from typing import Any

import numpy as np

import backends
from backends.protocol import Arrays, Program, Settings
from bench.plan.cells import Cell
from bench.training import length
from bench.training.makers import Maker, inputs_of, makers
from bench.training.samples import write as write_arrays
from spec import data
from spec.state import init_state
from spec.workload import Workload


@dataclass
class Live:
    """A program, and the training that it is in."""

    workload: Workload
    program: Program
    placed: Any
    maker: Maker
    given: Arrays
    seed: int = 0
    state: Any = None
    iteration: int = 0


_LIVE: list[Live] = []


def prepare(cell: dict[str, Any], samples: int) -> dict[str, Any]:
    """Make the program ready: its first chunk and samples are made, and thrown away.

    {first_chunk_s, backend}.
    """
    cell_ = Cell(**cell)
    workload = cell_.load()
    chunk = length.grid(workload)
    settings = Settings(cell_.mode, cell_.precision, cell_.device, chunk)  # type: ignore[arg-type]
    program = backends.prepare(cell_.row, workload, settings)
    arrays = data.load(workload, cell_.folder)
    (maker,) = makers(workload)
    given = inputs_of(workload, maker, arrays, samples)
    _LIVE[:] = [Live(workload, program, program.place(arrays), maker, given)]
    begin(0)
    start = time.perf_counter()
    advance(chunk)
    made()
    first_chunk_s = time.perf_counter() - start
    backend = dict(backends.load(cell_.row).device.describe())
    return {"first_chunk_s": first_chunk_s, "backend": backend}


def begin(seed: int) -> None:
    """A training from its first state."""
    (live,) = _LIVE
    live.state = live.program.import_state(init_state(live.workload, seed))
    live.seed, live.iteration = seed, 0


def advance(n: int) -> dict[str, Any]:
    """Train for n iterations more, on the row's own draws, and wait: the timed path.

    {elapsed_s, metrics: name -> mean}.
    """
    (live,) = _LIVE
    start = time.perf_counter()
    found = live.program.run(live.state, live.placed, live.seed, n, live.iteration)
    live.program.block_until_ready(found)
    elapsed_s = time.perf_counter() - start
    live.state, metrics = found
    live.iteration += n
    means = {name: float(np.mean(np.asarray(values))) for name, values in metrics.items()}
    return {"elapsed_s": elapsed_s, "metrics": means}


def made() -> Any:
    """What the generator makes of the fixed inputs, (samples, *output)."""
    (live,) = _LIVE
    return np.asarray(live.program.generate(live.state, live.maker.network, live.given))


def sample(path: str) -> None:
    """Write that, as `generated`."""
    write_arrays(path, {"generated": made()})
