"""`train`: a training from what a person asked for to its page, with a bar and its records."""

from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from bench.commands.stopping import Stop
from bench.plan.records import write_atomically
from bench.report.printing import say
from bench.results.provenance import provenance
from bench.training import judging, length, metrics, page, watching, worker
from bench.training import loop as loops
from bench.training.asked import Given, read
from bench.training.plan import Training
from bench.workers.pool import WorkerFailed, Workers
from spec.errors import UserError

FAILED = 1
STOPPED = 3
"""What it came to is kept, and is not worth going on with as it is."""


def train(given: Given, console: Console) -> int:
    """Train, and write what it came to: 0 at its end, 1 where it failed, 3 where a verdict stopped
    it, 130 or 143 by a signal."""
    plan, goes_on = read(given)
    return carry_out(plan, console, goes_on=goes_on)


def carry_out(plan: Training, console: Console, *, goes_on: bool = False) -> int:
    """A training as planned, from its beginning or from what its folder has."""
    resumed = plan.folder if goes_on else None
    workload = plan.cell.load()
    watching.require_watchable(workload)
    workers = Workers(plan.pythons)
    with Stop(plan.minutes) as stop:
        try:
            return _trained(loops.Trainer(plan, workers, workload), console, stop, resumed)
        except WorkerFailed as error:
            if error.kind in ("UserError", "SpecError"):
                raise UserError(str(error)) from None
            say(console, f"FAILED {plan.cell.id}: {error}")
            say(console, _how_to_go_on(plan))
            return FAILED
        finally:
            workers.stop()


def _trained(trainer: loops.Trainer, console: Console, stop: Stop, resumed: str | None) -> int:
    plan, folder = trainer.plan, Path(trainer.plan.folder)
    watch = watching.Watch(keep_going=plan.keep_going)
    progress = _begun(trainer, console, resumed)
    with metrics.Log(folder, progress.iteration) as log:
        progress.elapsed_s = log.records[-1]["elapsed_s"] if log.records else 0.0
        if not resumed:
            trainer.sample(progress)
            trainer.save(progress)  # so that there is one to go on from, whatever comes
        with _bar(console) as bar:
            task = bar.add_task("", total=progress.total, completed=progress.iteration)

            def ends(elapsed_s: float) -> bool:
                return watch.stopped or stop.asked(elapsed_s)

            for record in trainer.train(progress, log, ends):
                bar.update(task, completed=progress.iteration, description=_told(record))
                _tell(console, trainer, watch, record)
        _tell_unsaved(console, trainer, watch)
        trainer.sample(progress)
    if progress.iteration == progress.total or not stop.code:  # who interrupts waits for nothing
        judging.judge(folder, trainer.workload, trainer.for_quality(), progress.iteration)
    say(console, f"page: {page.write(folder, trainer.workload)}")
    if progress.iteration < progress.total:
        say(console, _how_to_go_on(plan, watch))
    broken = bool(trainer.not_finite) and not watch.keep_going
    return stop.code or (STOPPED if watch.stopped or broken else 0)


def _tell(
    console: Console, trainer: loops.Trainer, watch: watching.Watch, record: metrics.Record
) -> None:
    """What is new in a record's verdicts."""
    for verdict in watch.news([watching.Verdict(**one) for one in record["verdicts"]]):
        stops = verdict.action == "stop" and not watch.keep_going
        say(console, f"{'STOPPED' if stops else 'noted'}: {verdict.said}")
    _tell_unsaved(console, trainer, watch)


def _tell_unsaved(console: Console, trainer: loops.Trainer, watch: watching.Watch) -> None:
    """Once, where a state could not be saved: also one that broke after the last record."""
    if trainer.not_finite and not watch.unsaved_told:
        watch.unsaved_told = True
        newest = "there is none" if trainer.saved is None else f"iteration {trainer.saved:,}"
        say(console, f"no checkpoint is made of a state that is not finite; the newest: {newest}")


def _begun(trainer: loops.Trainer, console: Console, resumed: str | None) -> loops.Progress:
    """The worker's training, ready; the run's folder says what it is."""
    plan = trainer.plan
    given: dict[str, Any] = {"cell": plan.cell.as_dict(), "seed": plan.seed, "draws": plan.draws}
    begun = trainer.call(worker.begin, **given, resumed=resumed)
    trainer.saved = begun["iteration"] if resumed else None
    for why in begun["passed_over"]:
        say(console, f"passed over: {why}")
    total = plan.iterations or begun["document_iterations"]
    interval = length.interval(trainer.workload, total, plan.interval)
    write_plan(
        replace(plan, iterations=total, interval=interval),
        {"iterations": total, "interval": interval, "spec_hash": trainer.workload.spec_hash}
        | {key: begun[key] for key in ("grid", "data", "backend")}
        | {"provenance": provenance()},
    )
    if begun["iteration"] >= total:
        raise UserError(
            f"--iterations: {total}, and {plan.folder} has come to {begun['iteration']}; give more"
        )
    return loops.Progress(begun, total, interval, begun["iteration"], since=begun["iteration"])


def write_plan(plan: Training, about: dict[str, Any]) -> None:
    """What a run's folder knows of the run, but its own place: whoever reads it knows that."""
    fields = asdict(plan)
    del fields["folder"]
    write_atomically(Path(plan.folder) / "training.json", {"plan": fields} | about)


def _bar(console: Console) -> Progress:
    return Progress(
        BarColumn(bar_width=20),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.description}", markup=False),
        console=console,
        disable=not console.is_terminal,
        transient=True,
    )


def _told(record: metrics.Record) -> str:
    values = [f"{name} {value:.3g}" for name, value in record["metrics"].items()]
    return f"{record['images_per_s']:,.0f} images/s  " + "  ".join(values)


def _how_to_go_on(plan: Training, watch: watching.Watch | None = None) -> str:
    keeping = " --keep-going" if watch and watch.stopped else ""
    return f"go on with `python -m bench train --resume {plan.folder}{keeping}`"
