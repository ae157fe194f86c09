"""From what a person asked `converge` for to its plans, one a workload."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import backends
import spec
from backends.protocol import MODES, PRECISIONS, absent_mode
from bench.convergence.measuring import source_of
from bench.convergence.plan import CALIBRATING, PUBLISHED, Convergence
from bench.plan.cells import Cell, check_data
from bench.plan.data_folder import folder_for
from bench.plan.selection import (
    overrides,
    resolve_device,
    select,
    select_one,
    select_rows,
    workloads,
)
from bench.training import length
from bench.workers.cleaning import clean
from spec.errors import UserError
from spec.target import AnyTarget
from spec.workload import Workload

LONGEST_MINUTES = 60 * 24 * 30


@dataclass(frozen=True)
class Given:
    """The command's options as they were typed."""

    workload: str
    backend: str
    mode: str
    precision: str
    device: str
    put: tuple[str, ...]
    seeds: int
    calibrate: bool
    to_end: bool
    minutes: float | None
    data: Path | None
    output: Path | None
    against: Path | None
    pythons: dict[str, str]


def read(given: Given) -> tuple[tuple[Convergence, ...], dict[str, str]]:
    """(a plan for each workload, row -> why it is absent). UserError for what is wrong."""
    select_one("mode", given.mode, MODES)
    select_one("precision", given.precision, PRECISIONS)
    if not 1 <= given.seeds <= len(PUBLISHED):
        raise UserError(f"--seeds: given {given.seeds}; allowed: 1 to {len(PUBLISHED)}")
    if given.minutes is not None and not 0 < given.minutes <= LONGEST_MINUTES:
        raise UserError(f"--minutes: given {given.minutes}; allowed: up to {LONGEST_MINUTES:,}")
    put = overrides(given.put)
    own = {place: value for place, value in put.items() if place.partition(".")[0] == "target"}
    # What else is put in may fit only with what the target puts in.
    targets = {name: _target(name, own) for name in workloads(given.workload, own)}
    loaded = {name: spec.load(name, {**target.set, **put}) for name, target in targets.items()}
    for name, target in targets.items():
        _check(name, loaded[name], target)
    folder = folder_for(given.data, list(loaded.values()))
    rows, missing = _rows(given)
    device = resolve_device(given.device, [r for r in rows if r != backends.ORACLE], given.pythons)
    plans = [
        _plan(given, name, target, loaded[name], rows, device, folder, put)
        for name, target in targets.items()
    ]
    return tuple(plans), missing


def _target(name: str, put: Mapping[str, Any]) -> AnyTarget:
    target = spec.load(name, put).target
    if target is None:
        raise UserError(
            f"--workload: {name} has no [target]; write one into the file (docs/vocabulary.md)"
        )
    return target


def _check(name: str, workload: Workload, target: AnyTarget) -> None:
    chunk = length.grid(workload)
    if target.every % chunk:
        raise UserError(
            f"{name}: target.every: given {target.every}; allowed: multiples of {chunk}, since "
            "draws are made in chunks of so many iterations"
        )
    source_of(workload, target)


def _rows(given: Given) -> tuple[tuple[str, ...], dict[str, str]]:
    """The reference is a row only where it is named."""
    if given.backend == "all":
        return select_rows("all", given.pythons)
    rows = select("backend", given.backend, (backends.ORACLE, *backends.names()))
    others = tuple(row for row in rows if row != backends.ORACLE)
    if others:
        select_rows(",".join(others), given.pythons)
    return rows, {}


def _plan(
    given: Given,
    name: str,
    target: AnyTarget,
    workload: Workload,
    rows: tuple[str, ...],
    device: str,
    folder: Path | None,
    put: Mapping[str, Any],
) -> Convergence:
    whole = {**target.set, **put}
    check_data((name,), (), whole, folder)
    own = str(folder) if folder and spec.data.from_folder(workload) else ""
    cells = []
    for row in rows:
        oracle = row == backends.ORACLE
        mode = "eager" if oracle else given.mode
        absent = None if oracle else absent_mode(row, mode, workload, device)
        if absent:
            raise UserError(f"--mode: {row} has no {mode} of {name} on {device}: {absent.reason}")
        cells.append(
            Cell(
                workload=name,
                row=row,
                mode=mode,
                precision="float64" if oracle else given.precision,
                device="cpu" if oracle else device,
                batch_size=workload.schedule.batch_size,
                label=clean(workload.name),
                overrides=json.dumps(whole),
                data=own,
            )
        )
    seeds = CALIBRATING if given.calibrate else PUBLISHED
    return Convergence(
        cells=tuple(cells),
        put=dict(put),
        target=target,
        seeds=tuple(seeds[: given.seeds]),
        to_end=given.to_end,
    )
