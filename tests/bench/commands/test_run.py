"""A whole small run in this process: the reference as a row, and a row that cannot start."""

import json
import os
import time
from pathlib import Path
from statistics import median
from typing import Any

import pytest
from rich.console import Console

from bench.commands.running import run_plan
from bench.plan.cells import Absent, Cell, Plan, with_pairs
from bench.report import table
from bench.results.provenance import provenance
from bench.timing.cell import prepare, time_round
from bench.workers.pool import ONE_THREAD, Where, Workers

QUIET = Console(quiet=True)
TURNS = 3
TINY = "tests/bench/commands/tiny.toml"


def cell(row: str, batch_size: int = 8) -> Cell:
    return Cell(TINY, row, "eager", "float64", "cpu", batch_size, "tiny")


def small_plan(folder: Path, cells: tuple[Cell, ...], **other: Any) -> Plan:
    """Short rounds of these cells, and nothing beside them unless it is asked for."""
    fields: dict[str, Any] = {
        "absent": (),
        "pythons": {},
        "costs": False,
        "memory": False,
        "identity": {},
    }
    records = str(folder / "records")
    fields |= {"turns": TURNS, "round_s": 0.02} | other
    return Plan(cells=cells, seed=1, folder=records, **fields)


def test_a_failing_cell_is_its_own_result_and_the_others_are_kept(tmp_path: Path) -> None:
    absent = (Absent("tiny", "flax_nnx", "eager", "never: by design"),)
    cells = (cell("reference"), cell("pytorch"))
    other: dict[str, Any] = {"absent": absent, "pythons": {"pytorch": "/nowhere/python"}}
    plan = small_plan(tmp_path, cells, blocks=2, round_s=0.5, costs=True, memory=True, **other)
    console = Console(record=True, width=150)
    code, result = run_plan(plan, console, provenance())
    table.show(console, result)
    printed = console.export_text()
    assert code == 1
    assert "1 cells measured, 1 cells declared absent with reason, 1 failed" in printed
    (measured,) = result["summary"]
    assert (measured["row"], measured["blocks"]) == ("reference", 2)
    assert result["failures"][0]["id"].startswith("tiny-pytorch-eager")
    _check_benchmarks(result)
    json.dumps(result)


def test_what_float32_leaves_too_little_of_is_proved_in_float64_too(tmp_path: Path) -> None:
    path = "tests/meta/workloads/critic.toml"
    critic = Cell(path, "reference", "eager", "float32", "cpu", 6, "critic")
    plan = small_plan(tmp_path, (critic,), blocks=1)
    console = Console(record=True, width=150)
    code, result = run_plan(plan, console, provenance())
    table.show(console, result)
    proof = result["benchmarks"][0]["extra_info"]["proof"]
    assert code == 0
    assert proof["sensitive"]
    assert proof["float64"]["max_error"] <= proof["float64"]["limit"]
    assert "%*" in console.export_text()


def test_a_slow_call_is_in_no_time_and_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    call, waited_s = Workers.call, 0.1

    def slow(self: Workers, where: Where, function: Any, *arguments: Any) -> Any:
        time.sleep(waited_s if function is time_round else 0.0)
        return call(self, where, function, *arguments)

    monkeypatch.setattr(Workers, "call", slow)
    console = Console(record=True, width=150)
    plan = small_plan(tmp_path, (cell("reference"),), blocks=1)
    code, result = run_plan(plan, console, provenance())
    table.show(console, result)
    (benchmark,) = result["benchmarks"]
    assert code == 0
    assert benchmark["options"]["timer"] == "worker_clock"
    waited = zip(benchmark["extra_info"]["caller_clock_s"], benchmark["stats"]["data"], strict=True)
    assert all(call_s > round_s + waited_s for call_s, round_s in waited)
    assert "the caller's clock and the worker's differ by" in console.export_text()


def test_what_an_earlier_run_compiled_is_not_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    call, seen = Workers.call, []

    def asked(self: Workers, where: Where, *arguments: Any) -> Any:
        if ONE_THREAD not in where:  # the reference compiles nothing
            seen.append(call(self, where, os.getenv, {"key": "TORCHINDUCTOR_CACHE_DIR"}, 30.0))
        return call(self, where, *arguments)

    monkeypatch.setattr(Workers, "call", asked)
    path = "tests/meta/workloads/critic.toml"
    critic = Cell(path, "reference", "eager", "float64", "cpu", 6, "critic")
    folders = []
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
        plan = small_plan(tmp_path / name, (critic,), blocks=1)
        assert run_plan(plan, QUIET, provenance())[0] == 0
        folders.append(set(seen))
        seen.clear()
    (one,), (other,) = folders
    assert one
    assert other
    assert one != other
    assert not Path(one).exists()
    assert not Path(other).exists()


def test_what_is_compared_takes_turns_in_a_block(tmp_path: Path) -> None:
    sizes = [cell("reference", batch_size) for batch_size in (4, 6, 8)]
    plan = small_plan(tmp_path, with_pairs(tuple(sizes)), blocks=2, round_s=0.4)
    code, _ = run_plan(plan, QUIET, provenance())
    files = (tmp_path / "records" / "blocks").iterdir()
    names = [file.stem for file in sorted(files, key=lambda file: file.stat().st_mtime_ns)]
    places = [name.replace("-again", "").rsplit("-", 2) for name in names]
    turns = [places[i : i + 2] for i in range(0, len(places), 2)]
    assert code == 0
    assert len(turns) == len(sizes) * 2 * TURNS
    assert all(one == other for one, other in turns)
    groups = [turns[i : i + TURNS] for i in range(0, len(turns), TURNS)]
    for i, group in enumerate(groups):
        assert {cell for ((cell, _, _), _) in group} == {group[0][0][0]}
        assert [(block, turn) for ((_, block, turn), _) in group] == [
            (str(i // len(sizes)), str(turn)) for turn in range(TURNS)
        ]


def test_long_rounds_are_taken_in_fewer_turns(tmp_path: Path) -> None:
    plan = small_plan(tmp_path, (cell("reference"),), blocks=2, turns=5, round_s=1e-5)
    code, result = run_plan(plan, QUIET, provenance())
    assert code == 0
    assert [list(b["extra_info"]["step_time_s"]) for b in result["benchmarks"]] == [[2], [2]]
    assert [b["stats"]["rounds"] for b in result["benchmarks"]] == [1, 1]
    assert result["provenance"]["turns"] == 5
    assert [c["short_rounds"] for c in result["comparisons"]] == [True]
    names = sorted(file.stem[-4:] for file in (tmp_path / "records" / "blocks").iterdir())
    assert names == ["-0-2", "-1-2"]


def test_both_processes_of_a_pair_have_rounds_of_as_many_iterations(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One finds the number and the other is given it: by themselves they may find the same."""
    call, counts = Workers.call, []

    def noted(self: Workers, where: Where, function: Any, given: Any, *timeout: Any) -> Any:
        answer = call(self, where, function, given, *timeout)
        if function is prepare:
            counts.append((given["iterations_per_round"], answer["iterations_per_round"]))
        return answer

    monkeypatch.setattr(Workers, "call", noted)
    plan = small_plan(tmp_path, with_pairs((cell("reference"),)), blocks=1, turns=1)
    code, result = run_plan(plan, QUIET, provenance())
    timed = [b["extra_info"]["iterations_per_round"] for b in result["benchmarks"]]
    (_, found), _ = counts
    assert code == 0
    assert counts == [(None, found), (found, found)]
    assert timed == [found, found]


def test_rounds_have_as_many_iterations_as_the_plan_says(tmp_path: Path) -> None:
    cells = with_pairs((cell("reference"),))
    plan = small_plan(tmp_path, cells, blocks=1, rounds={cells[0].id: 7})
    code, result = run_plan(plan, QUIET, provenance())
    assert code == 0
    assert [b["extra_info"]["iterations_per_round"] for b in result["benchmarks"]] == [7, 7]


def test_the_harness_adds_next_to_nothing_to_a_round(tmp_path: Path) -> None:
    own = Cell("mlp_square", "reference", "eager", "float64", "cpu", 8, "mlp_square")
    plan = small_plan(tmp_path, (own,), blocks=1, round_s=0.05)
    _, result = run_plan(plan, QUIET, provenance())
    extra = result["benchmarks"][0]["extra_info"]
    assert 0.0 < extra["overhead_s"] < extra["call_s"]
    assert 0.0 < result["summary"][0]["overhead_share"] < 0.001


def _check_benchmarks(result: dict) -> None:
    """pytest-benchmark's own schema, with what a reader needs in extra_info."""
    assert {"machine_info", "commit_info", "benchmarks", "datetime", "version"} <= result.keys()
    first = result["benchmarks"][0]
    extra = first["extra_info"]
    rounds = first["stats"]["data"]
    assert len(rounds) == len(extra["step_time_s"]) == len(extra["caller_clock_s"]) == TURNS
    assert extra["steps_per_s"] == extra["iterations_per_round"] / median(rounds)
    wanted = (
        "backend engine workload spec_hash mode precision batch_size device steps_per_s "
        "updates_per_s images_per_s iterations_per_round first_step_s optimizer versions numerics "
        "data proof"
    )
    assert set(wanted.split()) <= extra.keys()
    assert {"max_error", "limit", "batch_size"} <= extra["proof"].keys()
    assert extra["steps_per_s"] * 2 == extra["updates_per_s"]
    assert extra["steps_per_s"] * 8 == extra["images_per_s"]
