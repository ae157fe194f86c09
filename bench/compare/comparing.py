"""Runs compared cell by cell: how many times as fast the new ones are, and how sure that is.

Within a run each block of a cell is measured by the control programs in the same block. Between
runs nothing is paired: Welch's interval, with the machine's run-to-run variance where that is
known. A side may be several runs, whose mean counts (docs/adr/0007-compare.md).
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import exp
from statistics import fmean, geometric_mean, median
from typing import Literal

from bench.compare.calibration import Calibration, machine_of, run_to_run
from bench.compare.differences import (
    FAILED,
    devices,
    not_compared,
    require_alike,
    require_same_rounds,
    require_same_spread,
    warnings,
)
from bench.compare.normalising import common_controls, mean_log_speeds, yardstick
from bench.results.reading import Result
from bench.results.statistics import (
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
ANOTHER_DEVICE: Literal["another device"] = "another device"
"""In place of a verdict: there the speed says nothing of the project."""


@dataclass(frozen=True)
class Change:
    """One cell on both sides."""

    id: str
    name: str
    """Short: without what all cells share."""
    old_per_s: float
    new_per_s: float
    """Iterations per second as measured, not normalised; of several runs the geometric mean."""
    ratio: Ratio
    """New speed over old, normalised."""
    band: float
    """What a difference has to exceed: 2 %, or what the same program twice showed in a run."""
    verdict: Verdict | Literal["another device"]
    over_limit: bool
    """Slower than the limit with the whole interval."""


@dataclass(frozen=True)
class Comparison:
    """What two sides say of each other."""

    runs: tuple[int, int]
    """How many OLD and NEW have."""
    warnings: list[str]
    controls: list[str]
    """The control programs that the ratios are normalised by; none where no two were alike."""
    machine: float | None
    """New speed of the controls over old. No interval: they drift with the machine within a run."""
    run_to_run: list[Term]
    """What one run of each machine varies by, in every interval; empty where it is not known."""
    unrecorded: list[str]
    """Machines of which it is not known."""
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
    old: Sequence[Result], new: Sequence[Result], recorded: Calibration, limit: float | None = None
) -> Comparison:
    """Every cell that all runs have with one spec, each side's runs of one revision.

    UserError where there is no such cell, where the runs of a side are not alike, or where a limit
    is given and a cell ran on two devices.
    """
    for runs in (old, new):
        require_alike(runs)
    require_same_rounds(old[0], new[0])
    cells, left_out = not_compared(old, new)
    require_same_spread((*old, *new), cells)
    controls = common_controls((*old, *new))
    if limit is not None:
        _require_one_device(old[0], new[0], cells, bool(controls))
    known = run_to_run(recorded, (old, new), bool(controls))
    unknown = [m for m in dict.fromkeys((machine_of(old[0]), machine_of(new[0]))) if m not in known]
    known = {} if unknown else known
    terms = [_in_the_ratio(known[machine], machine, (old, new)) for machine in known]
    before, after = (mean_log_speeds(runs, cells, controls) for runs in (old, new))
    names, changes = _names(new[0], cells), []
    for cell in cells:
        if cell in before and cell in after:
            ratio = ratio_between(after[cell], before[cell], terms)
            change = _change(cell, names[cell], old, new, ratio, limit)
            if devices(old[0], new[0], cell, bool(controls)):
                change = replace(change, verdict=ANOTHER_DEVICE, over_limit=False)
            changes.append(change)
        else:
            left_out.setdefault(UNPAIRED, []).append(cell)
    return Comparison(
        runs=(len(old), len(new)),
        warnings=warnings(old[0], new[0], cells) + _own_warnings(old, new, left_out),
        controls=controls,
        machine=_machine(old, new, controls),
        run_to_run=list(known.values()),
        unrecorded=unknown,
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


def _require_one_device(old: Result, new: Result, cells: list[str], normalised: bool) -> None:
    found = (devices(old, new, cell, normalised) for cell in cells)
    pair = next((pair for pair in found if pair), None)
    if pair:
        raise UserError(
            f"--fail-slower: OLD ran on {pair[0]}, NEW on {pair[1]}, so whether the project became "
            "slower cannot be judged; give results of one device"
        )


def _names(run: Result, cells: list[str]) -> dict[str, str]:
    """Cell -> workload, row and mode where these tell all cells apart, else its id."""
    short = {cell: " ".join(_words(run, cell)) for cell in cells}
    return short if len(set(short.values())) == len(cells) else {cell: cell for cell in cells}


def _words(run: Result, cell: str) -> tuple[str, str, str]:
    return run.cells[cell].workload, run.cells[cell].row, run.cells[cell].mode


def _in_the_ratio(of_a_run: Term, machine: str, sides: Sequence[Sequence[Result]]) -> Term:
    """What runs vary by in the ratio of two means, on the sides that are of this machine."""
    share = sum(1 / len(runs) for runs in sides if machine_of(runs[0]) == machine)
    return Term(share * of_a_run.variance, of_a_run.freedom)


def _own_warnings(
    old: Sequence[Result], new: Sequence[Result], left_out: dict[str, list[str]]
) -> list[str]:
    found = []
    for name, runs in (("OLD", old), ("NEW", new)):
        if any(run.provenance.git_dirty for run in runs):
            found.append(f"{name} had uncommitted changes")
        noise = median(max((g.band for g in run.comparisons), default=0.0) for run in runs)
        if noise > TOO_NOISY:
            found.append(f"{name} was too noisy, the same program twice differed by {noise:.0%}")
    specs = len(left_out.get("of another spec", []))
    return found + ([f"{specs} cells have another spec"] if specs else [])


def _machine(old: Sequence[Result], new: Sequence[Result], controls: list[str]) -> float | None:
    before, after = (_control_speed(runs, controls) for runs in (old, new))
    return None if before is None or after is None else exp(after - before)


def _control_speed(runs: Sequence[Result], controls: list[str]) -> float | None:
    found = []
    for run in runs:
        groups = dict.fromkeys(group for control in run.controls for group in control.groups)
        speeds = [log_speed([yardstick(run, controls, group) or {}]) for group in groups]
        found.append([speed.value for speed in speeds if speed])
    return fmean(map(fmean, found)) if found and all(found) else None


def _change(
    cell: str,
    name: str,
    old: Sequence[Result],
    new: Sequence[Result],
    ratio: Ratio,
    limit: float | None,
) -> Change:
    """As within a run, what the same program twice may show is not claimed."""
    band = max(SMALLEST_CLAIM, *(median(run.band(cell) for run in runs) for runs in (old, new)))
    return Change(
        id=cell,
        name=name,
        old_per_s=geometric_mean(run.cells[cell].steps_per_s for run in old),
        new_per_s=geometric_mean(run.cells[cell].steps_per_s for run in new),
        ratio=ratio,
        band=band,
        verdict=verdict(ratio, band),
        over_limit=limit is not None and verdict(ratio, max(band, limit)) == "slower",
    )
