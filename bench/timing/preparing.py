"""The asking side: cells started one by one, proved group by group, and made ready for rounds."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from bench.plan import groups
from bench.plan.cells import Cell, Group, Plan
from bench.plan.folder import first_proof, missing
from bench.plan.machine import cpus_usable
from bench.plan.turns import blocks_of, turns_of
from bench.proof import group as proof_of_group
from bench.proof.starting import start
from bench.timing.cell import prepare, release
from bench.timing.clocks import overheads
from bench.timing.memory import Memory
from bench.timing.yardstick import load
from bench.workers.beside import Beside
from bench.workers.pool import Where, WorkerFailed, Workers
from bench.workers.row import describe

START_TIMEOUT_S = 900.0
Found = dict[str, Any]


class Measuring:
    """What a run knows of its cells beside its records."""

    def __init__(self, plan: Plan, workers: Workers, reference: Workers, folder: Path) -> None:
        self.plan, self.workers, self.reference = plan, workers, reference
        self.prepared: dict[str, Found] = {}
        """Cell id -> what was found, for the cells that may be timed."""
        self.memory = Memory()
        self.last_of: dict[Group, str] = {}
        """Groups whose programs are let go, and the item after which."""
        self._folder = folder
        self._awake = False
        self._started: dict[str, Found] = {}
        self._outcomes: dict[str, proof_of_group.Outcome] = {}
        self._overheads: dict[int, Found] = {}

    def start(self, cell: Cell) -> None:
        """Take the cell's first step, with nothing beside it. WorkerFailed if not."""
        self._wake()
        arguments = {"cell": cell.as_dict()}
        found = self.workers.call(cell.where, start, arguments, START_TIMEOUT_S)
        self._started[cell.id] = found | {"worker": self.workers.number(cell.where)}

    def prove(self, cell: Cell) -> Found:
        """Prove the cell, with all of its group that is not yet; and make it ready.

        WorkerFailed if not; of kind `Diverges` where the reference leaves the finite numbers.
        """
        if cell.id not in self._started:
            raise WorkerFailed("died", "its first step failed")
        if not self._lives(cell):  # another cell of the group took the worker down with it
            self.start(cell)
            self._outcomes.pop(cell.id, None)
        if cell.id not in self._outcomes:
            group = [c for c in groups.of_group(self.plan, cell.group) if self._may_be_proved(c)]
            self._prove([cell] if cell not in group else group)
        outcome = self._outcomes[cell.id]
        if isinstance(outcome, WorkerFailed):
            raise outcome
        return self._ready(cell, outcome)

    def anew(self, cell: Cell) -> Found:
        """What was found of a prepared cell; prepared again where its worker is another by now."""
        if self.prepared[cell.id]["worker"] != self.workers.number(cell.where):
            self.start(cell)
            self._outcomes.pop(cell.id)
            self._prove([cell])
            outcome = self._outcomes[cell.id]
            if isinstance(outcome, WorkerFailed):
                raise outcome
            self._ready(cell, outcome)
        return self.prepared[cell.id]

    def release(self, group: Group) -> None:
        """Let go of a group's programs: nothing of it is timed any more."""
        by_worker: dict[Any, list[str]] = {}
        for cell in groups.of_group(self.plan, group):
            if cell.id in self.prepared:
                by_worker.setdefault(cell.where, []).append(cell.id)
        for where, ids in by_worker.items():
            self.workers.call(where, release, {"cell_ids": ids}, START_TIMEOUT_S)

    def _wake(self) -> None:
        """Start the workers that this run will ask, side by side: importing is in no number."""
        if self._awake:
            return
        self._awake = True
        calls: dict[Where, tuple[Callable[..., Any], dict[str, Any]]] = {}
        for cell in self.plan.cells:
            if missing(self.plan, cell):
                calls[cell.where] = describe, {"row": cell.row}
        for control in self.plan.controls:
            calls[control.where] = load, {"program": control.program}

        def wake(where: Where) -> None:
            with suppress(WorkerFailed):  # what is asked of it next will say why
                self.workers.call(where, *calls[where], START_TIMEOUT_S)

        with Beside(cpus_usable(), self.workers) as beside:
            beside.each(wake, calls)

    def _lives(self, cell: Cell) -> bool:
        return bool(self._started[cell.id]["worker"] == self.workers.number(cell.where))

    def _may_be_proved(self, cell: Cell) -> bool:
        return cell.id in self._started and self._lives(cell) and cell.id not in self._outcomes

    def _prove(self, cells: list[Cell]) -> None:
        proofs = {name: found["proof"] for name, found in self.prepared.items()}
        self._folder.mkdir(parents=True, exist_ok=True)
        self._outcomes |= proof_of_group.prove(
            cells,
            self.workers,
            self.reference,
            self._folder,
            proofs,
            Path(self.plan.proofs) if self.plan.proofs else None,
            recognise=not self.plan.prove_anew,
        )
        for path in self._folder.iterdir():
            path.unlink()

    def _ready(self, cell: Cell, proof: Found) -> Found:
        """Rounds stay as they were in another worker, and are those of the cell's pair.

        What a call takes beside its iterations is a larger share of a shorter round.
        """
        first = replace(cell, again=False).id
        before = first_proof(self.plan, cell) or (
            self.prepared.get(first, {}) if cell.again else {}
        )
        arguments = {
            "cell_id": cell.id,
            "round_s": self.plan.round_s,
            "iterations_per_round": before.get("iterations_per_round")
            or self.plan.rounds.get(first),
        }
        ready = self.workers.call(cell.where, prepare, arguments, START_TIMEOUT_S)
        found = self._started[cell.id] | ready | {"proof": proof}
        asked = self.plan.round_s, self.plan.turns
        found["turns"] = before.get("turns") or turns_of(found, *asked)
        found["blocks"] = before.get("blocks") or blocks_of(found, *asked, self.plan.blocks)
        self.prepared[cell.id] = found | self._overheads_of(cell)
        return self.prepared[cell.id]

    def _overheads_of(self, cell: Cell) -> Found:
        """What the harness adds to a round of the cell's worker; no cell of it has a part in it."""
        worker = self.workers.number(cell.where)
        if worker not in self._overheads:
            self._overheads[worker] = overheads(cell, self.workers)
        return self._overheads[worker]
