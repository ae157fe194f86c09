"""`converge`: how many iterations and seconds each row needs to a target, over seeds."""

import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from rich.console import Console

from bench.commands.stopping import Stop
from bench.convergence import comparing, page, results, summary, table
from bench.convergence.asked import Given, read
from bench.convergence.comparing import Pair
from bench.convergence.loop import Trainer
from bench.convergence.measuring import gauge_of
from bench.convergence.plan import Convergence
from bench.convergence.reaching import by_row, reached
from bench.convergence.results import Result, Training
from bench.plan.cells import Cell
from bench.report.printing import prose, say
from bench.results.provenance import provenance
from bench.workers.pool import ROOT, WorkerFailed, Workers
from spec.errors import UserError

FAILED = 1
FOLDER = "results"


def converge(given: Given, console: Console) -> int:
    """0 where all was trained, 1 where a row failed, 130 or 143 by a signal."""
    plans, missing = read(given)
    other = None if given.against is None else results.read(given.against)
    for row, why in missing.items():
        say(console, f"absent {row}: {why}")
    path = given.output or _named()
    return carry_out(plans, path, console, given.pythons, given.minutes, given.against, other)


def carry_out(
    plans: Sequence[Convergence],
    path: Path,
    console: Console,
    pythons: Mapping[str, str],
    minutes: float | None = None,
    name: Path | None = None,
    other: Result | None = None,
) -> int:
    """Train what the file does not have yet, then show all that it has."""
    _check_others(plans, other)
    result = results.begin(path, tuple(plans), provenance())
    results.write(path, result)
    failed = False
    with Stop(minutes) as stop:
        start = time.monotonic()
        for plan in plans:
            failed |= _trained(plan, path, result, console, pythons, _ends(stop, start))
    against = _against(result, other, "" if name is None else name.name)
    for key, found in result.workloads.items():
        pairs = [*summary.pairs(found), *against.get(key, ())]
        table.show(console, key, found, summary.rows(found), pairs)
        if other is not None and found.to_end and key in other.workloads and name is not None:
            for one in comparing.ended(by_row(found), by_row(other.workloads[key]), name.name):
                prose(console, one.words)
    say(console, f"result: {path}")
    say(console, f"page: {page.write(path, result, against)}")
    lacking = _lacking(plans, result)
    if lacking:
        say(console, f"{lacking} trainings are still to be made: the same command goes on")
    return stop.code or (FAILED if failed else 0)


def _trained(
    plan: Convergence,
    path: Path,
    result: Result,
    console: Console,
    pythons: Mapping[str, str],
    ends: Callable[[], bool],
) -> bool:
    """Whether a row failed; each training is written as it ends."""
    workers, found = Workers(pythons), result.workloads[plan.name]
    with tempfile.TemporaryDirectory() as scratch:
        trainer = Trainer(plan, workers, gauge_of(plan.cells[0], plan.target), found, Path(scratch))
        try:
            for cell, training in trainer.all(ends):
                result.summary = summary.summary(result)
                results.write(path, result)
                say(console, _told(plan, cell, training))
        finally:
            workers.stop()
    for row, error in trainer.failed.items():
        _tell(console, plan, row, error)
    return bool(trainer.failed)


def _tell(console: Console, plan: Convergence, row: str, error: WorkerFailed) -> None:
    if error.kind in ("UserError", "SpecError"):
        raise UserError(str(error)) from None
    say(console, f"FAILED {plan.name} in {row}: {error}")


def _told(plan: Convergence, cell: Cell, training: Training) -> str:
    found = reached(training, plan.target)
    where = f"{plan.name} {cell.row} seed {training.seed}"
    if not found.reached:
        return f"{where}: not within {found.trained:,} iterations, {training.seconds[-1]:.1f} s"
    return f"{where}: {found.iterations:,.0f} iterations, {found.seconds:.1f} s"


def _ends(stop: Stop, start: float) -> Callable[[], bool]:
    return lambda: stop.asked(time.monotonic() - start)


def _named() -> Path:
    stamp = time.strftime("%Y%m%d-%H%M%S", time.gmtime())
    return ROOT / FOLDER / f"converge-{stamp}.json"


def _lacking(plans: Sequence[Convergence], result: Result) -> int:
    """How many of the trainings that were asked for the file does not have."""
    asked = {(plan.name, cell.row, s) for plan in plans for cell in plan.cells for s in plan.seeds}
    kept = {
        (name, row, training.seed)
        for name, found in result.workloads.items()
        for row, of in found.rows.items()
        for training in of.trainings
    }
    return len(asked - kept)


def _check_others(plans: Sequence[Convergence], other: Result | None) -> None:
    """UserError where the other result has not the same target."""
    for plan in plans if other else ():
        found = other.workloads.get(plan.name) if other else None
        same = found is not None and results.same_target(found.target, plan.target)
        if found is None or not same or found.to_end != plan.to_end:
            raise UserError(
                f"--against: its file has no trainings of {plan.name} to the same target and "
                "length; give one that has"
            )


def _against(result: Result, other: Result | None, name: str) -> dict[str, list[Pair]]:
    """Workload -> each row beside the same row of the other result."""
    if other is None:
        return {}
    return {
        key: comparing.against(
            by_row(found), by_row(other.workloads[key]), found.target.margin, name
        )
        for key, found in result.workloads.items()
        if key in other.workloads
    }
