"""Costs and controls, the items beside a cell's: what each asks, and what it writes."""

from pathlib import Path
from typing import Any

import pytest

from bench.plan.cells import Plan
from bench.plan.folder import place_of_control
from bench.timing import costs, test_controls, yardstick
from bench.timing import test_train_step as items
from bench.workers.pool import WorkerFailed
from tests.bench.timing.answering import (
    CELL,
    CONTROL,
    Answering,
    answers,
    measuring_with,
    plan_in,
    read,
    written,
)


@pytest.fixture(name="plan")
def _plan(tmp_path: Path) -> Plan:
    return plan_in(tmp_path)


def test_costs_are_measured_and_the_ceiling_once(plan: Plan) -> None:
    workers = Answering(answers())
    items.test_costs(CELL, plan, measuring_with(workers))
    expected = {"cell": CELL.as_dict(), "latency_s": {"1": 0.1}}
    assert read(plan, f"costs/{CELL.id}.json") == expected
    asked = {"row": "keras3-jax", "precision": "float32", "device": "cpu"}
    best = read(plan, "ceilings/keras3-jax-float32.json")
    assert best == asked | {"gflop_per_s": 100.0, "size": 512.0}
    assert workers.asked == [
        (CELL.where, costs.latency, {"cell_id": CELL.id}),
        (CELL.where, costs.ceiling, asked),
    ]
    items.test_costs(CELL, plan, measuring_with(workers))
    assert [function for _, function, _ in workers.asked][2:] == [costs.latency]


def test_memory_is_measured_in_a_worker_of_its_own(plan: Plan) -> None:
    workers = Answering(answers())
    with_memory = Plan(**{**vars(plan), "memory": True})
    items.test_costs(CELL, with_memory, measuring_with(workers))
    where = ("keras3-jax", "float32", "cpu", "memory")
    assert workers.asked[-1] == (where, costs.memory, {"cell": CELL.as_dict()})
    assert workers.ended == [where]
    assert read(plan, f"costs/{CELL.id}.json")["peak_memory_bytes"] == 5


def test_costs_that_fail_leave_what_was_timed(plan: Plan) -> None:
    failing = answers() | {costs.ceiling: WorkerFailed("hung", "no answer")}
    items.test_costs(CELL, plan, measuring_with(Answering(failing)))
    expected = {"cell": CELL.as_dict(), "latency_s": {"1": 0.1}, "failed": "hung: no answer"}
    assert read(plan, f"costs/{CELL.id}.json") == expected
    assert written(plan) == {f"costs/{CELL.id}.json"}


def test_a_control_s_turn_is_recorded(plan: Plan) -> None:
    """Rounds of half a cell's, or of a fifteenth of a block if these are longer."""
    found = {"seconds_per_iteration": 0.5, "iterations_per_round": 7}
    workers: Any = Answering({yardstick.time_turn: found})
    test_controls.test_control(CONTROL, CELL.group, 2, 1, plan, workers)
    ((where, _, asked),) = workers.asked
    assert where == CONTROL.where
    assert asked == {
        "program": CONTROL.program,
        "row": "pytorch",
        "stretch": "second halves",
        "round_s": 0.05,
        "iterations_per_round": None,
    }
    name = "mlp_square-float32-b8"
    record = {"id": CONTROL.id, "group": name, "block": 2, "turn": 1, **found}
    assert read(plan, str(place_of_control(CONTROL, CELL.group, 2, 1))) == record
    longer = Plan(**{**vars(plan), "round_s": 0.6})
    test_controls.test_control(CONTROL, CELL.group, 0, 0, longer, workers)
    assert workers.asked[1][2] == asked | {
        "stretch": name,
        "round_s": 0.3,
        "iterations_per_round": 7,
    }


def test_a_control_that_failed_is_not_asked_again(plan: Plan) -> None:
    workers: Any = Answering({yardstick.time_turn: WorkerFailed("died", "no memory")})
    with pytest.raises(pytest.skip.Exception, match="block 1: died: no memory"):
        test_controls.test_control(CONTROL, CELL.group, 1, 0, plan, workers)
    expected = {"id": CONTROL.id, "error": "block 1: died: no memory"}
    assert read(plan, f"control_failures/{CONTROL.id}.json") == expected
    with pytest.raises(pytest.skip.Exception, match="earlier turn"):
        test_controls.test_control(CONTROL, CELL.group, 1, 1, plan, workers)
    assert len(workers.asked) == 1
