"""In a row's worker: a training, which the caller takes on interval by interval."""

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import backends
from backends.protocol import Arrays, Program, Settings
from bench.plan.cells import Cell
from bench.training import checkpoint, keeping, length
from bench.training.beside import noise_like, real_sets
from bench.training.facts import Facts
from bench.training.looking import looked_at
from bench.training.makers import inputs_of, made, makers, real, real_like
from bench.training.samples import write as write_arrays
from spec import data, randomness
from spec.state import init_state
from spec.workload import Workload

SAMPLES = 64
"""A grid of eight by eight."""
MEASURED = 500
"""Samples of each network whose quality is measured."""


@dataclass
class Live:
    """A training as it is."""

    cell: Cell
    workload: Workload
    program: Program
    arrays: Arrays
    placed: Any
    seed: int
    from_spec: bool
    """Whether its draws are the spec's, made in NumPy: in every row the same, and slower."""
    state: Any
    iteration: int
    versions: Mapping[str, str | None]


_LIVE: list[Live] = []


def begin(
    cell: dict[str, Any], seed: int, draws: str, resumed: str | None = None
) -> dict[str, Any]:
    """Make a training ready, from its first state or from the newest checkpoint of a run's folder.

    {iteration, document_iterations, grid, data, backend, passed_over: checkpoints, why}.
    """
    cell_ = Cell(**cell)
    workload = cell_.load()
    arrays = data.load(workload, cell_.folder)
    settings = Settings(cell_.mode, cell_.precision, cell_.device, length.grid(workload))  # type: ignore[arg-type]
    program = backends.prepare(cell_.row, workload, settings)
    found = keeping.newest(Path(resumed), workload) if resumed else None
    state = found.state if found else init_state(workload, seed)
    backend = dict(backends.load(cell_.row).device.describe())
    placed, first = program.place(arrays), int(state["iteration"])
    own = program.import_state(state)
    spec_draws = draws == "spec"
    live = Live(
        cell_, workload, program, arrays, placed, seed, spec_draws, own, first, backend["versions"]
    )
    _LIVE[:] = [live]
    return {
        "iteration": first,
        "document_iterations": length.iterations(workload, arrays),
        "grid": settings.chunk,
        "data": data.describe(arrays, data.files_of(workload, cell_.folder)),
        "backend": backend,
        "passed_over": list(found.passed_over) if found else [],
    }


def advance(n: int) -> dict[str, Any]:
    """Train for n iterations more, and wait for them.

    {iteration, elapsed_s, metrics: name -> what each run of its phase reported, in order}.
    """
    (live,) = _LIVE
    start = time.perf_counter()
    metrics = _stepped(live, n) if live.from_spec else _run(live, n)
    elapsed_s = time.perf_counter() - start
    live.iteration += n
    return {"iteration": live.iteration, "elapsed_s": elapsed_s, "metrics": metrics}


def save(folder: str) -> dict[str, Any]:
    """Keep a checkpoint in a run's folder: {path, left: older ones that could not be removed}.

    Of a state that is not finite none: {not_finite: its arrays that are not}.
    """
    (live,) = _LIVE
    state = live.program.export_state(live.state)
    if found := checkpoint.not_finite(state):
        return {"not_finite": found}
    kept = keeping.keep(Path(folder), state, _facts(live))
    return {"path": str(kept.path), "left": list(kept.left), "not_finite": []}


def finish(folder: str) -> dict[str, Any]:
    """Write the state that the training has come to: to make samples from, and not to go on with.

    Its last chunk may have been a short one, and whoever goes on makes whole ones. Of a state that
    is not finite nothing: {not_finite: its arrays that are not}.
    """
    (live,) = _LIVE
    state = live.program.export_state(live.state)
    found = checkpoint.not_finite(state)
    if not found:
        checkpoint.write(keeping.final(Path(folder)), state, _facts(live))
    return {"not_finite": found}


def look() -> dict[str, Any]:
    """What samples of now show (bench.training.looking): nothing is moved by it."""
    (live,) = _LIVE
    return looked_at(live.workload, live.program, live.state, live.arrays)


def sample(path: str) -> None:
    """Write what each maker makes of the fixed inputs, by name, (n, *output)."""
    (live,) = _LIVE
    write_arrays(path, made(live.workload, live.program, live.state, live.arrays, SAMPLES))


def compare_with(path: str) -> None:
    """Write what samples are seen beside: the inputs, `<network>/<input>`, and the real ones."""
    (live,) = _LIVE
    found: dict[str, Any] = {}
    for maker in makers(live.workload):
        given = inputs_of(live.workload, maker, live.arrays, SAMPLES)
        found |= {f"{maker.network}/{name}": value for name, value in given.items()}
    write_arrays(path, found | real(live.workload, live.arrays, SAMPLES))


def for_quality(path: str) -> None:
    """Write what quality is measured on, for each maker that is compared with real samples.

    `<network>|generated`, `noise`, `held_out`, `training`, and classes of the last two as `labels`
    and `held_out_labels`, where they are known; (n, ...), at most MEASURED generated ones.
    """
    (live,) = _LIVE
    generated = made(live.workload, live.program, live.state, live.arrays, MEASURED)
    found: dict[str, Any] = {}
    for maker in makers(live.workload):
        source = real_like(live.workload, maker)
        if source is not None and maker.network in generated:
            own = {"generated": generated[maker.network]} | real_sets(live.cell, source, MEASURED)
            own["noise"] = noise_like(live.workload, maker, own["held_out"], MEASURED)
            found |= {f"{maker.network}|{name}": array for name, array in own.items()}
    write_arrays(path, found)


def _facts(live: Live) -> Facts:
    return Facts(
        workload=live.workload,
        seed=live.seed,
        iteration=live.iteration,
        chunk=length.grid(live.workload),
        draws="spec" if live.from_spec else "own",
        row=live.cell.row,
        mode=live.cell.mode,  # type: ignore[arg-type]
        precision=live.cell.precision,  # type: ignore[arg-type]
        device=live.cell.device,  # type: ignore[arg-type]
        versions=dict(live.versions),
    )


def _run(live: Live, n: int) -> dict[str, list[float]]:
    """The timed path."""
    found = live.program.run(live.state, live.placed, live.seed, n, live.iteration)
    live.program.block_until_ready(found)
    live.state, metrics = found
    return {name: _numbers(values) for name, values in metrics.items()}


def _stepped(live: Live, n: int) -> dict[str, list[float]]:
    """One iteration after the other, on the spec's own draws."""
    found: dict[str, list[float]] = {}
    for i, draws in _drawn(live, n):
        live.state, metrics = live.program.train_step(live.state, draws, i)
        for name, value in metrics.items():
            found.setdefault(name, []).append(value)
    return found


def _drawn(live: Live, n: int) -> Iterator[tuple[int, Mapping[str, Any]]]:
    for i in range(live.iteration, live.iteration + n):
        yield (
            i,
            randomness.draws(live.workload, live.seed, i, live.arrays, full_only=True),
        )


def _numbers(values: Any) -> list[float]:
    """All at once: one by one each would wait for the device."""
    listed = values.tolist() if hasattr(values, "tolist") else np.asarray(values).tolist()
    return list(map(float, listed))
