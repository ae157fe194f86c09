"""From what a person asked `train` for to a training, new or to be gone on with."""

import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import backends
import spec
from backends.protocol import DEVICES, MODES, PRECISIONS, absent_mode
from bench.plan.cells import Cell, check_data
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

LARGEST_SEED = 2**31 - 1
"""Every framework takes it."""
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
    output: Path | None
    resume: Path | None
    pythons: dict[str, str]


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
    cell = _cell(given, str(given.workload), str(given.backend), {})
    return Training(
        cell=cell,
        seed=given.seed or 0,
        draws=select_one("draws", given.draws or "own", DRAWS),
        iterations=given.iterations,
        minutes=given.minutes,
        interval=given.interval,
        folder=str(_folder(given.output, cell)),
        pythons=given.pythons,
    )


def _resumed(given: Given, run: Path) -> Training:
    """What cannot change is the run's; its row, mode and length may."""
    for option, value in {
        "workload": given.workload,
        "batch-size": given.batch_size,
        "set": given.put or None,
        "seed": given.seed,
        "draws": given.draws,
        "output": given.output,
    }.items():
        if value is not None:
            raise UserError(f"--{option}: a run that is resumed keeps its own; leave it out")
    try:
        plan = json.loads((run / "training.json").read_text(encoding="utf-8"))["plan"]
        before = Cell(**plan["cell"])
        put = {
            k: expanded(v) if isinstance(v, str) else v
            for k, v in json.loads(before.overrides).items()
        }
        kept: dict[str, Any] = {"precision": before.precision, "mode": before.mode}
        kept |= {"device": before.device, "batch_size": before.batch_size}
        pythons = {row: expanded(python) for row, python in plan["pythons"].items()} | given.pythons
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise UserError(
            f"--resume: {run}: no training can be read there ({type(error).__name__}); give the "
            "folder that `train` named"
        ) from None
    cell = _cell(given, expanded(before.workload), given.backend or before.row, kept, put, pythons)
    return Training(
        cell=cell,
        seed=plan["seed"],
        draws=plan["draws"],
        iterations=given.iterations or plan["iterations"],
        minutes=given.minutes,
        interval=given.interval or plan["interval"],
        folder=str(run.absolute()),
        pythons=pythons,
    )


def _cell(
    given: Given,
    workload: str,
    backend: str,
    kept: dict[str, Any],
    put: dict[str, Any] | None = None,
    pythons: dict[str, str] | None = None,
) -> Cell:
    """The one cell that is trained: it exists on this machine, and its data fit."""
    row = select_one("backend", backend, backends.names())
    mode = select_one("mode", given.mode or kept.get("mode", "compiled"), MODES)
    precision = select_one(
        "precision", given.precision or kept.get("precision", "float32"), PRECISIONS
    )
    asked = select_one("device", given.device or kept.get("device", "auto"), ("auto", *DEVICES))
    found = overrides(given.put) if put is None else put
    names = workloads(workload, found)
    if len(names) != 1:
        raise UserError(f"--workload: given {workload!r}; a training is of one workload")
    own = spec.load(names[0], found)
    size = given.batch_size or kept.get("batch_size", own.schedule.batch_size)
    check_data(names, (size,), found)
    rows, _ = select_rows(row, given.pythons if pythons is None else pythons)
    device = resolve_device(asked, rows, given.pythons if pythons is None else pythons)
    absent = absent_mode(row, mode, own, device)
    if absent:
        raise UserError(f"--mode: {row} has no {mode} of {own.name} on {device}: {absent.reason}")
    return Cell(names[0], row, mode, precision, device, size, clean(own.name), json.dumps(found))


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
