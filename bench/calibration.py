"""How much a machine's own runs differ: recorded once, added to every comparison on it.

`results/calibration.json` holds {"calibration_schema": 1, "machines": {name of the machine: ...}}.
Of each machine: `sd_normalised` and `sd_raw`, the standard deviation of a cell's log speed from run
to run, by the control programs and without them; `runs` and `cells`, how many that is estimated
from; `git_revision` and `time_utc` of the last run. Scatter within a run is not in it: a comparison
has that from the blocks.
"""

from collections.abc import Sequence
from math import sqrt
from pathlib import Path
from statistics import fmean, variance
from typing import Literal

from pydantic import Field, NonNegativeFloat, PositiveInt, ValidationError

from bench.differences import warnings
from bench.normalising import common_controls, log_speeds
from bench.records import write_atomically
from bench.results import Part, Result
from bench.statistics import FEWEST_BLOCKS, Term
from bench.workers import ROOT
from spec.errors import UserError

CALIBRATION = ROOT / "results" / "calibration.json"
FEWEST_RUNS = 3


class Machine(Part):
    """What is recorded of a machine."""

    sd_normalised: NonNegativeFloat | None
    sd_raw: NonNegativeFloat | None
    runs: PositiveInt
    cells: PositiveInt
    git_revision: str | None
    time_utc: str


class Calibration(Part):
    """The file."""

    calibration_schema: Literal[1] = 1
    machines: dict[str, Machine] = Field(default_factory=dict)


def machine_of(result: Result) -> str:
    """The machine's name in the file: what decides how much its runs differ."""
    there = result.provenance
    card = (there.gpu or {}).get("name", "no GPU")
    device = next(iter(result.cells.values())).device if result.cells else "no device"
    return f"{there.cpu}, {there.cpus_usable} CPUs, {card}, on {device}"


def read_calibration(path: Path) -> Calibration:
    """What is recorded so far; nothing where there is no file. UserError for another file."""
    try:
        return Calibration.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        return Calibration()
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror})") from None
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise UserError(
            f"{path}: no calibration of this version: {place} {first['msg']}; remove it and run "
            "`python -m bench calibrate` again"
        ) from None


def run_to_run(recorded: Calibration, runs: Sequence[Result], normalised: bool) -> list[Term]:
    """The run-to-run variance of the ratio of two runs; empty where a machine has none recorded."""
    names = [machine_of(run) for run in runs]
    terms = []
    for name in dict.fromkeys(names):
        machine = recorded.machines.get(name)
        if machine is None:
            return []
        sd = machine.sd_normalised if normalised else machine.sd_raw
        if sd is None:
            return []
        terms.append(Term(names.count(name) * sd**2, machine.runs - 1))
    return terms


def calibrate(runs: Sequence[Result]) -> Machine:
    """The run-to-run standard deviation of a machine, from runs of one revision on it."""
    _require_alike(runs)
    cells = _shared_cells(runs)
    controls = common_controls(runs)
    last = max(runs, key=lambda run: run.provenance.time_utc).provenance
    return Machine(
        sd_normalised=_sd(runs, cells, controls) if controls else None,
        sd_raw=_sd(runs, cells, []),
        runs=len(runs),
        cells=len(cells),
        git_revision=last.git_revision,
        time_utc=last.time_utc,
    )


def record(path: Path, name: str, machine: Machine) -> None:
    """Add a machine to the file, in place of what was recorded of it before."""
    machines = read_calibration(path).machines | {name: machine}
    write_atomically(path, Calibration(machines=machines).model_dump())


def _require_alike(runs: Sequence[Result]) -> None:
    if len(runs) < FEWEST_RUNS:
        raise UserError(f"given {len(runs)} results; {FEWEST_RUNS} or more are needed")
    if len({run.provenance.time_utc for run in runs}) < len(runs):
        raise UserError("a result was given twice; each has to be a run of its own")
    first, *others = runs
    for other in others:
        found = warnings(first, other, first.cells.keys() & other.cells.keys())
        if first.provenance.git_revision != other.provenance.git_revision:
            found.append("git revision")
        if found:
            raise UserError(f"the runs have to be alike, but differ: {found[0]}")


def _shared_cells(runs: Sequence[Result]) -> list[str]:
    """Cells of one spec in all runs, with blocks enough in each."""
    enough = [
        {
            (cell, run.timing(cell).spec_hash)
            for cell in run.cells
            if len(run.timings[cell]) >= FEWEST_BLOCKS
        }
        for run in runs
    ]
    cells = sorted(cell for cell, _ in set.intersection(*enough))
    if not cells:
        raise UserError(f"the runs share no cell of one spec with {FEWEST_BLOCKS} blocks in each")
    return cells


def _sd(runs: Sequence[Result], cells: Sequence[str], controls: Sequence[str]) -> float | None:
    """Root of the mean over cells of: variance between runs, less what scatter within them makes.

    The part within is subtracted since a comparison adds its own.
    """
    speeds = [log_speeds(run, cells, controls) for run in runs]
    excess = []
    for cell in cells:
        found = [by_cell[cell] for by_cell in speeds if cell in by_cell]
        terms = [speed.term.variance for speed in found if speed.term]
        if len(terms) == len(runs):
            excess.append(variance(speed.value for speed in found) - fmean(terms))
    return sqrt(max(0.0, fmean(excess))) if excess else None
