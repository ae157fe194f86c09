"""Controls are timed among the cells, taken up again with them, and never fail a run."""

import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from bench.commands.running import run_plan
from bench.compare.calibration import Calibration
from bench.compare.comparing import compare
from bench.plan.cells import Cell, Control, Plan
from bench.plan.controls import FRAMEWORKS, controls_of
from bench.plan.records import write_atomically
from bench.plan.resuming import identity, take_up
from bench.report import table
from bench.results.provenance import provenance
from bench.results.reading import read
from bench.timing import yardstick
from bench.timing.test_controls import stretch
from tests.bench.commands.test_resuming import start, wait_for

BLOCKS, TURNS = 3, 3
SMALL = "tests/meta/workloads/vocabulary_b.toml"
GROUP = "vocabulary_b-float64-b8"
CELL = Cell(SMALL, "reference", "eager", "float64", "cpu", 8, "vocabulary_b")


def plan_in(folder: Path, program: str) -> Plan:
    """One cell of the reference and one control."""
    controls = (Control(f"tests.bench.timing.{program}", "reference", "cpu"),)
    plan = replace(plan_of(controls), folder=str(folder / "run.records"))
    write_atomically(folder / "run.records" / "plan.json", asdict(plan))
    return plan


def plan_of(controls: tuple[Control, ...]) -> Plan:
    """One cell of the reference, with these controls."""
    return Plan(
        cells=(CELL,),
        absent=(),
        blocks=BLOCKS,
        turns=TURNS,
        round_s=0.004,
        seed=1,
        pythons={},
        folder="",
        costs=True,
        memory=False,
        identity=identity((CELL,)),
        controls=controls,
    )


def run(plan: Plan) -> tuple[dict[str, Any], dict[str, Any], str]:
    """(result, its control, what was printed) of a run without a failure."""
    console = Console(record=True, width=140)
    code, result = run_plan(plan, console, provenance())
    table.show(console, result)
    assert (code, result["failures"]) == (0, [])
    assert [cell["blocks"] for cell in result["summary"]] == [BLOCKS]
    (control,) = result["controls"]
    return result, control, console.export_text()


def test_a_control_is_timed_in_every_block_and_is_no_cell(tmp_path: Path) -> None:
    result, control, printed = run(plan_in(tmp_path, "control_program"))
    assert control["id"] == "control_program-cpu"
    assert sorted(control["groups"][GROUP]) == list(range(BLOCKS))
    assert all(sorted(turns) == list(range(TURNS)) for turns in control["groups"][GROUP].values())
    assert all(0 < s < 10 for turns in control["groups"][GROUP].values() for s in turns.values())
    assert control["error"] is None
    assert "control_program" not in printed.partition("cells measured")[2]
    assert "1 cells measured" in printed
    for name in ("a.json", "b.json"):
        write_atomically(tmp_path / name, result)
    found = compare([read(tmp_path / "a.json")], [read(tmp_path / "b.json")], Calibration())
    assert found.controls == ["control_program-cpu"]
    assert found.changes[0].ratio.value == pytest.approx(1.0)


def test_a_control_that_breaks_fails_nothing_and_is_no_yardstick(tmp_path: Path) -> None:
    result, control, printed = run(plan_in(tmp_path, "breaking_control"))
    assert sorted(control["groups"][GROUP]) == [0, 1]
    assert "MemoryError: no memory left" in control["error"]
    assert "control breaking_control-cpu: block 2: MemoryError" in printed
    write_atomically(tmp_path / "a.json", result)
    found = compare([read(tmp_path / "a.json")], [read(tmp_path / "a.json")], Calibration())
    assert (found.controls, found.machine) == ([], None)


def test_a_program_is_made_for_each_first_half_and_once_for_all_second_ones(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    other = replace(CELL, batch_size=4)
    plan = replace(plan_of(()), cells=(CELL, other), blocks=5)
    turns = [(CELL, 0), (CELL, 2), (other, 0), (other, 2), (other, 3), (CELL, 3), (other, 4)]
    made: list[str] = []

    def made_again(module: Any) -> Any:
        made.append(module.__name__)
        return lambda n: 0.001 * n

    monkeypatch.setattr(yardstick, "_made", made_again)
    monkeypatch.setattr(yardstick, "_LIVE", {})
    counts = []
    for cell, block in turns:
        yardstick.time_turn(
            "tests.bench.timing.control_program",
            "reference",
            0.01,
            stretch(plan, cell.group, block),
            10,
        )
        counts.append(len(made))
    assert counts == [1, 1, 2, 2, 3, 3, 3]


def test_a_killed_run_keeps_its_controls_blocks(tmp_path: Path) -> None:
    plan = plan_in(tmp_path, "control_program")
    folder = Path(plan.folder) / "controls"
    process = start(plan)
    wait_for(lambda: list(folder.glob("*-1-*.json")))
    process.kill()
    process.wait()
    before = {path: path.read_bytes() for path in folder.glob("*.json")}
    _, control, _ = run(take_up(Path(plan.folder), {}))
    assert len(control["groups"][GROUP]) == BLOCKS
    assert {path: path.read_bytes() for path in before} == before


def test_controls_and_cells_are_timed_turn_by_turn(tmp_path: Path) -> None:
    plan = plan_in(tmp_path, "control_program")
    run(plan)
    folder = Path(plan.folder)
    files = [*folder.glob("blocks/*.json"), *folder.glob("controls/*.json")]
    records = [json.loads(file.read_text()) for file in sorted(files, key=written)]
    order = [(record["block"], record["turn"]) for record in records]
    assert order == sorted(order)
    controls = [place for record, place in zip(records, order, strict=True) if "cell" not in record]
    assert controls == [(block, turn) for block in range(BLOCKS) for turn in range(TURNS)]


@pytest.mark.parametrize("given", [None, 5])
def test_both_processes_of_a_control_have_rounds_of_as_many_iterations(
    given: int | None, tmp_path: Path
) -> None:
    """Without a number in the plan one finds it, and two would hardly find the same."""
    plan = plan_in(tmp_path, "clocked_program")
    (once,) = plan.controls
    rounds = {once.id: given} if given else {}
    controls = (once, replace(once, again=True))
    plan = replace(plan, controls=controls, rounds=rounds, round_s=0.05)
    code, result = run_plan(plan, Console(quiet=True), provenance())
    one, other = (control["iterations_per_round"] for control in result["controls"])
    assert code == 0
    assert one == other
    assert one == given if given else 50 <= one <= 60  # of a millisecond each
    for control in result["controls"]:
        turns = [turn for block in control["groups"][GROUP].values() for turn in block.values()]
        assert turns == pytest.approx([1e-3] * BLOCKS * TURNS)
    assert [len(control["groups"][GROUP]) for control in result["controls"]] == [BLOCKS] * 2


def written(path: Path) -> int:
    return path.stat().st_mtime_ns


def test_one_control_for_each_framework_on_the_cells_device() -> None:
    rows = (*FRAMEWORKS, "reference")
    cells = [Cell("x", row, "eager", "float32", "cuda", 8, "x") for row in rows]
    found = controls_of(cells)
    assert [control.program.rpartition(".")[2] for control in found] == [
        "pytorch_mlp_square",
        "tensorflow_mlp_square",
        "jax_mlp_square",
    ]
    assert {control.device for control in found} == {"cuda"}
    assert not {control.where for control in found} & {cell.where for cell in cells}


def test_a_run_for_compare_has_each_control_in_two_processes() -> None:
    cells = [Cell("x", row, "eager", "float32", "cpu", 8, "x") for row in FRAMEWORKS]
    once, found = controls_of(cells), controls_of(cells, twice=True)
    assert [control.again for control in found] == [False] * 3 + [True] * 3
    assert [control.program for control in found] == [control.program for control in once] * 2
    for name in ("id", "where"):
        assert len({getattr(control, name) for control in found}) == 6
