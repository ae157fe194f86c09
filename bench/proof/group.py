"""The asking side: the cells of a group proved together, and each judged.

A cell that ends with the bits of a proof that is known has been proved; the others are compared
with the reference. Nothing of this runs while a cell is timed.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from bench.plan.cells import Cell
from bench.proof import kept
from bench.proof.arrays import read_arrays
from bench.proof.closeness import CheckFailed, Diverges, Measured
from bench.proof.ran import Ran
from bench.proof.replay import Replay
from bench.proof.side_by_side import Side
from bench.proof.timed_path import Ended, is_close, judge
from bench.proof.verdict import verdict_of
from bench.workers.pool import WorkerFailed, Workers
from spec.workload import Workload

Outcome = dict[str, Any] | WorkerFailed
"""What a proof found, or why there is none."""
DIVERGES = Diverges.__name__
"""The kind of failure of a cell whose reference leaves the finite numbers."""


def prove(
    cells: Sequence[Cell],
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
    known = partial(_known, proved=proved, kept_in=kept_in if recognise else None)
    with Side(workers, reference, folder) as side:
        new = []
        for cell, ran in side.ran(cells, lambda one: not (_is_twin(one.cell, cells) or known(one))):
            if isinstance(ran, WorkerFailed):
                found[cell.id] = ran
            elif proof := known(ran):
                found[cell.id] = proof
            else:
                new.append(ran)
        first = [one for one in new if not _is_twin(one.cell, cells)]
        _judge_all(first, side, found)
        twins = [one for one in new if one not in first]
        different = [one for one in twins if not _ended_as_first(one, found)]
        _judge_all(different, side, found)
        sensitive = [one.cell for one in (*first, *different) if _is_sensitive(one, found)]
        for name, in_float64 in _proved_in_float64(sensitive, side).items():
            found[name] = _with_float64(found[name], in_float64)
        for one in twins:
            if one not in different:
                found[one.cell.id] = _shared(found[_first_of(one.cell).id])
    if kept_in is not None:
        for one in first:
            outcome = found[one.cell.id]
            if isinstance(outcome, dict) and outcome["status"] == "proved":
                kept.keep(kept_in, kept.key_of(one.cell, one.told), outcome)
    return found


def _known(
    one: Ran, *, proved: Mapping[str, dict[str, Any]], kept_in: Path | None
) -> dict[str, Any] | None:
    """A proof that holds here too, since this run ended with its bits."""
    earlier = proved.get(_first_of(one.cell).id) or proved.get(one.cell.id)
    if earlier and earlier["fingerprint"] == one.told["fingerprint"]:
        return earlier | {"same_bits": True}
    if kept_in is None:
        return None
    again = kept.find(kept_in, kept.key_of(one.cell, one.told), one.told["fingerprint"])
    return None if again is None else again | {"status": "recognised"}


def _first_of(cell: Cell) -> Cell:
    return replace(cell, again=False)


def _is_twin(cell: Cell, cells: Sequence[Cell]) -> bool:
    """Whether it is one of the cells a second time."""
    return cell.again and _first_of(cell) in cells


def _ended_as_first(twin: Ran, found: Mapping[str, Outcome]) -> bool:
    """Whether it ended with the bits that its first was proved with."""
    first = found[_first_of(twin.cell).id]
    return isinstance(first, dict) and first["fingerprint"] == twin.told["fingerprint"]


def _shared(outcome: Outcome) -> Outcome:
    """The outcome of a cell's first; a failure in float64 is both's too."""
    return outcome if isinstance(outcome, WorkerFailed) else outcome | {"same_bits": True}


def _judge_all(ran: list[Ran], side: Side, found: dict[str, Outcome]) -> None:
    """Compare what these ended with to what the reference does on their draws."""
    replays = side.replays(ran, partial(_are_close, ran))
    for one in ran:
        failed = isinstance(one.files, WorkerFailed)
        found[one.cell.id] = one.files if failed else _judged(one, replays)  # type: ignore[assignment]


def _proved_in_float64(cells: list[Cell], side: Side) -> dict[str, Outcome]:
    """The outcomes of the same modes in small cells of float64. Id of the large cell -> outcome."""
    ran = side.ran_in_float64(cells)
    small: dict[str, Outcome] = {}
    _judge_all([one for _, one in ran if isinstance(one, Ran)], side, small)
    return {cell.id: small[one.cell.id] if isinstance(one, Ran) else one for cell, one in ran}


def _is_sensitive(one: Ran, found: Mapping[str, Outcome]) -> bool:
    """Whether float32 leaves too little to compare, and nothing was compared in float64 yet."""
    outcome = found[one.cell.id]
    if isinstance(outcome, WorkerFailed) or one.cell.precision == "float64":
        return False
    return outcome["sensitive"] and "float64" not in outcome


def _with_float64(outcome: Outcome, proof: Outcome) -> Outcome:
    if isinstance(outcome, WorkerFailed):
        return outcome
    return proof if isinstance(proof, WorkerFailed) else outcome | {"float64": proof}


def _are_close(ran: list[Ran], replays: Mapping[Any, Replay]) -> bool:
    """Whether all runs over these draws are within the limits of one step."""
    written = [(one, n) for one in ran if isinstance(one.files, dict) for n in one.saved]
    own = [(one, n, replays[one.key(n)]) for one, n in written if one.key(n) in replays]
    return all(
        is_close(_workload(one), _ended(one, n), found, one.cell.precision, n)
        for one, n, found in own
    )


def _judged(one: Ran, replays: Mapping[Any, Any]) -> Outcome:
    measured = Measured()
    for n in sorted(one.saved):
        found = replays[one.key(n)]
        if isinstance(found, WorkerFailed):
            return found
        try:
            judge(measured, _workload(one), _ended(one, n), found, one.cell.precision, n)
        except CheckFailed as failure:
            return WorkerFailed(type(failure).__name__, str(failure))
    return verdict_of(measured, one.told["iterations"], one.told["batch_size"])


def _workload(one: Ran) -> Workload:
    return one.cell.load(one.told["batch_size"])


def _ended(one: Ran, n: int) -> Ended:
    end = read_arrays(Path(one.saved[n]["end"]))
    return Ended(end["state"], end["metrics"])
