"""The asking side: the cells of a group proved together, the reference's runs side by side.

Each cell's worker runs the iterations of the proof; then as many processes as there are processors
run the reference over what was drawn, one thread each; then each cell is judged. Nothing of this
runs while a cell is timed.
"""

from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field, replace
from itertools import chain
from pathlib import Path
from queue import SimpleQueue
from typing import Any

from bench.plan.cells import Cell
from bench.plan.machine import cpus_usable
from bench.proof import kept, oracles, starting
from bench.proof.arrays import read_arrays
from bench.proof.closeness import CheckFailed, Diverges, Measured
from bench.proof.in_float64 import prove_in_float64
from bench.proof.replay import Way, joined
from bench.proof.timed_path import Ended, judge
from bench.proof.verdict import verdict_of
from bench.workers.pool import WorkerFailed, Workers

TIMEOUT_S = 900.0

Outcome = dict[str, Any] | WorkerFailed
"""What a proof found, or why there is none."""
DIVERGES = Diverges.__name__
"""The kind of failure of a cell whose reference leaves the finite numbers."""


@dataclass
class Ran:
    """A cell whose worker has run the iterations of the proof."""

    cell: Cell
    told: dict[str, Any]
    files: dict[int, dict[str, str]] = field(default_factory=dict)
    """Length of a run -> what it ended with, and its draws."""

    def key(self, length: int, *, alone: bool = False) -> tuple[str, str, str]:
        """What the reference is run over: the spec, precision and draws."""
        files = self.files[length]
        draws = files["first"] if alone else Path(files["draws"]).stem
        return self.told["spec_hash"], self.cell.precision, draws


def prove(
    cells: Iterable[Cell],
    workers: Workers,
    reference: Workers,
    folder: Path,
    proved: Mapping[str, dict[str, Any]],
    kept_in: Path | None,
    *,
    recognise: bool = True,
) -> dict[str, Outcome]:
    """Prove cells that their workers have started. Cell id -> outcome.

    `reference` holds the processes of the reference, which start when they are first asked.
    `proved` has the proofs that this run made before, by cell; `kept_in` is the folder of proofs of
    earlier runs. Both hold here where a cell ends with the same bits.
    """
    found: dict[str, Outcome] = {}
    with _Side(workers, reference) as side:
        ran = side.ran(cells, found)
        new = []
        for one in ran:
            known = _known(one, proved, kept_in if recognise else None)
            if known is None:
                new.append(one)
            else:
                found[one.cell.id] = known
        first, twins = _apart(new)
        side.judged(first, folder, found)
        different = [one for one in twins if not _same_as_first(one, found)]
        side.judged(different, folder, found)
        side.in_float64(new, found)
    if kept_in is not None:
        for one in first:
            outcome = found[one.cell.id]
            if isinstance(outcome, dict) and outcome["status"] == "proved":
                kept.keep(kept_in, kept.key_of(one.cell, one.told), outcome)
    return found


def _known(
    one: Ran, proved: Mapping[str, dict[str, Any]], kept_in: Path | None
) -> dict[str, Any] | None:
    """A proof that holds here too, since this run ended with its bits."""
    earlier = proved.get(replace(one.cell, again=False).id) or proved.get(one.cell.id)
    if earlier and earlier["fingerprint"] == one.told["fingerprint"]:
        return earlier | {"same_bits": True}
    if kept_in is None:
        return None
    again = kept.find(kept_in, kept.key_of(one.cell, one.told), one.told["fingerprint"])
    return None if again is None else again | {"status": "recognised"}


def _apart(ran: Iterable[Ran]) -> tuple[list[Ran], list[Ran]]:
    """(cells, those that are one of them a second time)."""
    both = list(ran)
    ids = {one.cell.id for one in both}
    twins = [o for o in both if o.cell.again and replace(o.cell, again=False).id in ids]
    return [one for one in both if one not in twins], twins


def _same_as_first(twin: Ran, found: dict[str, Outcome]) -> bool:
    """Give a twin the outcome of its first where it ended with the same bits."""
    first = found[replace(twin.cell, again=False).id]
    if not isinstance(first, dict) or first["fingerprint"] != twin.told["fingerprint"]:
        return False
    found[twin.cell.id] = first | {"same_bits": True}
    return True


class _Side:
    """Work side by side: calls of rows' workers, and the reference in processes of its own."""

    def __init__(self, workers: Workers, reference: Workers) -> None:
        self.workers, self.reference = workers, reference
        self.slots = cpus_usable()
        self._pool = ThreadPoolExecutor(self.slots)
        self._begun: list[Future[Any]] = []
        self._free: SimpleQueue[int] = SimpleQueue()
        for number in range(self.slots):
            self._free.put(number)

    def __enter__(self) -> "_Side":
        return self

    def __exit__(self, kind: type[BaseException] | None, *raised: object) -> None:
        self._pool.shutdown(wait=kind is None, cancel_futures=True)
        if kind is not None:  # Ctrl-C: what threads wait for has to end
            while not all(future.done() for future in self._begun):
                self.workers.stop()
                self.reference.stop()
                wait(self._begun, 0.1)

    def ran(self, cells: Iterable[Cell], found: dict[str, Outcome]) -> list[Ran]:
        """Have each cell run what is proved."""
        told = self._of_each_worker(cells, lambda cell: self._asked(cell, starting.run_to_prove))
        found |= {cell.id: of for cell, of in told if isinstance(of, WorkerFailed)}
        return [Ran(cell, of) for cell, of in told if not isinstance(of, WorkerFailed)]

    def judged(self, ran: list[Ran], folder: Path, found: dict[str, Outcome]) -> None:
        """Run the reference over what these drew, and judge what they ended with."""

        def save(cell: Cell) -> Any:
            return self._asked(cell, starting.save_to_prove, folder=str(folder))

        saved, by_id = [], {one.cell.id: one for one in ran}
        for cell, files in self._of_each_worker([one.cell for one in ran], save):
            if isinstance(files, WorkerFailed):
                found[cell.id] = files
            else:
                by_id[cell.id].files = files
                saved.append(by_id[cell.id])
        replays = self._replays(saved, folder)
        for one in saved:
            found[one.cell.id] = _judged(one, replays)

    def _of_each_worker(
        self, cells: Iterable[Cell], call: Callable[[Cell], Any]
    ) -> list[tuple[Cell, Any]]:
        """The call of each cell: those of one worker one after the other, workers side by side."""
        by_worker: dict[Any, list[Cell]] = {}
        for cell in cells:
            by_worker.setdefault(cell.where, []).append(cell)

        def of_worker(own: list[Cell]) -> list[tuple[Cell, Any]]:
            return [(cell, call(cell)) for cell in own]

        return list(chain(*self._each(of_worker, by_worker.values())))

    def in_float64(self, ran: Iterable[Ran], found: dict[str, Outcome]) -> None:
        """Where rounding in float32 grows beyond every ceiling: the same mode in float64 too."""
        by_row: dict[str, list[Cell]] = {}
        for one in ran:
            outcome = found.get(one.cell.id)
            if not isinstance(outcome, dict) or one.cell.precision == "float64":
                continue
            if outcome["sensitive"] and "float64" not in outcome:
                by_row.setdefault(one.cell.row, []).append(one.cell)

        def of_row(cells: list[Cell]) -> None:
            where = (cells[0].row, "float64", cells[0].device)
            for cell in cells:
                given = {"cell": cell.as_dict()}
                try:
                    proof = self.workers.call(where, prove_in_float64, given, TIMEOUT_S)
                    found[cell.id] |= {"float64": proof}  # type: ignore[operator]
                except WorkerFailed as failure:
                    found[cell.id] = failure
            self.workers.end(where)  # nothing else lives on beside what is timed

        self._each(of_row, by_row.values())

    def _replays(self, ran: list[Ran], folder: Path) -> dict[Any, Any]:
        """What the reference does on each of the draws: {key: Replay, or why there is none}."""
        known: dict[Any, Any] = {}
        # The longest first: a run of one iteration is mostly the start of a longer one.
        for n in sorted({n for one in ran for n in one.files}, reverse=True):
            jobs = {one.key(n): one for one in ran if n in one.files and one.key(n) not in known}
            found = self._runs(list(jobs.values()), n, folder)
            for (key, one), (whole, first) in zip(jobs.items(), found, strict=True):
                known[key] = whole
                if first is not None:
                    known.setdefault(one.key(n, alone=True), first)
        return known

    def _runs(self, jobs: list[Ran], n: int, folder: Path) -> list[tuple[Any, Any]]:
        """For each of these draws the replay of all, and of the first iteration's alone."""

        def start(one: Ran, way: Way) -> Future[Any]:
            return self._submit(self._course, one, n, way, folder)

        idle = 3 * len(jobs) <= self.slots  # then the third run may as well be made at once
        ups = [start(one, "up") for one in jobs]
        exacts = [start(one, "exact") for one in jobs]
        downs = [start(one, "down") if idle else None for one in jobs]
        for i, up in enumerate(ups):
            found = up.result()
            if isinstance(found, WorkerFailed) or not found.undetermined[1]:
                downs[i] = None
            elif downs[i] is None:
                downs[i] = start(jobs[i], "down")
        return [
            _joined(exact.result(), up.result(), down and down.result())
            for exact, up, down in zip(exacts, ups, downs, strict=True)
        ]

    def _course(self, one: Ran, n: int, way: Way, folder: Path) -> Any:
        """A run of the reference in the next process that is free, or why there is none."""
        number = self._free.get()
        spec_hash, precision, draws = one.key(n)
        to = folder / f"{spec_hash}-{precision}-{draws}-{way}.npz"
        given = {
            "cell": one.cell.as_dict(),
            "batch_size": one.told["batch_size"],
            "draws": one.files[n]["draws"],
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

    def _each(self, call: Callable[..., Any], of: Iterable[Any]) -> list[Any]:
        """The call of each, side by side; in order."""
        return [future.result() for future in [self._submit(call, one) for one in of]]

    def _submit(self, call: Callable[..., Any], *given: Any) -> Future[Any]:
        self._begun.append(self._pool.submit(call, *given))
        return self._begun[-1]


def _joined(exact: Any, up: Any, down: Any) -> tuple[Any, Any]:
    """The replays, or the first reason why there are none, twice."""
    failed = [run for run in (exact, up, down) if isinstance(run, WorkerFailed)]
    return (failed[0], failed[0]) if failed else joined(exact, up, down)


def _judged(one: Ran, replays: Mapping[Any, Any]) -> Outcome:
    measured = Measured()
    for n, files in sorted(one.files.items()):
        found = replays[one.key(n)]
        if isinstance(found, WorkerFailed):
            return found
        end = read_arrays(Path(files["end"]))
        workload = one.cell.load(one.told["batch_size"])
        ended = Ended(end["state"], end["metrics"])
        try:
            judge(measured, workload, ended, found, one.cell.precision, n)
        except CheckFailed as failure:
            return WorkerFailed(type(failure).__name__, str(failure))
    return verdict_of(measured, one.told["iterations"], one.told["batch_size"])
