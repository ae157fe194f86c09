"""The asking side: a group's proofs on all processors, rows' runs and the reference's alike.

Each cell's worker runs the iterations of the proof; as soon as it has written what it drew, the
reference runs over that in the next of as many processes as there are processors, one thread each.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import replace
from itertools import chain
from pathlib import Path
from queue import SimpleQueue
from threading import Lock
from typing import Any

from bench.plan.cells import Cell
from bench.plan.machine import cpus_usable
from bench.proof import oracles, starting
from bench.proof.ran import Key, Pair, Ran
from bench.proof.replay import Replay, Way, joined, unmoved
from bench.proof.sensitivity import Terms
from bench.workers.beside import Beside
from bench.workers.pool import Where, WorkerFailed, Workers

TIMEOUT_S = 900.0
Enough = Callable[[Mapping[Key, Replay]], bool]
"""Whether all that was run over these draws is as close to these replays as after one step."""


class Side(Beside):
    """Work side by side: calls of rows' workers, and the reference in processes of its own."""

    def __init__(self, workers: Workers, reference: Workers, folder: Path) -> None:
        super().__init__(cpus_usable(), workers, reference)
        self.workers, self.reference, self.folder = workers, reference, folder
        self._aside = Beside(1, workers, reference)
        self._early: dict[Where, Future[list[Pair]]] = {}
        self._courses: dict[tuple[Key, Way], Future[Any]] = {}
        self._asking = Lock()
        self._free: SimpleQueue[int] = SimpleQueue()
        for number in range(self.slots):
            self._free.put(number)

    def __exit__(self, kind: type[BaseException] | None, *raised: object) -> None:
        self._aside.__exit__(kind, *raised)
        super().__exit__(kind, *raised)

    def ran(self, cells: Iterable[Cell], is_new: Callable[[Ran], bool]) -> list[Pair]:
        """Have each cell run what is proved; those of one worker one after the other.

        Where what it ended with is new, begin with what the reference does on its draws.
        """

        def of_worker(where: Where, own: list[Cell]) -> list[Pair]:
            ran: list[Pair] = []
            for cell in own:
                ran.append((cell, self._ran(cell, where, is_new, ran)))
            new = [cell for cell, one in ran if isinstance(one, Ran) and one.files is not None]
            self._begin_in_float64([cell for cell in new if _leaves_little(cell)])
            return ran

        return self._by_worker(_grouped(cells, lambda cell: cell.where), of_worker)

    def ran_in_float64(self, cells: Iterable[Cell]) -> list[Pair]:
        """The same with small cells in float64, each beside the cell that it is proved for.

        So too for those that were begun, though float32 may have left them enough.
        """

        def of_worker(where: Where, own: list[Cell]) -> list[Pair]:
            early = self._early.get(where)
            begun = early.result() if early and not early.cancel() else []
            done = [cell for cell, _ in begun]
            return begun + self._of_float64(where, [cell for cell in own if cell not in done])

        early: dict[Where, list[Cell]] = {where: [] for where in self._early}
        return self._by_worker(early | _grouped(cells, _where_in_float64), of_worker)

    def _begin_in_float64(self, cells: list[Cell]) -> None:
        """Compile and run these beside all else: with one cell the processors would wait for it."""
        for where, own in _grouped(cells, _where_in_float64).items():
            self._early[where] = self._aside.submit(self._of_float64, where, own)

    def _of_float64(self, where: Where, own: list[Cell]) -> list[Pair]:
        """In a worker of their own, which ends then: nothing lives on beside what is timed."""
        ran: list[Pair] = []
        for cell in own:
            small = _in_float64(cell)
            failed = self._asked(where, starting.start_in_float64, cell=small.as_dict())
            ran.append((cell, failed or self._ran(small, where, lambda _: True, ran)))
        self.workers.end(where)
        return ran

    def replays(self, ran: list[Ran], is_enough: Enough) -> dict[Key, Any]:
        """What the reference does on each of the draws: {key: Replay, or why there is none}.

        Without moved runs where `is_enough` says so of a run and of its first iteration alone.
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
            found = self._runs(list(jobs.values()), n, is_enough)
            for (key, one), (whole, first) in zip(jobs.items(), found, strict=True):
                known[key] = whole
                if first is not None:
                    known.setdefault(one.key(n, alone=True), first)
        return known

    def _by_worker(
        self, cells: Mapping[Where, list[Cell]], call: Callable[[Where, list[Cell]], list[Pair]]
    ) -> list[Pair]:
        """A call for the cells of each worker, workers side by side; the one with most first."""
        order = sorted(cells, key=lambda where: -len(cells[where]))
        return list(chain(*self.each(lambda where: call(where, cells[where]), order)))

    def _ran(
        self, cell: Cell, where: Where, is_new: Callable[[Ran], bool], before: Sequence[Pair]
    ) -> Ran | WorkerFailed:
        """Run what is proved; where it is new, go on to what the reference does on its draws."""
        told = self._asked(where, starting.run_to_prove, cell_id=cell.id)
        if isinstance(told, WorkerFailed):
            return told
        one = Ran(cell, where, told)
        if is_new(one):
            self._save(one, [other for _, other in before if isinstance(other, Ran)])
        return one

    def _save(self, one: Ran, beside: Sequence[Ran]) -> None:
        """Write what a cell ended with, and its draws unless a cell beside it has; go on to them.

        The reference's runs wait until a processor is free.
        """
        same = (other.files for other in beside if other.drawn_from == one.drawn_from)
        drawn = next((files for files in same if isinstance(files, dict)), {})
        given = {"cell_id": one.cell.id, "folder": str(self.folder), "drawn": drawn}
        one.files = self._asked(one.where, starting.save_to_prove, **given)
        if isinstance(one.files, dict):
            self._course(one, max(one.files), "exact")

    def _runs(self, jobs: list[Ran], n: int, is_enough: Enough) -> list[tuple[Any, Any]]:
        """For each of these draws the replay of all, and of the first iteration's alone."""
        exacts = [self._course(one, n, "exact") for one in jobs]
        found = [
            _enough(one, n, exact.result(), is_enough) if exact.done() else None
            for one, exact in zip(jobs, exacts, strict=True)
        ]
        idle = 3 * len(jobs) <= self.slots  # then the third run may as well be made at once
        ways: tuple[Way, ...] = ("up", "down") if idle else ("up",)
        # Behind the exact ones, so that those that turn out to be needless have not begun.
        unknown = [i for i, known in enumerate(found) if known is None]
        for i in unknown:
            for way in ways:
                self._course(jobs[i], n, way)
        for i in unknown:
            found[i] = _enough(jobs[i], n, exacts[i].result(), is_enough)
            if found[i]:
                self._course(jobs[i], n, "up").cancel()
        needed = [i for i in unknown if found[i] is None]
        ups = [self._course(jobs[i], n, "up") for i in needed]
        downs = [self._down(jobs[i], n, up.result()) for i, up in zip(needed, ups, strict=True)]
        for i, up, down in zip(needed, ups, downs, strict=True):
            found[i] = _joined(exacts[i].result(), up.result(), down and down.result())
        return [replays for replays in found if replays]

    def _down(self, one: Ran, n: int, up: Any) -> Future[Any] | None:
        """The third run, where a parameter follows rounding to the end."""
        if isinstance(up, WorkerFailed) or not up.undetermined[1]:
            return None
        return self._course(one, n, "down", up.terms)

    def _course(self, one: Ran, n: int, way: Way, terms: Terms | None = None) -> Future[Any]:
        """A run of the reference; begun once, whoever asks for it, unless it was cancelled."""
        with self._asking:
            name = (one.key(n), way)
            if name not in self._courses or self._courses[name].cancelled():
                self._courses[name] = self.submit(self._run, one, n, way, terms)
            return self._courses[name]

    def _run(self, one: Ran, n: int, way: Way, terms: Terms | None) -> Any:
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
            "terms": terms,
        }
        try:
            found = self.reference.call(oracles.where(number), oracles.run, given, TIMEOUT_S)
        except WorkerFailed as failure:
            return failure
        finally:
            self._free.put(number)
        return oracles.read_course(str(to), found)

    def _asked(self, where: Where, function: Callable[..., Any], **given: Any) -> Any:
        try:
            return self.workers.call(where, function, given, TIMEOUT_S)
        except WorkerFailed as failure:
            return failure


def _grouped(cells: Iterable[Cell], of: Callable[[Cell], Where]) -> dict[Where, list[Cell]]:
    grouped: dict[Where, list[Cell]] = {}
    for cell in cells:
        grouped.setdefault(of(cell), []).append(cell)
    return grouped


def _where_in_float64(cell: Cell) -> Where:
    return (cell.row, "float64", cell.device, "proof")


def _leaves_little(cell: Cell) -> bool:
    """Whether float32 is likely to leave too little: where the weights of a critic are clipped.

    A guess, which decides nothing but when work begins: if it is wrong, more was proved.
    """
    return cell.precision != "float64" and any(phase.clip for phase in cell.load().phases)


def _in_float64(cell: Cell) -> Cell:
    """The small cell that is proved beside one that is too sensitive in float32."""
    size = min(cell.batch_size, starting.FLOAT64_BATCH)
    return replace(cell, precision="float64", batch_size=size)


def _enough(one: Ran, n: int, exact: Any, is_enough: Enough) -> tuple[Any, Any] | None:
    """The replays without moved runs, or why there are none; None where more is needed."""
    if isinstance(exact, WorkerFailed):
        return exact, exact
    whole, first = unmoved(exact)
    return (whole, first) if is_enough({one.key(n): whole, one.key(n, alone=True): first}) else None


def _joined(exact: Any, up: Any, down: Any) -> tuple[Any, Any]:
    """The replays, or the first reason why there are none, twice."""
    failed = [run for run in (exact, up, down) if isinstance(run, WorkerFailed)]
    return (failed[0], failed[0]) if failed else joined(exact, up, down)
