"""Two runs compared cell by cell: how many times as fast the new one is, and how sure that is.

Within a run each block of a cell is measured by the control programs in the same block. Between
runs nothing is paired: Welch's interval, with the machine's run-to-run variance where that is
recorded (docs/adr/0007-compare.md).
"""

import re
from dataclasses import dataclass
from math import exp

from bench.calibration import Calibration, machine_of, run_to_run
from bench.differences import FAILED, not_compared, warnings
from bench.normalising import common_controls, log_speeds, yardstick
from bench.results import Result
from bench.statistics import (
    SMALLEST_CLAIM,
    TOO_NOISY,
    Ratio,
    Term,
    Verdict,
    log_speed,
    ratio_between,
    verdict,
)
from spec.errors import UserError

UNPAIRED = "without a block that a control was timed in"


@dataclass(frozen=True)
class Change:
    """One cell in both runs."""

    id: str
    name: str
    """Short: without what all cells share."""
    old_per_s: float
    new_per_s: float
    """Iterations per second as measured, not normalised."""
    ratio: Ratio
    """New speed over old, normalised."""
    band: float
    """What a difference has to exceed: 2 %, or what the same program twice showed in a run."""
    verdict: Verdict
    over_limit: bool
    """Slower than the limit with the whole interval."""


@dataclass(frozen=True)
class Comparison:
    """What two runs say of each other."""

    warnings: list[str]
    controls: list[str]
    """The control programs that the ratios are normalised by; none where no two were alike."""
    machine: float | None
    """New speed of the controls over old. No interval: they drift with the machine within a run."""
    run_to_run: list[Term]
    """The recorded variance in every interval; empty where there is none."""
    unrecorded: list[str]
    """Machines without a record."""
    changes: list[Change]
    not_compared: dict[str, list[str]]
    """Reason -> cells."""
    limit: float | None

    @property
    def fails(self) -> bool:
        """Under a limit: a cell is surely slower by more, or no longer runs at all."""
        broken = self.limit is not None and FAILED in self.not_compared
        return broken or any(change.over_limit for change in self.changes)


def compare(
    old: Result, new: Result, recorded: Calibration, limit: float | None = None
) -> Comparison:
    """Every cell that both runs have with one spec. UserError where there is none."""
    cells, left_out = not_compared(old, new)
    controls = common_controls((old, new))
    terms = run_to_run(recorded, (old, new), bool(controls))
    before, after = (log_speeds(run, cells, controls) for run in (old, new))
    names, changes = _names(new, cells), []
    for cell in cells:
        if cell in before and cell in after:
            ratio = ratio_between(after[cell], before[cell], terms)
            changes.append(_change(cell, names[cell], old, new, ratio, limit))
        else:
            left_out.setdefault(UNPAIRED, []).append(cell)
    machines = dict.fromkeys((machine_of(old), machine_of(new)))
    return Comparison(
        warnings=warnings(old, new, cells) + _own_warnings(old, new, left_out),
        controls=controls,
        machine=_machine(old, new, controls),
        run_to_run=terms,
        unrecorded=[] if terms else list(machines),
        changes=changes,
        not_compared=left_out,
        limit=limit,
    )


def limit_of(given: str | None) -> float | None:
    """The share behind --fail-slower. One form only: 5 and 0.05 would be mixed up."""
    if given is None:
        return None
    match = re.fullmatch(r"(\d+(?:\.\d+)?)%", given)
    if not match:
        raise UserError(f"--fail-slower: given {given!r}; allowed: per cent with the sign, like 5%")
    return float(match[1]) / 100


def _names(run: Result, cells: list[str]) -> dict[str, str]:
    """Cell -> workload, row and mode where these tell all cells apart, else its id."""
    short = {cell: " ".join(_words(run, cell)) for cell in cells}
    return short if len(set(short.values())) == len(cells) else {cell: cell for cell in cells}


def _words(run: Result, cell: str) -> tuple[str, str, str]:
    return run.cells[cell].workload, run.cells[cell].row, run.cells[cell].mode


def _own_warnings(old: Result, new: Result, left_out: dict[str, list[str]]) -> list[str]:
    found = []
    for name, run in (("OLD", old), ("NEW", new)):
        if run.provenance.git_dirty:
            found.append(f"{name} had uncommitted changes")
        noise = max((group.band for group in run.comparisons), default=0.0)
        if noise > TOO_NOISY:
            found.append(f"{name} was too noisy, the same program twice differed by {noise:.0%}")
    specs = len(left_out.get("of another spec", []))
    return found + ([f"{specs} cells have another spec"] if specs else [])


def _machine(old: Result, new: Result, controls: list[str]) -> float | None:
    before, after = (log_speed(yardstick(run, controls) or {}) for run in (old, new))
    return exp(after.value - before.value) if before and after else None


def _change(
    cell: str, name: str, old: Result, new: Result, ratio: Ratio, limit: float | None
) -> Change:
    """As within a run, what the same program twice may show is not claimed."""
    band = max(SMALLEST_CLAIM, old.band(cell), new.band(cell))
    return Change(
        id=cell,
        name=name,
        old_per_s=old.cells[cell].steps_per_s,
        new_per_s=new.cells[cell].steps_per_s,
        ratio=ratio,
        band=band,
        verdict=verdict(ratio, band),
        over_limit=limit is not None and verdict(ratio, max(band, limit)) == "slower",
    )
