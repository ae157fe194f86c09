"""A cell is one thing to measure: workload x row x mode x precision x batch size on a device."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import spec
import spec.data
from backends.protocol import absent_mode
from bench.workers.cleaning import clean
from bench.workers.pool import Where
from spec.errors import SpecError
from spec.workload import Workload

WARM_SHARE = 0.2
"""So much of a round goes before it, of a cell as of a control."""
TRIES = 3
"""Of a round, to see how long it is: the fastest, since other work can only add to it."""

Group = tuple[str, str, int]
"""Workload, precision, batch size: what comparable cells share."""


@dataclass(frozen=True)
class Cell:
    """One cell; `workload` is a built-in name or the path of a file."""

    workload: str
    row: str
    mode: str
    precision: str
    device: str
    batch_size: int
    label: str
    """The workload's own name, for people."""
    overrides: str = "{}"
    """JSON: place in the file -> value that was put there."""
    again: bool = False
    """The same cell a second time, in a worker of its own: what an A/A comparison compares."""
    data: str = ""
    """The folder of real samples; none where the workload needs none."""

    @property
    def id(self) -> str:
        """Stable and readable: no seed and no order in it."""
        own = f"{self.label}-{self.row}-{self.mode}-{self.precision}-b{self.batch_size}"
        return f"{own}-again" if self.again else own

    @property
    def group(self) -> Group:
        """What it is compared with: all that differs in row and mode alone."""
        return (self.label, self.precision, self.batch_size)

    @property
    def where(self) -> Where:
        """The worker that serves it."""
        return (self.row, self.precision, self.device, *(["again"] if self.again else []))

    def as_dict(self) -> dict[str, Any]:
        """Builtins, for the worker."""
        return asdict(self)

    def load(self, batch_size: int | None = None) -> Workload:
        """The workload at the cell's batch size, or another."""
        own = {"schedule.batch_size": batch_size or self.batch_size}
        return spec.load(self.workload, json.loads(self.overrides) | own)

    @property
    def folder(self) -> Path | None:
        """Of real samples, as `spec.data.load` takes it."""
        return Path(self.data) if self.data else None


@dataclass(frozen=True)
class Absent:
    """A cell that is not measured, and the declared reason."""

    label: str
    row: str
    mode: str
    reason: str


@dataclass(frozen=True)
class Control:
    """A control program that is timed among the cells: the machine's yardstick, not a cell."""

    program: str
    """The module, by its full name."""
    row: str
    """Whose interpreter has the program's framework."""
    device: str
    again: bool = False
    """In a second process: where a process lies in memory moves all that is measured by it."""

    @property
    def id(self) -> str:
        """Stable and readable; programs on other devices are other yardsticks."""
        end = "-again" if self.again else ""
        return f"{self.program.rpartition('.')[2]}-{self.device}{end}"

    @property
    def first(self) -> "Control":
        """The same program's first process."""
        return replace(self, again=False)

    @property
    def where(self) -> Where:
        """A worker of its own: the programs set what is global in a framework."""
        kind = "control-again" if self.again else "control"
        return (self.row, "float32", self.device, kind)


@dataclass(frozen=True)
class Plan:
    """What a run measures, and how."""

    cells: tuple[Cell, ...]
    absent: tuple[Absent, ...]
    blocks: int
    turns: int
    round_s: float
    """What a round lasts at least; a block has as many as turns, or fewer that are longer."""
    seed: int
    pythons: dict[str, str]
    folder: str
    costs: bool
    """Whether latencies and the device's best product are measured after the blocks."""
    memory: bool
    """With the costs, whether each cell's peak memory is measured, in a worker of its own."""
    identity: dict[str, Any]
    """What has to be the same for a run to be taken up again (bench.plan.resuming)."""
    controls: tuple[Control, ...] = ()
    rounds: dict[str, int] = field(default_factory=dict)
    """Cell's or control's id -> iterations of its rounds, where they are given beforehand."""
    proofs: str = ""
    """The folder of proofs that are kept to be recognised; none where it is empty."""
    prove_anew: bool = False
    """Whether proofs that were kept are ignored; new ones are kept all the same."""


def cells_of(
    names: tuple[str, ...],
    rows: tuple[str, ...],
    modes: tuple[str, ...],
    precisions: tuple[str, ...],
    batch_sizes: tuple[int, ...],
    device: str,
    overrides: Mapping[str, Any] | None = None,
    folder: Path | None = None,
) -> tuple[tuple[Cell, ...], tuple[Absent, ...]]:
    """(cells, absent ones) for a selection; without batch sizes each workload has its own.

    The folder of real samples is of those that need one.
    """
    cells, absent, put = [], [], json.dumps(dict(overrides or {}))
    for name in names:
        workload = spec.load(name, overrides)
        label = clean(workload.name)  # a part of ids and of files' names
        own = str(folder) if folder and spec.data.from_folder(workload) else ""
        for row in rows:
            for mode in modes:
                deviation = absent_mode(row, mode, workload, device)
                if deviation:
                    reason = f"{deviation.kind}: {deviation.reason}"
                    absent.append(Absent(label, row, mode, reason))
                    continue
                cells += [
                    Cell(name, row, mode, precision, device, size, label, put, data=own)
                    for precision in precisions
                    for size in batch_sizes or (workload.schedule.batch_size,)
                ]
    return tuple(cells), tuple(absent)


def with_pairs(cells: tuple[Cell, ...]) -> tuple[Cell, ...]:
    """The cells, and for each comparable group of them one a second time.

    The first that is compiled, for it is what decides a group; the first of all where none is.
    """
    groups: dict[tuple[str, str, int], list[Cell]] = {}
    for cell in cells:
        groups.setdefault(cell.group, []).append(cell)
    pairs = []
    for group in groups.values():
        compiled = [cell for cell in group if cell.mode == "compiled"]
        pairs.append(replace([*compiled, *group][0], again=True))
    return (*cells, *pairs)


def check_data(
    names: tuple[str, ...],
    batch_sizes: tuple[int, ...],
    overrides: Mapping[str, Any],
    folder: Path | None = None,
) -> None:
    """Load every workload's data once now, so that wrong data stop a run before it starts.

    Raises SpecError, with the file.
    """
    for name in names:
        for size in batch_sizes or (spec.load(name, overrides).schedule.batch_size,):
            workload = spec.load(name, {**overrides, "schedule.batch_size": size})
            try:
                spec.data.load(workload, folder)
            except SpecError as error:
                raise SpecError(f"{name}: {error}") from None
