"""From what a person asked `train` for to a training, new or to be gone on with."""

import json
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import backends
import spec
from backends.protocol import DEVICES, MODES, PRECISIONS, absent_mode
from bench.plan.cells import Cell, check_data
from bench.plan.data_folder import folder_for
from bench.plan.folder import as_written
from bench.plan.selection import (
    LARGEST_BATCH,
    overrides,
    resolve_device,
    select_one,
    select_rows,
    workloads,
)
from bench.training.plan import DRAWS, Training
from bench.workers.cleaning import clean, expanded
from bench.workers.pool import ROOT
from spec.errors import UserError
from spec.workload import Workload

LARGEST_SEED = 2**31 - 1
"""Every framework takes it."""
HELD_OUT = 0.1
"""Share of the real samples: quality is measured against what no training has seen."""
LONGEST_MINUTES = 60 * 24 * 30


@dataclass(frozen=True)
class Given:
    """The command's options as they were typed; None where they were not."""

    workload: str | None
    backend: str | None
    mode: str | None
    precision: str | None
    batch_size: int | None
    device: str | None
    put: tuple[str, ...]
    seed: int | None
    draws: str | None
    iterations: int | None
    minutes: float | None
    interval: int | None
    data: Path | None
    output: Path | None
    resume: Path | None
    pythons: dict[str, str]
    keep_going: bool = False


def read(given: Given) -> tuple[Training, bool]:
    """(the training, whether it goes on with what its folder has). UserError for what is wrong."""
    _within("batch-size", given.batch_size, 1, LARGEST_BATCH)
    _within("seed", given.seed, 0, LARGEST_SEED)
    _within("iterations", given.iterations, 1, 10**12)
    _within("interval", given.interval, 1, 10**12)
    _within("minutes", given.minutes, 1e-3, LONGEST_MINUTES)
    return (_new(given), False) if given.resume is None else (_resumed(given, given.resume), True)


def _new(given: Given) -> Training:
    for what, value in (("workload", given.workload), ("backend", given.backend)):
        if value is None:
            raise UserError(f"--{what}: missing; a training is of one workload in one row")
    name, put = str(given.workload), overrides(given.put)
    names = workloads(name, put)
    if len(names) != 1:
        raise UserError(f"--workload: given {name!r}; a training is of one workload")
    own = spec.load(names[0], put)
    cell = Cell(
        workload=names[0],
        row=str(given.backend),
        mode=given.mode or "compiled",
        precision=given.precision or "float32",
        device=given.device or "auto",
        batch_size=given.batch_size or own.schedule.batch_size,
        label=clean(own.name),
        overrides=json.dumps(put | _held_out(own)),
        data=str(folder_for(given.data, [own]) or ""),
    )
    cell = _possible(cell, given.pythons)
    return Training(
        cell=cell,
        seed=given.seed or 0,
        draws=select_one("draws", given.draws or "own", DRAWS),
        iterations=given.iterations,
        minutes=given.minutes,
        interval=given.interval,
        folder=str(_folder(given.output, cell)),
        pythons=given.pythons,
        keep_going=given.keep_going,
    )


def _resumed(given: Given, run: Path) -> Training:
    """What cannot change is the run's; its row, mode, precision, device and length may."""
    for option, value in _kept(given).items():
        if value is not None:
            raise UserError(f"--{option}: a run that is resumed keeps its own; leave it out")
    kept = _read(run)
    pythons = kept.pythons | given.pythons
    cell = replace(
        kept.cell,
        row=given.backend or kept.cell.row,
        mode=given.mode or kept.cell.mode,
        precision=given.precision or kept.cell.precision,
        device=given.device or kept.cell.device,
    )
    return replace(
        kept,
        cell=_possible(cell, pythons),
        iterations=given.iterations or kept.iterations,
        minutes=given.minutes,
        interval=given.interval or kept.interval,
        pythons=pythons,
        keep_going=given.keep_going,
    )


def _read(run: Path) -> Training:
    """The training that a folder is of, with the paths that were cleaned in it as they were."""
    try:
        fields = json.loads((run / "training.json").read_text(encoding="utf-8"))["plan"]
        cell = as_written(Cell(**fields["cell"]))
        pythons = {row: expanded(path) for row, path in fields["pythons"].items()}
        own = {"cell": cell, "pythons": pythons, "folder": str(run.absolute())}
        return Training(**(fields | own))
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise UserError(
            f"--resume: {run}: no training can be read there ({type(error).__name__}); give the "
            "folder that `train` named"
        ) from None


def _kept(given: Given) -> dict[str, Any]:
    """Options of which a run that is resumed has its own."""
    return {
        "workload": given.workload,
        "batch-size": given.batch_size,
        "set": given.put or None,
        "seed": given.seed,
        "draws": given.draws,
        "data": given.data,
        "output": given.output,
    }


def _possible(cell: Cell, pythons: dict[str, str]) -> Cell:
    """The cell on a device that is there; UserError where its row or its data are not."""
    select_one("backend", cell.row, backends.names())
    select_one("mode", cell.mode, MODES)
    select_one("precision", cell.precision, PRECISIONS)
    select_one("device", cell.device, ("auto", *DEVICES))
    check_data((cell.workload,), (cell.batch_size,), json.loads(cell.overrides), cell.folder)
    rows, _ = select_rows(cell.row, pythons)
    device = resolve_device(cell.device, rows, pythons)
    absent = absent_mode(cell.row, cell.mode, cell.load(), device)
    if absent:
        raise UserError(
            f"--mode: {cell.row} has no {cell.mode} of {cell.label} on {device}: {absent.reason}"
        )
    return replace(cell, device=device)


def _held_out(workload: Workload) -> dict[str, float]:
    """Overrides by which each array holds samples out, unless the file itself does."""
    places = {
        name: "data" if workload.short else f"sources.{name}"
        for name, source in workload.arrays.items()
        if source.hold_out is None
    }
    return {f"{place}.hold_out": HELD_OUT for place in places.values()}


def _folder(output: Path | None, cell: Cell) -> Path:
    """The run's folder, new; refused now rather than after an hour."""
    if output is None:
        stamp = time.strftime("%Y%m%d-%H%M%S", time.gmtime())
        output = ROOT / "runs" / f"{cell.label}-{cell.row}-{stamp}"
    try:
        if output.is_symlink() or (output.exists() and any(output.iterdir())):
            raise UserError(
                f"--output: {output} is not an empty folder; give another, or --resume it"
            )
        output.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"--output: cannot make {output}: {error.strerror}") from None
    return output.absolute()


def _within(option: str, value: float | None, low: float, high: float) -> None:
    if value is not None and not low <= value <= high:
        raise UserError(f"--{option}: given {value}; allowed: numbers from {low:,} to {high:,}")
