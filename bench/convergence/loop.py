"""All trainings of a workload, seed by seed and row after row, each to its target."""

from collections.abc import Callable, Iterator
from math import isfinite
from pathlib import Path
from typing import Any

from bench.convergence import worker
from bench.convergence.measuring import Gauge
from bench.convergence.plan import Convergence
from bench.convergence.reaching import insides, place
from bench.convergence.results import OfWorkload, Row, Training
from bench.plan.cells import Cell
from bench.training.samples import read
from bench.workers.pool import WorkerFailed, Workers
from spec.target import AnyTarget

TIMEOUT_S = 3600.0
"""For one call: a framework may compile for minutes."""
DIGITS = 6
"""Significant ones of what is kept."""


class Trainer:
    """The rows of a workload, each in its own worker, which compiles once."""

    def __init__(
        self, plan: Convergence, workers: Workers, gauge: Gauge, found: OfWorkload, scratch: Path
    ) -> None:
        self.plan, self.workers, self.gauge, self.found = plan, workers, gauge, found
        self._samples = scratch / "samples.npz"
        self._prepared: set[str] = set()
        self.failed: dict[str, WorkerFailed] = {}
        """Row -> why it gave up; the others go on."""

    def all(self, ends: Callable[[], bool]) -> Iterator[tuple[Cell, Training]]:
        """Each training as it ends; those that are kept are not made again.

        Rows take turns, so that a slow quarter of an hour of the machine is no row's own. `ends` is
        asked after each evaluation, and a training that it cuts is thrown away.
        """
        for seed in self.plan.seeds:
            for cell in self.plan.cells:
                if ends():
                    return
                if cell.row in self.failed or self._known(cell.row, seed):
                    continue
                try:
                    training = self._training(cell, seed, ends)
                except WorkerFailed as error:
                    self.failed[cell.row] = error
                    continue
                if training is not None:
                    self.found.rows[cell.row].trainings.append(training)
                    yield cell, training

    def _known(self, row: str, seed: int) -> bool:
        kept = self.found.rows.get(row)
        return kept is not None and any(training.seed == seed for training in kept.trainings)

    def _training(self, cell: Cell, seed: int, ends: Callable[[], bool]) -> Training | None:
        """None where it was cut."""
        self._prepare(cell)
        target, trace = self.plan.target, Training(seed=seed, seconds=[], quality={})
        self._call(cell, worker.begin, seed=seed)
        while not _over(trace, target, self.plan.to_end):
            if ends():
                return None
            found = self._call(cell, worker.advance, n=target.every)
            self._call(cell, worker.sample, path=str(self._samples))
            own = found["metrics"] if self.plan.to_end else {}
            _add(trace, found["elapsed_s"], self.gauge.of(read(self._samples)["generated"]), own)
        return trace

    def _prepare(self, cell: Cell) -> None:
        """Compile, once in a process."""
        if cell.row in self._prepared:
            return
        given = {"cell": cell.as_dict(), "samples": self.plan.target.samples}
        made = self.workers.call(cell.where, worker.prepare, given, TIMEOUT_S)
        fresh = Row(
            mode=cell.mode,
            precision=cell.precision,
            device=cell.device,
            backend=made["backend"],
            first_chunk_s=[],
        )
        row = self.found.rows.setdefault(cell.row, fresh)
        row.first_chunk_s.append(_rounded(made["first_chunk_s"]) or 0.0)
        self._prepared.add(cell.row)

    def _call(self, cell: Cell, function: Any, **given: Any) -> Any:
        return self.workers.call(cell.where, function, given, TIMEOUT_S)


def _over(trace: Training, target: AnyTarget, to_end: bool) -> bool:
    """Whether a training has come to its end: the target, or the longest."""
    if len(trace.seconds) * target.every >= target.longest:
        return True
    return not to_end and place(insides(trace, target), target.hold) is not None


def _add(trace: Training, elapsed_s: float, quality: Any, metrics: Any) -> None:
    before = trace.seconds[-1] if trace.seconds else 0.0
    trace.seconds.append(_rounded(before + elapsed_s) or 0.0)
    for kept, found in ((trace.quality, quality), (trace.metrics, metrics)):
        for name, value in found.items():
            kept.setdefault(name, []).append(_rounded(value))


def _rounded(value: float) -> float | None:
    return float(f"{value:.{DIGITS}g}") if isfinite(value) else None
