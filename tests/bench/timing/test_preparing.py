"""Before the first step of a run: the workers that it needs are there, however many."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bench.plan.cells import Cell, Control, Plan
from bench.plan.records import write_atomically
from bench.proof.starting import start
from bench.timing import preparing
from bench.timing.preparing import Measuring
from bench.timing.yardstick import load
from bench.workers.pool import Where, WorkerFailed
from bench.workers.row import describe

CELL = Cell("mlp_square", "reference", "eager", "float64", "cpu", 8, "mlp_square")


class Asked:
    """Workers that note what they are asked, and of which none starts."""

    def __init__(self) -> None:
        self.calls: list[tuple[Callable[..., Any], Where]] = []

    def call(self, where: Where, function: Any, arguments: Any, timeout_s: float) -> Any:
        """A step that was taken, or no answer."""
        self.calls.append((function, where))
        if function is not start:
            raise WorkerFailed("died", "did not start")
        return {}

    def number(self, where: Where) -> int:
        """One for all."""
        return 1

    def stop(self) -> None:
        """There is nothing to stop."""


def test_all_that_a_run_asks_are_awake_before_its_first_step(tmp_path: Path) -> None:
    cells = (CELL, replace(CELL, mode="compiled"), replace(CELL, row="pytorch"))
    control = Control("bench.controls.pytorch_mlp_square", "pytorch", "cpu")
    fields: dict[str, Any] = {"absent": (), "pythons": {}, "identity": {}, "controls": (control,)}
    fields |= {"blocks": 1, "turns": 1, "round_s": 1.0, "seed": 1, "costs": False, "memory": False}
    plan = Plan(cells=cells, folder=str(tmp_path), **fields)
    workers: Any = Asked()
    measuring = Measuring(plan, workers, workers, tmp_path)
    for cell in cells:
        measuring.start(cell)
    woken, steps = workers.calls[:3], workers.calls[3:]
    expected = {(describe, CELL.where), (describe, cells[2].where), (load, control.where)}
    assert set(woken) == expected
    assert [function for function, _ in steps] == [start] * 3


FOUND: dict[str, Any] = {
    "iterations_per_round": 8,
    "first_iterations": 1,
    "round_s": 0.3,
    "chunk_iterations": 4,
}


class Living:
    """Workers whose numbers a test sets; each answers what it is asked, and notes it."""

    def __init__(self) -> None:
        self.numbers: dict[Where, int] = {}
        self.calls: list[tuple[str, Any]] = []

    def call(self, where: Where, function: Any, arguments: Any, timeout_s: float) -> Any:
        """As the functions answer that are asked here."""
        self.calls.append((function.__name__, arguments))
        if function is start:
            return {"first_step_s": 2.0, "first_iterations": 1}
        if function.__name__ == "prepare":
            return FOUND | {"iterations_per_round": arguments["iterations_per_round"] or 8}
        return {"here_s": 0.05, "empty_round_s": 1e-6}

    def number(self, where: Where) -> int:
        """Another one after a worker has died."""
        return self.numbers.setdefault(where, len(self.numbers) + 1)

    def asked(self, name: str) -> list[Any]:
        """What one function was given, call by call."""
        return [arguments for function, arguments in self.calls if function == name]


class Group:
    """A group of cells, proved as a test says."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch, **plan: Any) -> None:
        again = replace(CELL, again=True)
        self.cells = (CELL, replace(CELL, mode="compiled"), again)
        fields: dict[str, Any] = {"absent": (), "pythons": {}, "identity": {}, "turns": 3}
        fields |= {"blocks": 4, "round_s": 0.25, "seed": 1, "costs": False, "memory": False}
        self.plan = Plan(cells=self.cells, folder=str(folder), **fields | plan)
        self.workers, self.proved = Living(), []  # type: ignore[var-annotated]
        self.outcomes: dict[str, Any] = {}
        workers: Any = self.workers
        reference: Any = "the reference"
        self.measuring = Measuring(self.plan, workers, reference, folder / "proofs-made")
        monkeypatch.setattr(preparing.proof_of_group, "prove", self.prove)
        monkeypatch.setattr(preparing, "overheads", self.overheads)
        self.measured = 0

    def prove(self, cells: Any, *given: Any, **how: Any) -> dict[str, Any]:
        """Each is proved, unless the test says otherwise."""
        self.proved.append(([cell.id for cell in cells], given, how))
        (given[2] / "draws.npz").write_text("draws", encoding="utf-8")
        return {cell.id: self.outcomes.get(cell.id, {"proof of": cell.id}) for cell in cells}

    def overheads(self, cell: Cell, workers: Any) -> dict[str, float]:
        """One number for each time it is measured."""
        self.measured += 1
        return {"overhead_s": float(self.measured)}


@pytest.fixture(name="group")
def _group(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Group:
    group = Group(tmp_path, monkeypatch)
    for cell in group.cells:
        group.measuring.start(cell)
    return group


def test_a_group_is_proved_at_once_and_each_cell_made_ready(group: Group) -> None:
    one, other, again = group.cells
    found = group.measuring.prove(one)
    ((ids, given, how),) = group.proved
    assert ids == [cell.id for cell in group.cells]
    assert given[:2] == (group.workers, "the reference")
    assert given[3:] == ({}, None)
    assert how == {"recognise": True}
    assert list(given[2].iterdir()) == []  # what a proof wrote is gone
    assert found["proof"] == {"proof of": one.id}
    assert (found["first_step_s"], found["worker"], found["overhead_s"]) == (2.0, 1, 1.0)
    assert (found["turns"], found["blocks"]) == ([0, 1, 2], [0, 1, 2, 3])
    assert group.measuring.prove(other)["overhead_s"] == 1.0  # of the same worker
    assert group.measuring.prove(again)["overhead_s"] == 2.0
    assert len(group.proved) == 1
    prepared = group.workers.asked("prepare")
    expected = {"cell_id": one.id, "round_s": 0.25, "iterations_per_round": None}
    assert prepared[0] == expected
    assert prepared[2]["iterations_per_round"] == 8  # a pair's is its first's


def test_proofs_of_earlier_runs_hold_unless_they_are_to_be_made_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for anew in (False, True):
        group = Group(tmp_path, monkeypatch, proofs=str(tmp_path / "kept"), prove_anew=anew)
        group.measuring.start(CELL)
        group.measuring.prove(CELL)
        ((ids, given, how),) = group.proved
        assert ids == [CELL.id]  # the others have not started
        assert given[4] == tmp_path / "kept"
        assert how == {"recognise": not anew}


def test_rounds_are_those_that_the_plan_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    group = Group(tmp_path, monkeypatch, rounds={CELL.id: 5})
    for cell in group.cells:
        group.measuring.start(cell)
        group.measuring.prove(cell)
    given = [arguments["iterations_per_round"] for arguments in group.workers.asked("prepare")]
    assert given == [5, None, 5]


def test_rounds_of_a_run_that_is_taken_up_stay(group: Group) -> None:
    before = {"iterations_per_round": 3, "turns": [1], "blocks": [0, 2]}
    write_atomically(Path(group.plan.folder) / "proofs" / f"{CELL.id}.json", before)
    found = group.measuring.prove(CELL)
    assert (found["iterations_per_round"], found["turns"], found["blocks"]) == (3, [1], [0, 2])


def test_a_failure_is_its_cell_s(group: Group) -> None:
    one, other, _ = group.cells
    group.outcomes[one.id] = WorkerFailed("CheckFailed", "over the limit")
    with pytest.raises(WorkerFailed, match="over the limit"):
        group.measuring.prove(one)
    assert group.measuring.prove(other)["proof"] == {"proof of": other.id}
    assert list(group.measuring.prepared) == [other.id]
    with pytest.raises(WorkerFailed, match="first step failed"):
        group.measuring.prove(replace(CELL, row="pytorch"))


def test_a_worker_that_died_is_started_and_proved_again(group: Group) -> None:
    one, other, again = group.cells
    group.measuring.prove(one)
    group.workers.numbers[one.where] = 7
    found = group.measuring.anew(one)
    assert found["worker"] == 7
    assert [cell["mode"] for cell in (a["cell"] for a in group.workers.asked("start"))][3:] == [
        "eager"
    ]
    assert group.proved[1][0] == [one.id]
    assert group.proved[1][1][2:][1] == {one.id: {"proof of": one.id}}  # what this run proved
    assert group.measuring.anew(one) is group.measuring.prepared[one.id]
    assert len(group.proved) == 2
    assert group.measuring.prove(other)["worker"] == 7  # its first step is taken again
    assert len(group.workers.asked("start")) == 5
    assert group.proved[2][0] == [other.id]
    assert group.measuring.prove(again)["worker"] == 2


def test_a_worker_that_dies_again_is_told(group: Group) -> None:
    group.measuring.prove(CELL)
    group.workers.numbers[CELL.where] = 7
    group.outcomes[CELL.id] = WorkerFailed("died", "again")
    with pytest.raises(WorkerFailed, match="again"):
        group.measuring.anew(CELL)


def test_a_group_is_let_go_of_worker_by_worker(group: Group) -> None:
    one, other, again = group.cells
    for cell in group.cells:
        group.measuring.prove(cell)
    group.measuring.release(CELL.group)
    assert group.workers.asked("release") == [
        {"cell_ids": [one.id, other.id]},
        {"cell_ids": [again.id]},
    ]


def test_no_more_workers_start_at_a_time_than_there_are_processors(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And only those of cells that are still to be measured."""
    asked = []

    class Noting(preparing.Beside):
        def __init__(self, slots: int, *workers: Any) -> None:
            asked.append((slots, workers))
            super().__init__(slots, *workers)

    monkeypatch.setattr(preparing, "Beside", Noting)
    monkeypatch.setattr(preparing, "cpus_usable", lambda: 3)
    group = Group(tmp_path, monkeypatch)
    done = group.cells[2]
    write_atomically(tmp_path / "failures" / f"{done.id}.json", {})
    group.measuring.start(CELL)
    group.measuring.start(group.cells[1])
    assert asked == [(3, (group.workers,))]
    assert group.workers.asked("describe") == [{"row": "reference"}]
