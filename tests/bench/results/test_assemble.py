"""A whole result from a folder: who has no speed, what surrounds the numbers, and where from."""

from dataclasses import asdict, replace
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

from bench.plan.cells import Absent, Cell, Control, Plan
from bench.plan.records import write_atomically
from bench.results import assemble
from bench.results.assemble import measured

ONE = Cell("a.toml", "row_a", "compiled", "float32", "cpu", 8, "gan")
CELLS = (ONE, replace(ONE, row="row_b"), replace(ONE, mode="eager"), replace(ONE, row="row_c"))
CONTROL = Control("bench.controls.one", "row_a", "cpu")


def plan_in(folder: Path, **more: Any) -> Plan:
    fields: dict[str, Any] = {"blocks": 2, "turns": 3, "round_s": 0.1, "seed": 11, "costs": True}
    fields |= {"memory": False, "identity": {}, "pythons": {}, "controls": (CONTROL,)}
    fields |= {"absent": (Absent("gan", "row_d", "multistep", "not there: it has none"),)}
    return Plan(cells=CELLS, folder=str(folder), **(fields | more))


def write_block(folder: Path, cell: Cell, block: int, seconds: float, **facts: Any) -> None:
    own = {
        "cell": cell.id,
        "workload": cell.label,
        "mode": cell.mode,
        "precision": cell.precision,
        "batch_size": cell.batch_size,
        "device": cell.device,
        "optimizer": "own",
        "iterations_per_round": 1,
        "updates_per_iteration": 2,
        "images_per_iteration": 3,
        "multiply_adds_per_iteration": 500_000_000,
        "first_step_s": 1.0,
        "first_iterations": 2,
        "draws_s_per_iteration": 0.001,
        "overhead_s": 0.002,
        "call_s": 0.0,
        "proof": {"max_error": 0.5, "limit": 2.0},
    }
    benchmark = {"param": cell.id, "stats": {"data": [seconds]}, "extra_info": own | facts}
    record = {"cell": asdict(cell), "block": block, "turn": 0, "benchmark": benchmark}
    record |= {"caller_clock_s": seconds, "device_clock_s": None, "energy_j": facts.get("energy")}
    write_atomically(folder / "blocks" / f"{cell.id}-{block}.json", record)


@pytest.fixture(name="folder")
def _folder(tmp_path: Path) -> Path:
    """Two cells with blocks; one that failed after its first block, one that diverged."""
    for block, seconds in enumerate((0.1, 0.3)):
        write_block(tmp_path, CELLS[1], block, seconds)
        write_block(tmp_path, CELLS[0], block, seconds / 2)
    write_block(tmp_path, CELLS[2], 0, 0.1)
    failure = {"cell": asdict(CELLS[2]), "stage": "timing", "kind": "died", "error": "exit code 9"}
    write_atomically(tmp_path / "failures" / "x.json", failure)
    diverged = {"cell": asdict(CELLS[3]), "error": "not finite from iteration 7 on"}
    write_atomically(tmp_path / "diverged" / "x.json", diverged)
    return tmp_path


def test_a_cell_that_failed_has_no_speed_but_keeps_its_blocks(folder: Path) -> None:
    found = measured(plan_in(folder))
    assert [cell["id"] for cell in found["summary"]] == [CELLS[0].id, CELLS[1].id]
    told = {"stage": "timing", "kind": "died", "error": "exit code 9"}
    assert found["failures"] == [{"id": CELLS[2].id, "cell": asdict(CELLS[2])} | told]
    words = "not finite from iteration 7 on"
    assert found["diverged"] == [{"id": CELLS[3].id, "workload": "gan", "error": words}]
    assert len(found["benchmarks"]) == 5
    assert {b["params"]["cell"] for b in found["benchmarks"]} == {cell.id for cell in CELLS[:3]}


def test_what_was_planned_and_is_not_there_is_said(folder: Path) -> None:
    found = measured(plan_in(folder))
    reason = "not there: it has none"
    assert found["absent"] == [
        {"label": "gan", "row": "row_d", "mode": "multistep", "reason": reason}
    ]
    assert [control["id"] for control in found["controls"]] == [CONTROL.id]
    assert found["spread"] == {"gan-float32-b8": "whole"}
    assert found["ceilings"] == {}


@pytest.mark.parametrize(("turns", "short"), [(3, False), (4, True)])
def test_more_turns_than_usual_are_short_rounds(folder: Path, turns: int, short: bool) -> None:
    (comparison,) = measured(plan_in(folder, turns=turns))["comparisons"]
    assert comparison["short_rounds"] is short


def test_a_summary_is_of_the_median_over_blocks(folder: Path) -> None:
    """Blocks of 20 and 20/3 iterations a second."""
    (one, _) = measured(plan_in(folder))["summary"]
    middle = (20 + 20 / 3) / 2
    assert one["steps_per_s"] == pytest.approx(middle)
    assert one["spread"] == pytest.approx((20 - 20 / 3) / 2 / middle)
    assert one["updates_per_s"] == pytest.approx(2 * middle)
    assert one["images_per_s"] == pytest.approx(3 * middle)
    assert one["gflop_per_s"] == pytest.approx(middle)
    assert one["draws_share"] == pytest.approx(0.001 * middle)
    assert one["overhead_share"] == pytest.approx(0.002 * middle)
    assert one["device_clock_differs"] is None
    assert one["proof_share"] == 0.25
    assert (one["proof_sensitive"], one["proof"]) == (False, "proved"), "as older proofs say it"
    assert one["cost"]["start_s"] == pytest.approx(1.0 - 2 / middle)


def test_draws_are_no_more_than_all_of_a_step(tmp_path: Path) -> None:
    """And what only some blocks have is the median of those."""
    more = {"draws_s_per_iteration": 9.0, "proof": {"max_error": 0.0, "limit": 0.0}}
    for block, joules in enumerate((None, 2.0, 8.0)):
        write_block(tmp_path, ONE, block, 0.1, energy=joules, **more)
    (one,) = measured(plan_in(tmp_path))["summary"]
    assert (one["draws_share"], one["proof_share"], one["blocks"]) == (1.0, 0.0, 3)
    assert one["energy_j_per_iteration"] == 5.0


def test_what_surrounds_the_numbers(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A host's name is not in it; afterwards the GPU is looked at once more."""
    asked: list[Any] = []
    told = {"node": "a host", "cpu": "an abacus"}
    monkeypatch.setattr(assemble, "pytest_benchmark_generate_machine_info", lambda: told)
    monkeypatch.setattr(assemble, "get_commit_info", lambda at: {"id": "abc", "at": at})
    monkeypatch.setattr(assemble, "gpu", lambda: {"name": "card A"})
    monkeypatch.setattr(assemble, "processes", lambda: {"count": 3})

    def installs(pythons: Any) -> Any:
        asked.append(pythons)
        return {"x": {}}

    monkeypatch.setattr(assemble, "installs", installs)
    plan = plan_in(folder, pythons={"row_a": "there"})
    found = assemble.assemble(plan, {"cpu": "an abacus", "turns": None})
    assert found["gantlet_schema"] == 4
    assert found["machine_info"] == {"node": "", "cpu": "an abacus"}
    assert found["commit_info"] == {"id": "abc", "at": str(assemble.ROOT)}
    assert found["provenance"] == {
        "cpu": "an abacus",
        "gpu_after": {"name": "card A"},
        "gpu_processes_after": {"count": 3},
        "shuffle_seed": 11,
        "turns": 3,
    }
    assert (found["installs"], asked) == ({"x": {}}, [{"row_a": "there"}])
    assert found["version"] == version("pytest-benchmark")
    offset = datetime.fromisoformat(found["datetime"]).utcoffset()
    assert offset is not None
    assert not offset
    numbers = measured(plan)
    assert {name: found[name] for name in numbers} == numbers
