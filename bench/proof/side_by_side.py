"""The asking side: a group's proofs on all processors, rows' runs and the reference's alike.

Each cell's worker runs the iterations of the proof; as soon as it has written what it drew, the
reference runs over that in the next of as many processes as there are processors, one thread each.
"""

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from queue import SimpleQueue
from threading import Lock
from typing import Any

from bench.plan.cells import Cell
from bench.plan.machine import cpus_usable
from bench.proof import oracles, starting
from bench.proof.in_float64 import prove_in_float64
from bench.proof.replay import Way, joined
from bench.workers.beside import Beside
from bench.workers.pool import WorkerFailed, Workers

TIMEOUT_S = 900.0

Key = tuple[str, str, str]
"""What the reference is run over: the spec's hash, the precision and the hash of the draws."""


@dataclass
class Ran:
    """A cell whose worker has run the iterations of the proof."""

    cell: Cell
    told: dict[str, Any]
    files: dict[int, dict[str, str]] | WorkerFailed | None = None
    """Length of a run -> what it ended with, and its draws; None where it was not written."""

    @property
    def saved(self) -> dict[int, dict[str, str]]:
        """The files that were written."""
        assert isinstance(self.files, dict)
        return self.files

    @property
    def drawn_from(self) -> tuple[Any, ...]:
        """Cells of one worker for which this is the same draw the same: modes have no part in it.

        Where one did not, it would not end where the reference does.
        """
        return tuple(self.told[name] for name in ("spec_hash", "batch_size", "chunk", "iterations"))

    def key(self, length: int, *, alone: bool = False) -> Key:
        """What the reference is run over."""
        files = self.saved[length]
        draws = files["first"] if alone else Path(files["draws"]).stem
        return self.told["spec_hash"], self.cell.precision, draws


class Side(Beside):
    """Work side by side: calls of rows' workers, and the reference in processes of its own."""

    def __init__(self, workers: Workers, reference: Workers, folder: Path) -> None:
        super().__init__(cpus_usable(), workers, reference)
        self.workers, self.reference, self.folder = workers, reference, folder
        self._courses: dict[tuple[Key, Way], Future[Any]] = {}
        self._asking = Lock()
        self._free: SimpleQueue[int] = SimpleQueue()
        for number in range(self.slots):
            self._free.put(number)

    def ran(
        self, cells: Iterable[Cell], is_new: Callable[[Ran], bool]
    ) -> list[tuple[Cell, Ran | WorkerFailed]]:
        """Have each cell run what is proved; those of one worker one after the other.

        Where what it ended with is new, begin with what the reference does on its draws.
        """
        by_worker: dict[Any, list[Cell]] = {}
        for cell in cells:
            by_worker.setdefault(cell.where, []).append(cell)

        def of_worker(own: list[Cell]) -> list[tuple[Cell, Ran | WorkerFailed]]:
            ran: list[tuple[Cell, Ran | WorkerFailed]] = []
            for cell in own:
                told = self._asked(cell, starting.run_to_prove)
                one = told if isinstance(told, WorkerFailed) else Ran(cell, told)
                ran.append((cell, one))
                if isinstance(one, Ran) and is_new(one):
                    self._save(one, [other for _, other in ran if isinstance(other, Ran)])
            return ran

        return list(chain(*self.each(of_worker, by_worker.values())))

    def replays(self, ran: list[Ran]) -> dict[Key, Any]:
        """What the reference does on each of the draws: {key: Replay, or why there is none}.

        Where draws could not be written, `files` says why afterwards.
        """
        for one in ran:
            if one.files is None:
                self._save(one, [])
        ran = [one for one in ran if isinstance(one.files, dict)]
        known: dict[Key, Any] = {}
        # The longest first: a run of one iteration is mostly the start of a longer one.
        for n in sorted({n for one in ran for n in one.saved}, reverse=True):
            jobs = {one.key(n): one for one in ran if n in one.saved and one.key(n) not in known}
            found = self._runs(list(jobs.values()), n)
            for (key, one), (whole, first) in zip(jobs.items(), found, strict=True):
                known[key] = whole
                if first is not None:
                    known.setdefault(one.key(n, alone=True), first)
        return known

    def in_float64(self, cells: Iterable[Cell]) -> list[tuple[Cell, Any]]:
        """The same modes proved in float64: of one row one after the other, rows side by side."""
        by_row: dict[str, list[Cell]] = {}
        for cell in cells:
            by_row.setdefault(cell.row, []).append(cell)

        def of_row(own: list[Cell]) -> list[tuple[Cell, Any]]:
            where, found = (own[0].row, "float64", own[0].device), []
            for cell in own:
                given = {"cell": cell.as_dict()}
                try:
                    proof = self.workers.call(where, prove_in_float64, given, TIMEOUT_S)
                except WorkerFailed as failure:
                    proof = failure
                found.append((cell, proof))
            self.workers.end(where)  # nothing else lives on beside what is timed
            return found

        return list(chain(*self.each(of_row, by_row.values())))

    def _save(self, one: Ran, beside: Sequence[Ran]) -> None:
        """Write what a cell ended with, and its draws unless a cell beside it has; go on to them.

        The reference's runs wait until a processor is free.
        """
        same = (other.files for other in beside if other.drawn_from == one.drawn_from)
        drawn = next((files for files in same if isinstance(files, dict)), {})
        given = {"folder": str(self.folder), "drawn": drawn}
        one.files = self._asked(one.cell, starting.save_to_prove, **given)
        if isinstance(one.files, dict):
            for way in ("up", "exact"):
                self._course(one, max(one.files), way)

    def _runs(self, jobs: list[Ran], n: int) -> list[tuple[Any, Any]]:
        """For each of these draws the replay of all, and of the first iteration's alone."""
        idle = 3 * len(jobs) <= self.slots  # then the third run may as well be made at once
        ups = [self._course(one, n, "up") for one in jobs]
        exacts = [self._course(one, n, "exact") for one in jobs]
        downs = [self._course(one, n, "down") if idle else None for one in jobs]
        for i, up in enumerate(ups):
            found = up.result()
            if isinstance(found, WorkerFailed) or not found.undetermined[1]:
                downs[i] = None
            elif downs[i] is None:
                downs[i] = self._course(jobs[i], n, "down")
        return [
            _joined(exact.result(), up.result(), down and down.result())
            for exact, up, down in zip(exacts, ups, downs, strict=True)
        ]

    def _course(self, one: Ran, n: int, way: Way) -> Future[Any]:
        """A run of the reference; begun once, whoever asks for it."""
        with self._asking:
            name = (one.key(n), way)
            if name not in self._courses:
                self._courses[name] = self.submit(self._run, one, n, way)
            return self._courses[name]

    def _run(self, one: Ran, n: int, way: Way) -> Any:
        """A run of the reference in the next process that is free, or why there is none."""
        number = self._free.get()
        spec_hash, precision, draws = one.key(n)
        to = self.folder / f"{spec_hash}-{precision}-{draws}-{way}.npz"
        given = {
            "cell": one.cell.as_dict(),
            "batch_size": one.told["batch_size"],
            "draws": one.saved[n]["draws"],
            "seed": one.told["seed"],
            "way": way,
            "to": str(to),
        }
        try:
            found = self.reference.call(oracles.where(number), oracles.run, given, TIMEOUT_S)
        except WorkerFailed as failure:
            return failure
        finally:
            self._free.put(number)
        return oracles.read_course(str(to), found)

    def _asked(self, cell: Cell, function: Callable[..., Any], **given: Any) -> Any:
        try:
            return self.workers.call(cell.where, function, {"cell_id": cell.id} | given, TIMEOUT_S)
        except WorkerFailed as failure:
            return failure


def _joined(exact: Any, up: Any, down: Any) -> tuple[Any, Any]:
    """The replays, or the first reason why there are none, twice."""
    failed = [run for run in (exact, up, down) if isinstance(run, WorkerFailed)]
    return (failed[0], failed[0]) if failed else joined(exact, up, down)
