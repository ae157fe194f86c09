"""Results of runs, read back from their files; what is no result is one clear line."""

import json
from functools import cached_property
from math import inf
from pathlib import Path
from typing import Any

from pydantic import (
    BaseModel,
    ConfigDict,
    PositiveFloat,
    ValidationError,
    field_validator,
    model_validator,
)

from bench.plan.groups import name
from bench.plan.turns import TURNS
from bench.results.assemble import OLDEST, SCHEMA
from bench.results.statistics import Blocks
from spec.errors import UserError

ALL = "all"
"""The group of controls that were timed once a block, among whatever cells came first."""
MADE_BY = "needed: the JSON file of a `python -m bench run`"


class Part(BaseModel):
    """Of each part only what is compared is read; times are finite and above 0."""

    model_config = ConfigDict(frozen=True, allow_inf_nan=False)


class Provenance(Part):
    """Where and when a run was made."""

    time_utc: str
    git_revision: str | None
    git_dirty: bool
    system: str
    cpu: str
    cpus_usable: int | None
    gpu: dict[str, str] | None
    environment: dict[str, str]
    turns: int = TURNS
    """Of a block. Files that do not say have rounds as long as usual ones are."""


class Cell(Part):
    """One line of the table."""

    id: str
    workload: str
    row: str
    mode: str
    precision: str
    batch_size: int
    device: str
    steps_per_s: PositiveFloat
    again: bool

    def same_as(self, other: "Cell") -> bool:
        """Whether both are one program, timed in two processes."""
        of_the_process = {"id", "again", "steps_per_s"}
        return self.model_dump(exclude=of_the_process) == other.model_dump(exclude=of_the_process)


class Timing(Part):
    """What a block of a cell found."""

    cell: str
    spec_hash: str
    device_name: str
    versions: dict[str, str | None]
    steps_per_s: PositiveFloat
    iterations_per_round: int | None = None
    step_time_s: dict[int, PositiveFloat] = {}
    """Of each turn; none where a block had one."""


class Params(Part):
    """Which block it was."""

    block: int


class Benchmark(Part):
    """A block of a cell, as pytest-benchmark keeps it."""

    params: Params
    extra_info: Timing


class Group(Part):
    """Comparable cells; their band is what a difference had to exceed within the run."""

    model_config = ConfigDict(frozen=True, allow_inf_nan=True)

    workload: str
    precision: str
    batch_size: int
    band: float

    @field_validator("band", mode="before")
    @classmethod
    def _unbounded(cls, band: Any) -> Any:
        """Null stands for one that has no bounds."""
        return inf if band is None else band


class Failure(Part):
    """A cell without a result."""

    id: str


class ControlTimes(Part):
    """A control program's turns, in seconds an iteration; an error where it broke."""

    id: str
    groups: dict[str, dict[int, dict[int, PositiveFloat]]] = {}
    """Group of cells that it was timed among -> block -> turn. Older results have one for all."""
    versions: dict[str, str] = {}
    program_hash: str = ""
    iterations_per_round: int | None = None
    error: str | None = None

    @model_validator(mode="before")
    @classmethod
    def _of_older_results(cls, content: Any) -> Any:
        """As results have it from before controls had groups, and before blocks had turns."""
        if not isinstance(content, dict) or "blocks" not in content:
            return content
        blocks = content["blocks"]
        if isinstance(blocks, dict):
            blocks = {b: {0: t} if isinstance(t, float) else t for b, t in blocks.items()}
        others = {name: value for name, value in content.items() if name != "blocks"}
        return others | {"groups": {ALL: blocks} if blocks else {}}

    def blocks(self, group: str) -> Blocks:
        """The blocks that were timed among the cells of a group."""
        return self.groups.get(group, self.groups.get(ALL, {}))


class Result(Part):
    """A run."""

    gantlet_schema: int
    provenance: Provenance
    summary: tuple[Cell, ...]
    benchmarks: tuple[Benchmark, ...]
    comparisons: tuple[Group, ...] = ()
    failures: tuple[Failure, ...]
    controls: tuple[ControlTimes, ...] = ()
    diverged: tuple[Failure, ...] = ()
    spread: dict[str, str] = {}
    """Group -> how its blocks lie in the run's time: whole, or in halves (bench.plan.folder)."""

    @cached_property
    def cells(self) -> dict[str, Cell]:
        """The cells of the table by id, without those that were timed a second time."""
        return {cell.id: cell for cell in self.summary if not cell.again and self.timings[cell.id]}

    @cached_property
    def timings(self) -> dict[str, dict[int, Timing]]:
        """Cell id -> number of the block -> what it found."""
        found: dict[str, dict[int, Timing]] = {cell.id: {} for cell in self.summary}
        for one in self.benchmarks:
            found.setdefault(one.extra_info.cell, {})[one.params.block] = one.extra_info
        return found

    def seconds(self, cell: str) -> Blocks:
        """The turns of each block, in seconds an iteration."""
        return {
            block: timing.step_time_s or {0: 1 / timing.steps_per_s}
            for block, timing in self.timings[cell].items()
        }

    def processes(self, cell: str) -> tuple[Blocks, ...]:
        """`seconds` of the cell, and of the same program timed a second time where it was."""
        twins = (c.id for c in self.summary if c.again and c.same_as(self.cells[cell]))
        return tuple(self.seconds(one) for one in (cell, *twins))

    def group(self, cell: str) -> str:
        """The name of a cell's group."""
        own = self.cells[cell]
        return name((own.workload, own.precision, own.batch_size))

    def spread_of(self, cell: str) -> str:
        """How a cell's blocks lie in the run's time; older runs took each block of all groups."""
        return self.spread.get(self.group(cell), "whole")

    def band(self, cell: str) -> float:
        """What the same program twice may have differed by in the cell's group; 0 if not timed."""
        own = self.cells[cell]
        group = (own.workload, own.precision, own.batch_size)
        found = (
            g.band for g in self.comparisons if (g.workload, g.precision, g.batch_size) == group
        )
        return max(found, default=0.0)

    @property
    def short_rounds(self) -> bool:
        """Whether rounds were shorter than usual ones, for compare."""
        return self.provenance.turns > TURNS

    @property
    def rounds(self) -> dict[str, int]:
        """Cell's or control's id -> iterations of its rounds; without those that do not say."""
        found = {cell: self.timing(cell).iterations_per_round for cell in self.cells}
        found |= {control.id: control.iterations_per_round for control in self.controls}
        return {name: n for name, n in found.items() if n}

    def timing(self, cell: str) -> Timing:
        """What all blocks of a cell share: spec, versions, device."""
        return next(iter(self.timings[cell].values()))


def read_runs(path: Path) -> tuple[Result, ...]:
    """The result in a file, or those in a folder's .json files. UserError where there is none."""
    if not path.is_dir():
        return (read(path),)
    files = sorted(path.glob("*.json"))
    if not files:
        raise UserError(f"{path}: a folder without a .json file; {MADE_BY}, or a folder of them")
    return tuple(read(file) for file in files)


def read(path: Path) -> Result:
    """The result in a file. UserError, one line, for any other file."""
    content = _content(path)
    if not isinstance(content, dict) or not isinstance(content.get("gantlet_schema"), int):
        kind = "pytest-benchmark's own JSON" if _is_pytest_benchmark(content) else "foreign JSON"
        raise UserError(f"{path}: {kind}, without gantlet_schema; {MADE_BY}")
    schema = content["gantlet_schema"]
    if not OLDEST <= schema <= SCHEMA:
        age, cure = ("newer", "update") if schema > SCHEMA else ("older", "run it again with")
        raise UserError(
            f"{path}: written with schema {schema}, {age} than what this version reads, {OLDEST} "
            f"to {SCHEMA}; {cure} this checkout"
        )
    try:
        return Result.model_validate(content)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise UserError(f"{path}: {place}: {first['msg']}; {MADE_BY}") from None


def rounds_of(path: Path) -> tuple[int, dict[str, int]]:
    """(turns of a block, iterations of each cell's rounds) of the result in a file."""
    result = read(path)
    return result.provenance.turns, result.rounds


def _content(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror}); {MADE_BY}") from None
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise UserError(f"{path}: no JSON, or cut short ({where}); {MADE_BY}") from None
    except (ValueError, RecursionError):
        raise UserError(f"{path}: no UTF-8 text with JSON; {MADE_BY}") from None


def _is_pytest_benchmark(content: Any) -> bool:
    return isinstance(content, dict) and {"machine_info", "benchmarks"} <= content.keys()
