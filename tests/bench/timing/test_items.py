"""A cell's items: what each asks of the workers, and what it writes."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from bench.plan.cells import Cell, Plan
from bench.timing import cell as in_worker
from bench.timing import test_train_step as items
from bench.workers.pool import WorkerFailed
from tests.bench.timing.answering import (
    CELL,
    FOUND,
    PAIR,
    Answering,
    Timer,
    answers,
    measuring_with,
    plan_in,
    read,
    written,
)


@pytest.fixture(name="plan")
def _plan(tmp_path: Path) -> Plan:
    return plan_in(tmp_path)


def test_a_turn_is_a_round_after_its_warm_up(plan: Plan, monkeypatch: pytest.MonkeyPatch) -> None:
    """Six dispatches, of which one warms up; energy is what was used between."""
    workers, timer = Answering(answers()), Timer()
    energy = iter([100.0, 130.0])
    monkeypatch.setattr(items, "energy_j", lambda: next(energy))
    before = items.WORKER_CLOCK.seconds
    items.test_train_step(CELL, 1, 2, plan, measuring_with(workers), timer)
    of = {"cell_id": CELL.id}
    assert workers.asked == [
        (CELL.where, in_worker.time_round, of | {"n": 8}),
        (CELL.where, in_worker.time_round, of | {"n": 48}),
        (CELL.where, in_worker.count, of),  # after the last of its turns
    ]
    assert timer.options == {"rounds": 1, "iterations": 1, "warmup_rounds": 0}
    assert items.WORKER_CLOCK.seconds == pytest.approx(before + 0.5)
    assert not timer.has_error
    record = read(plan, f"blocks/{CELL.id}-1-2.json")
    assert (record["block"], record["turn"], record["cell"]) == (1, 2, CELL.as_dict())
    assert record["energy_j"] == 30.0
    assert record["device_clock_s"] == 0.25
    assert 0.0 < record["caller_clock_s"] < 10.0
    assert record["benchmark"]["param"] == CELL.id
    assert record["benchmark"]["params"] == {"cell": CELL.id, "block": 1, "turn": 2}
    assert record["benchmark"]["stats"] == {"data": [0.5]}
    assert written(plan) == {f"blocks/{CELL.id}-1-2.json"}


def test_a_reader_is_told_what_was_timed(plan: Plan, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(items, "energy_j", lambda: None)
    timer = Timer()
    items.test_train_step(CELL, 0, 0, plan, measuring_with(Answering(answers())), timer)
    assert timer.extra_info == {name: FOUND[name] for name in items.FACTS} | {
        "cell": CELL.id,
        "backend": "keras3",
        "engine": "jax",
        "workload": "mlp_square",
        "overrides": {"a": 1},
        "mode": "multistep",
        "precision": "float32",
        "batch_size": 8,
        "device": "cpu",
        "versions": {"jax": "1"},
        "device_name": "a card",
        "numerics": {"tf32": False},
        "threads": None,
    }
    assert read(plan, f"blocks/{CELL.id}-0-0.json")["energy_j"] is None
    items.test_train_step(PAIR, 0, 0, plan, measuring_with(Answering(answers())), timer)
    assert (timer.extra_info["backend"], timer.extra_info["engine"]) == ("pytorch", None)


def test_counting_waits_for_the_last_turn(plan: Plan) -> None:
    workers = Answering(answers())
    items.test_train_step(CELL, 0, 0, plan, measuring_with(workers), Timer())
    assert in_worker.count not in [function for _, function, _ in workers.asked]


@pytest.mark.parametrize(("block", "turn"), [(0, 1), (2, 0)])
def test_turns_and_blocks_that_a_cell_does_without(plan: Plan, block: int, turn: int) -> None:
    workers = Answering({})
    with pytest.raises(pytest.skip.Exception, match="long and fewer"):
        items.test_train_step(CELL, block, turn, plan, measuring_with(workers), Timer())
    assert (workers.asked, written(plan)) == ([], set())


def test_what_was_not_proved_is_neither_timed_nor_measured(plan: Plan) -> None:
    measuring = measuring_with(Answering({}))
    del measuring.prepared[CELL.id]
    with pytest.raises(pytest.skip.Exception, match="not proved"):
        items.test_costs(CELL, plan, measuring)
    with pytest.raises(pytest.skip.Exception, match="not proved"):
        items.test_train_step(CELL, 0, 0, plan, measuring, Timer())
    assert written(plan) == set()


def test_a_worker_that_dies_ends_its_cell_alone(plan: Plan) -> None:
    failure = WorkerFailed("died", "killed", "its last words")
    measuring, timer = measuring_with(Answering(answers(time_round=failure))), Timer()
    with pytest.raises(pytest.fail.Exception, match="block 1: died: killed"):
        items.test_train_step(CELL, 1, 0, plan, measuring, timer)
    assert timer.has_error
    assert list(measuring.prepared) == [PAIR.id]
    assert read(plan, f"failures/{CELL.id}.json") == {
        "cell": CELL.as_dict(),
        "status": "failed",
        "stage": "block 1",
        "kind": "died",
        "error": "killed",
        "details": "its last words",
    }
    assert written(plan) == {f"failures/{CELL.id}.json"}


def test_an_interrupted_round_is_no_block(plan: Plan) -> None:
    timer = Timer()
    measuring = measuring_with(Answering(answers(time_round=KeyboardInterrupt())))
    with pytest.raises(KeyboardInterrupt):
        items.test_train_step(CELL, 0, 0, plan, measuring, timer)
    assert timer.has_error
    assert written(plan) == set()


def test_an_iteration_that_was_not_counted_is_a_failure(plan: Plan) -> None:
    counted = {"iterations_run": 56, "iterations_counted": 55, "left_at": None}
    measuring = measuring_with(Answering(answers(count=counted)))
    with pytest.raises(pytest.fail.Exception, match="miscounted"):
        items.test_train_step(CELL, 0, 2, plan, measuring, Timer())
    assert read(plan, f"failures/{CELL.id}.json")["kind"] == "miscounted"


@pytest.mark.parametrize("kind", [items.DIVERGES, "LeftAlone"])
def test_a_cell_that_leaves_the_finite_numbers(
    plan: Plan, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    """A GAN that diverges is of its group, and nobody's fault; a row alone has failed."""
    counted = {"iterations_run": 56, "iterations_counted": 56, "left_at": 17}
    workers, asked = Answering(answers(count=counted)), []

    def reason(*given: Any) -> WorkerFailed:
        asked.append(given)
        return WorkerFailed(kind, "not finite")

    monkeypatch.setattr(items.leaving, "reason", reason)
    monkeypatch.setattr(items.leaving, "others", lambda cell, group: ("others of", cell, group))
    measuring = measuring_with(workers)
    raised = pytest.skip.Exception if kind == items.DIVERGES else pytest.fail.Exception
    with pytest.raises(raised, match="not finite"):
        items.test_train_step(CELL, 0, 2, plan, measuring, Timer())
    beside = ("others of", CELL, [CELL, PAIR])
    assert asked == [(CELL, 17, beside, workers, "the reference")]
    if kind == items.DIVERGES:
        assert written(plan) == {f"diverged/{cell.id}.json" for cell in (CELL, PAIR)}
        expected = {"cell": PAIR.as_dict(), "error": "not finite"}
        assert read(plan, f"diverged/{PAIR.id}.json") == expected
        assert measuring.prepared == {}
    else:
        assert written(plan) == {f"failures/{CELL.id}.json"}
        assert list(measuring.prepared) == [PAIR.id]


def test_a_proof_is_written_once(plan: Plan) -> None:
    measuring = SimpleNamespace(prove=lambda cell: {"first_step_s": 2.0, "cell_id": cell.id})
    items.test_proof(CELL, plan, measuring)  # type: ignore[arg-type]
    expected = {"cell": CELL.as_dict(), "status": "proved", "first_step_s": 2.0}
    assert read(plan, f"proofs/{CELL.id}.json") == expected | {"cell_id": CELL.id}
    measuring.prove = lambda cell: {"first_step_s": 3.0}
    items.test_proof(CELL, plan, measuring)  # type: ignore[arg-type]
    assert read(plan, f"proofs/{CELL.id}.json")["first_step_s"] == 2.0


@pytest.mark.parametrize("stage", ["first step", "proof"])
def test_what_fails_before_it_is_timed_says_where(plan: Plan, stage: str) -> None:
    def fails(cell: Cell) -> None:
        raise WorkerFailed("CheckFailed", "over the limit")

    measuring: Any = SimpleNamespace(start=fails, prove=fails)
    test = items.test_first_step if stage == "first step" else items.test_proof
    with pytest.raises(pytest.fail.Exception, match=f"{stage}: CheckFailed"):
        test(CELL, plan, measuring)
    assert read(plan, f"failures/{CELL.id}.json")["stage"] == stage
    if stage == "first step":
        with pytest.raises(pytest.skip.Exception, match="first step failed"):
            items.test_proof(CELL, plan, measuring)
