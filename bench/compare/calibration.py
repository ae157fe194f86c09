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

from bench.compare.differences import require_alike
from bench.compare.normalising import common_controls, log_speeds
from bench.plan.records import write_atomically
from bench.plan.turns import FEWEST_BLOCKS
from bench.results.reading import Part, Result
from bench.results.statistics import Term
from bench.workers.pool import ROOT
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


def run_to_run(
    recorded: Calibration, sides: Sequence[Sequence[Result]], normalised: bool
) -> dict[str, Term]:
    """Machine -> what a run varies by there; without the machines of which it is not known.

    From the record, or from the runs of a side where these are more than were recorded.
    """
    found: dict[str, Term] = {}
    for runs in sides:
        name = machine_of(runs[0])
        sources = (recorded.machines.get(name), _own(runs))
        terms = [
            term for term in (found.get(name), *(_term(m, normalised) for m in sources)) if term
        ]
        if terms:
            found[name] = max(terms, key=lambda term: term.freedom)
    return found


def _term(machine: Machine | None, normalised: bool) -> Term | None:
    if machine is None:
        return None
    sd = machine.sd_normalised if normalised else machine.sd_raw
    return None if sd is None else Term(sd**2, machine.runs - 1)


def _own(runs: Sequence[Result]) -> Machine | None:
    """What several runs say of their machine themselves."""
    return calibrate(runs) if len(runs) >= FEWEST_RUNS and _shared_cells(runs) else None


def calibrate(runs: Sequence[Result]) -> Machine:
    """The run-to-run standard deviation of a machine, from runs of one revision on it."""
    if len(runs) < FEWEST_RUNS:
        raise UserError(f"given {len(runs)} results; {FEWEST_RUNS} or more are needed")
    require_alike(runs)
    cells = _shared_cells(runs)
    if not cells:
        raise UserError(f"the runs share no cell of one spec with {FEWEST_BLOCKS} blocks in each")
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
    return sorted(cell for cell, _ in set.intersection(*enough))


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
