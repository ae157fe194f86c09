"""A run's folder: a plan is read as it was written, and records that are there are not missing."""

import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest

from bench.plan import folder
from bench.plan.cells import Absent, Cell, Control, Plan
from bench.plan.records import write_atomically

ONE = Cell("mlp_small", "pytorch", "eager", "float32", "cpu", 8, "small", '{"a.b": [1]}')
AGAIN = replace(ONE, again=True)
OTHER = replace(ONE, batch_size=4)
CONTROL = Control("bench.controls.jax_gan", "flax_nnx", "cpu")


def plan_in(place: Path, *cells: Cell, **other: Any) -> Plan:
    """Two blocks of three turns, with costs."""
    fields: dict[str, Any] = {"absent": (), "blocks": 2, "turns": 3, "round_s": 0.25, "seed": 1}
    fields |= {"pythons": {}, "costs": True, "memory": False, "identity": {}}
    return Plan(cells=cells, folder=str(place), **fields | other)


def test_a_plan_comes_back_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plan = plan_in(
        tmp_path / "run",
        ONE,
        AGAIN,
        absent=(Absent("small", "flax_nnx", "multistep", "never: so"),),
        controls=(CONTROL, replace(CONTROL, again=True)),
        pythons={"pytorch": "/my/p\xe9thon"},
        rounds={ONE.id: 7},
        proofs="/kept",
        identity={"cpu": "an abacus"},
        prove_anew=True,
    )
    folder.write_plan(plan)
    path = tmp_path / "run" / "plan.json"
    assert "folder" not in json.loads(path.read_text("utf-8"))
    assert folder.read_plan(path) == plan
    monkeypatch.chdir(tmp_path)
    assert folder.read_plan(Path("run/plan.json")) == plan  # wherever it is read from


def test_an_older_plan_has_no_controls_and_keeps_no_proofs(tmp_path: Path) -> None:
    fields = asdict(plan_in(tmp_path, ONE))
    for name in ("controls", "proofs", "rounds", "prove_anew"):
        del fields[name]
    path = tmp_path / "plan.json"
    path.write_text(json.dumps(fields, ensure_ascii=False), "utf-8")
    assert folder.read_plan(path) == plan_in(tmp_path, ONE)


def test_paths_below_home_are_found_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/alice-7")
    put = {"data.path": "/home/alice-7/x.csv", "schedule.batch_size": 3}
    cell = replace(ONE, workload="/home/alice-7/a.toml", overrides=json.dumps(put))
    cell = replace(cell, data="/home/alice-7/samples")
    pythons = {"pytorch": "/home/alice-7/python"}
    plan = plan_in(tmp_path, cell, proofs="/home/alice-7/proofs", pythons=pythons)
    folder.write_plan(plan)
    assert "alice-7" not in (tmp_path / "plan.json").read_text("utf-8")
    assert folder.read_plan(tmp_path / "plan.json") == plan


def test_the_first_proof_of_a_cell(tmp_path: Path) -> None:
    plan = plan_in(tmp_path, ONE, OTHER)
    assert folder.first_proof(plan, ONE) == {}
    (tmp_path / "proofs").mkdir()
    (tmp_path / "proofs" / f"{ONE.id}.json").write_text('{"turns": [1], "a": "\xe9"}', "utf-8")
    assert folder.first_proof(plan, ONE) == {"turns": [1], "a": "\xe9"}
    assert folder.first_proof(plan, OTHER) == {}


def turns_of(cell: Cell, *places: tuple[int, int]) -> set[Path]:
    """Where turns of blocks lie."""
    return {Path("blocks") / f"{cell.id}-{block}-{turn}.json" for block, turn in places}


def test_what_of_a_cell_is_still_to_come(tmp_path: Path) -> None:
    plan = plan_in(tmp_path, ONE, AGAIN)
    every = [(block, turn) for block in (0, 1) for turn in (0, 1, 2)]
    costs = Path("costs") / f"{ONE.id}.json"
    assert folder.missing(plan, ONE) == {*turns_of(ONE, *every), costs}
    assert folder.missing(plan, AGAIN) == turns_of(AGAIN, *every)  # its costs are the first one's
    assert folder.missing(replace(plan, costs=False), ONE) == turns_of(ONE, *every)
    write_atomically(tmp_path / folder.place_of(ONE, 1, 2), {})
    write_atomically(tmp_path / folder.place_of(ONE), {})
    assert folder.missing(plan, ONE) == turns_of(ONE, *every[:-1])
    write_atomically(tmp_path / "proofs" / f"{ONE.id}.json", {"turns": [1], "blocks": [0, 2, 4]})
    assert folder.missing(plan, ONE) == turns_of(ONE, (0, 1), (2, 1), (4, 1))
    assert folder.missing(plan, AGAIN) == turns_of(AGAIN, *every)


@pytest.mark.parametrize("kind", ["failures", "diverged"])
def test_nothing_is_to_come_of_a_cell_that_ended(kind: str, tmp_path: Path) -> None:
    plan = plan_in(tmp_path, ONE, OTHER)
    write_atomically(tmp_path / kind / f"{ONE.id}.json", {})
    assert folder.missing(plan, ONE) == set()
    assert len(folder.missing(plan, OTHER)) == 2 * 3 + 1


def test_where_records_lie() -> None:
    assert folder.place_of(ONE) == Path("costs/small-pytorch-eager-float32-b8.json")
    assert folder.place_of(ONE, 0, 0) == Path("blocks/small-pytorch-eager-float32-b8-0-0.json")
    assert folder.place_of_control(CONTROL, ONE.group, 4, 2) == Path(
        "controls/jax_gan-cpu-small-float32-b8-4-2.json"
    )


def test_a_control_is_timed_once_and_not_after_it_failed(tmp_path: Path) -> None:
    plan, group, again = plan_in(tmp_path, ONE), ONE.group, replace(CONTROL, again=True)

    def missing(control: Control = CONTROL, block: int = 1, turn: int = 0) -> bool:
        return folder.control_missing(plan, control, group, block, turn)

    assert missing()
    write_atomically(tmp_path / folder.place_of_control(CONTROL, group, 1, 0), {})
    assert not missing()
    assert (missing(block=0), missing(turn=1), missing(again)) == (True, True, True)
    write_atomically(tmp_path / "control_failures" / f"{CONTROL.id}.json", {})
    assert (missing(), missing(turn=1), missing(again)) == (False, False, True)


def test_how_blocks_lie_in_a_run_s_time(tmp_path: Path) -> None:
    one, other = "small-float32-b8", "small-float32-b4"
    assert folder.spread(plan_in(tmp_path, ONE, AGAIN)) == {one: "whole"}
    plan = plan_in(tmp_path, ONE, OTHER)
    assert folder.spread(plan) == {one: "halves", other: "halves"}
    folder.note_together(plan, OTHER.group)
    assert folder.spread(plan) == {one: "halves", other: "whole"}
    assert [path.name for path in (tmp_path / "together").iterdir()] == [f"{other}.json"]
