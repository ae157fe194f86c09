"""A training from its first iteration, or a checkpoint, to its end; in the process that asks."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.training import metrics, samples, watching, worker
from bench.training.plan import Training
from bench.workers.cleaning import clean
from bench.workers.pool import Workers
from spec.workload import Workload

TIMEOUT_S = 3600.0
"""For one call: a framework may compile for minutes, and a piece lasts about a second."""
PIECE_S = 1.0
"""Between two calls a signal is noticed and the bar drawn; a call costs a millisecond."""
SAMPLINGS = 20
"""Moments at which samples are kept, evenly over the training, and its beginning."""
SAVE_EVERY_S = 60.0
"""So much training at most is lost with a machine."""


@dataclass
class Progress:
    """How far a training is."""

    begun: dict[str, Any]
    total: int
    interval: int
    iteration: int
    elapsed_s: float = 0.0
    """Of training alone, with compiling, over all of its sittings."""
    raw: dict[str, list[float]] = field(default_factory=dict)
    """Metrics since the last record."""
    since: int = 0
    """The iteration after which they begin: later than that record's in a sitting that goes on."""
    piece: int = 0
    """Iterations of a call."""


class Trainer:
    """One training in its worker."""

    def __init__(self, plan: Training, workers: Workers, workload: Workload) -> None:
        self.plan, self.workers, self.workload = plan, workers, workload
        self.folder = Path(plan.folder)
        self.saved: int | None = None
        """The iteration of the newest checkpoint."""
        self.not_finite: list[str] = []
        """Arrays of the state for which it was not saved when that was last tried."""
        self._saved_at = time.monotonic()

    def train(
        self, progress: Progress, log: metrics.Log, ends: Callable[[float], bool]
    ) -> Iterator[metrics.Record]:
        """Every record as it is made; `ends` is asked with the seconds trained so far.

        It is asked after whole chunks, where another sitting can go on.
        """
        while progress.iteration < progress.total and not ends(progress.elapsed_s):
            yield from self._piece(progress, log)
            rest = progress.total - progress.iteration
            last = 0 < rest < progress.begun["grid"]
            if last or time.monotonic() - self._saved_at > SAVE_EVERY_S:
                self.save(progress)
        if progress.iteration < progress.total:
            self.finish(progress)

    def save(self, progress: Progress) -> None:
        """A checkpoint, where one may be gone on from: on the grid of chunks, and finite."""
        on_grid = progress.iteration % progress.begun["grid"] == 0
        if on_grid and progress.iteration != self.saved:
            self.not_finite = self.call(worker.save, folder=str(self.folder))["not_finite"]
            self._saved_at = time.monotonic()
            if not self.not_finite:
                self.saved = progress.iteration

    def finish(self, progress: Progress) -> None:
        """The last checkpoint, and the state that the training has come to."""
        self.save(progress)
        self.not_finite = self.call(worker.finish, folder=str(self.folder))["not_finite"]

    def sample(self, progress: Progress) -> None:
        """Samples of now, in a file of the run's."""
        path = samples.path_of(self.folder, progress.iteration)
        path.parent.mkdir(parents=True, exist_ok=True)
        if not samples.beside(self.folder).exists():
            self.call(worker.compare_with, path=str(samples.beside(self.folder)))
        self.call(worker.sample, path=str(path))

    def for_quality(self) -> Path:
        """A file of what quality is measured on."""
        path = self.folder / samples.FOLDER / "for-quality.npz"
        self.call(worker.for_quality, path=str(path))
        return path

    def call(self, function: Any, **given: Any) -> Any:
        """A call of the worker."""
        return self.workers.call(self.plan.cell.where, function, given, TIMEOUT_S)

    def _piece(self, progress: Progress, log: metrics.Log) -> Iterator[metrics.Record]:
        n = self._length(progress)
        found = self.call(worker.advance, n=n)
        progress.iteration, piece_s = found["iteration"], found["elapsed_s"]
        progress.elapsed_s += piece_s
        for name, values in found["metrics"].items():
            progress.raw.setdefault(name, []).extend(values)
        chunks = int(PIECE_S / max(piece_s, 1e-9) * n / progress.begun["grid"])
        progress.piece = progress.begun["grid"] * max(1, chunks)
        if progress.iteration == progress.total:
            self.finish(progress)  # before the last record, which says whether that was possible
        if progress.iteration % progress.interval == 0 or progress.iteration == progress.total:
            yield self._recorded(progress, log)

    def _length(self, progress: Progress) -> int:
        """Iterations of the next piece: whole chunks, to the next record at most."""
        rest = progress.interval - progress.iteration % progress.interval
        wanted = progress.piece or progress.begun["grid"]
        return min(wanted, rest, progress.total - progress.iteration)

    def _recorded(self, progress: Progress, log: metrics.Log) -> metrics.Record:
        before: metrics.Record = {"iteration": 0, "elapsed_s": 0.0}
        before = log.records[-1] if log.records else before
        images = (progress.iteration - before["iteration"]) * self.workload.images_per_iteration
        images_per_s = images / max(progress.elapsed_s - before["elapsed_s"], 1e-9)
        of = (progress.iteration, progress.elapsed_s, images_per_s, progress.raw)
        made = metrics.record(self.workload, *of) | {"after": progress.since}
        made |= self.call(worker.look)
        found = watching.verdicts(self.workload, made, self.not_finite)
        made["verdicts"] = clean([verdict._asdict() for verdict in found])  # a person's words
        if any(verdict.kind == "not_finite" for verdict in found) and not self.not_finite:
            self.save(progress)  # which says whether the state can still be kept
        progress.raw, progress.since = {}, progress.iteration
        log.add(made)
        if self._samples_now(progress, before["iteration"]):
            self.sample(progress)
        return made

    def _samples_now(self, progress: Progress, before: int) -> bool:
        moments = [i * progress.total // SAMPLINGS for i in range(1, SAMPLINGS + 1)]
        return any(before < moment <= progress.iteration for moment in moments)
