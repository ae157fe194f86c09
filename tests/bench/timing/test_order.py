"""The order of a run's items, and which of them a run that is taken up again still needs."""

from collections.abc import Iterator
from itertools import groupby, product
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from bench.plan.cells import Cell, Control, Plan
from bench.plan.folder import place_of, place_of_control
from bench.plan.records import write_atomically
from bench.timing import order

CONTROL = Control("bench.controls.a_program", "pytorch", "cpu")
BLOCKS, TURNS = 3, 2


def cell(workload: str, mode: str) -> Cell:
    return Cell(workload, "pytorch", mode, "float32", "cpu", 8, workload)


CELLS = tuple(cell(*of) for of in product(("mlp_square", "mlp_small"), ("eager", "compiled")))
SMALL, SQUARE = ("mlp_small", "float32", 8), ("mlp_square", "float32", 8)


def plan_in(folder: Path, seed: int = 1) -> Plan:
    fields: dict[str, Any] = {"absent": (), "pythons": {}, "memory": False, "identity": {}}
    fields |= {"blocks": BLOCKS, "turns": TURNS, "round_s": 0.1, "costs": True}
    return Plan(cells=CELLS, seed=seed, folder=str(folder), controls=(CONTROL,), **fields)


def item(test: str, **parameters: Any) -> Any:
    """Like a pytest item."""
    name = f"{test}[{'-'.join(str(getattr(v, 'id', v)) for v in parameters.values())}]"
    call = SimpleNamespace(params=parameters)
    return SimpleNamespace(originalname=test, callspec=call, nodeid=name)


def all_items() -> Iterator[Any]:
    for one in CELLS:
        for test in ("test_costs", "test_proof", "test_first_step"):
            yield item(test, cell=one)
        for block, turn in product(range(BLOCKS), range(TURNS)):
            yield item("test_train_step", cell=one, block=block, turn=turn)
    for group, block, turn in product((SQUARE, SMALL), range(BLOCKS), range(TURNS)):
        yield item("test_control", control=CONTROL, group=group, block=block, turn=turn)


def ordered(plan: Plan) -> list[Any]:
    return sorted(all_items(), key=order.place(plan))


def stage(one: Any) -> tuple[Any, ...]:
    """What follows each other: (group, a stage or a block, turn)."""
    return order.group_of(one), one.callspec.params.get("block", one.originalname)


def test_a_group_after_the_other_and_the_second_halves_at_the_end(tmp_path: Path) -> None:
    """mlp_small is the cheaper. Of three blocks two are timed at once."""
    found = [key for key, _ in groupby(ordered(plan_in(tmp_path)), stage)]
    first = ["test_first_step", "test_proof", 0, 1]
    assert found[:8] == [(group, of) for group in (SMALL, SQUARE) for of in first]
    assert sorted(found[8:10], key=str) == [(SMALL, 2), (SQUARE, 2)]
    assert found[10:] == [(SMALL, "test_costs"), (SQUARE, "test_costs")]


def test_stages_are_in_the_plan_s_order_and_turns_are_shuffled(tmp_path: Path) -> None:
    items = ordered(plan_in(tmp_path))
    for test in ("test_first_step", "test_proof", "test_costs"):
        cells = [one.callspec.params["cell"] for one in items if one.originalname == test]
        assert cells == [*CELLS[2:], *CELLS[:2]]
    timed = [one for one in items if order.block_of(one) is not None]
    turns = [
        (key, [one.nodeid.partition("-0")[0] for one in of])
        for key, of in groupby(
            timed, lambda one: (order.group_of(one), order.block_of(one), turn_of(one))
        )
    ]
    assert len(turns) == 2 * BLOCKS * TURNS  # each turn has all, together
    for (group, block, _), names in turns:
        assert len(names) == 3, (group, block)
    of_small = [
        tuple(
            "control" if "control" in n else "eager" if "eager" in n else "compiled" for n in names
        )
        for (group, *_), names in turns
        if group == SMALL
    ]
    assert len(set(of_small)) > 1
    assert all(set(names) == {"control", "eager", "compiled"} for names in of_small)


def turn_of(one: Any) -> int:
    turn: int = one.callspec.params["turn"]
    return turn


def test_the_seed_decides_the_order(tmp_path: Path) -> None:
    names = [[one.nodeid for one in ordered(plan_in(tmp_path, seed))] for seed in (1, 1, 2)]
    assert names[0] == names[1]
    assert names[0] != names[2]


def test_groups_of_the_second_halves_are_shuffled(tmp_path: Path) -> None:
    firsts = set()
    for seed in range(8):
        items = ordered(plan_in(tmp_path, seed))
        late = [one for one in items if order.block_of(one) == 2]
        firsts.add(order.group_of(late[0]))
    assert firsts == {SMALL, SQUARE}


def test_the_early_half_is_what_a_first_table_waits_for(tmp_path: Path) -> None:
    plan = plan_in(tmp_path)
    items = ordered(plan)
    early = [one for one in items if order.in_early_half(plan, one)]
    assert {one.originalname for one in early} == {
        "test_first_step",
        "test_proof",
        "test_train_step",
        "test_control",
    }
    assert {order.block_of(one) for one in early} == {None, 0, 1}
    wanted = 2 * len(CELLS) + 2 * TURNS * (len(CELLS) + 2)  # two stages; two blocks, two groups
    assert len(early) == wanted
    assert early == items[:wanted]


@pytest.fixture(name="plan")
def _plan(tmp_path: Path) -> Plan:
    return plan_in(tmp_path)


def needed(plan: Plan) -> set[str]:
    of = order.needed(plan)
    return {one.nodeid for one in all_items() if of(one)}


def test_a_new_run_needs_everything(plan: Plan) -> None:
    assert needed(plan) == {one.nodeid for one in all_items()}


def test_what_is_recorded_is_not_measured_again(plan: Plan) -> None:
    one = CELLS[0]
    done = item("test_train_step", cell=one, block=1, turn=0)
    write_atomically(Path(plan.folder) / place_of(one, 1, 0), {})
    assert {i.nodeid for i in all_items()} - needed(plan) == {done.nodeid}
    costs = item("test_costs", cell=one)
    write_atomically(Path(plan.folder) / place_of(one), {})
    assert {i.nodeid for i in all_items()} - needed(plan) == {done.nodeid, costs.nodeid}


def test_a_cell_that_has_all_is_not_even_proved(plan: Plan) -> None:
    one = CELLS[0]
    write_atomically(Path(plan.folder) / place_of(one), {})
    for block, turn in product(range(BLOCKS), range(TURNS)):
        write_atomically(Path(plan.folder) / place_of(one, block, turn), {})
    own = {i.nodeid for i in all_items() if i.callspec.params.get("cell") == one}
    assert {i.nodeid for i in all_items()} - needed(plan) == own


def test_a_cell_that_failed_is_not_tried_again(plan: Plan) -> None:
    write_atomically(Path(plan.folder) / "failures" / f"{CELLS[1].id}.json", {})
    own = {i.nodeid for i in all_items() if i.callspec.params.get("cell") == CELLS[1]}
    assert {i.nodeid for i in all_items()} - needed(plan) == own


def test_a_control_is_needed_by_group_block_and_turn(plan: Plan) -> None:
    write_atomically(Path(plan.folder) / place_of_control(CONTROL, SMALL, 2, 1), {})
    done = item("test_control", control=CONTROL, group=SMALL, block=2, turn=1)
    assert {i.nodeid for i in all_items()} - needed(plan) == {done.nodeid}
