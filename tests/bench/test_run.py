"""A whole small run in this process: the reference as a row, and a row that cannot start."""

import json
import time
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from bench.cells import Absent, Cell, Plan, with_pairs
from bench.environment import provenance
from bench.report import table
from bench.running import run_plan
from bench.workers import Where, Workers

QUIET = Console(quiet=True)


def cell(row: str) -> Cell:
    return Cell("mlp_square", row, "eager", "float64", "cpu", 8, "mlp_square")


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
    return Plan(cells=cells, round_s=0.01, seed=1, folder=records, **(fields | other))


def test_a_failing_cell_is_its_own_result_and_the_others_are_kept(tmp_path: Path) -> None:
    absent = (Absent("mlp_square", "flax_nnx", "eager", "never: by design"),)
    cells = (cell("reference"), cell("pytorch"))
    other: dict[str, Any] = {"absent": absent, "pythons": {"pytorch": "/nowhere/python"}}
    plan = small_plan(tmp_path, cells, blocks=2, costs=True, memory=True, **other)
    console = Console(record=True, width=150)
    code, result = run_plan(plan, console, provenance())
    table.show(console, result)
    printed = console.export_text()
    assert code == 1
    assert "1 cells measured, 1 cells declared absent with reason, 1 failed" in printed
    (measured,) = result["summary"]
    assert (measured["row"], measured["blocks"]) == ("reference", 2)
    assert result["failures"][0]["id"].startswith("mlp_square-pytorch-eager")
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

    def slow(self: Workers, where: Where, function: str, *arguments: Any) -> Any:
        time.sleep(waited_s if function == "bench.timing:time_round" else 0.0)
        return call(self, where, function, *arguments)

    monkeypatch.setattr(Workers, "call", slow)
    console = Console(record=True, width=150)
    plan = small_plan(tmp_path, (cell("reference"),), blocks=1)
    code, result = run_plan(plan, console, provenance())
    table.show(console, result)
    (benchmark,) = result["benchmarks"]
    assert code == 0
    assert benchmark["options"]["timer"] == "worker_clock"
    assert benchmark["extra_info"]["caller_clock_s"][0] > benchmark["stats"]["median"] + waited_s
    assert "the caller's clock and the worker's differ by" in console.export_text()


def test_what_an_earlier_run_compiled_is_not_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    call, seen = Workers.call, []

    def asked(self: Workers, where: Where, *arguments: Any) -> Any:
        seen.append(call(self, where, "os:getenv", {"key": "TORCHINDUCTOR_CACHE_DIR"}, 30.0))
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


def test_what_is_compared_is_timed_together_in_a_block(tmp_path: Path) -> None:
    path = "tests/meta/workloads/critic.toml"
    sizes = [Cell(path, "reference", "eager", "float64", "cpu", b, "critic") for b in (4, 6, 8)]
    plan = small_plan(tmp_path, with_pairs(tuple(sizes)), blocks=3)
    code, _ = run_plan(plan, QUIET, provenance())
    files = (tmp_path / "records" / "blocks").iterdir()
    names = [file.stem for file in sorted(files, key=lambda file: file.stat().st_mtime_ns)]
    blocks = [names[i : i + 6] for i in (0, 6, 12)]
    assert code == 0
    for number, block in enumerate(blocks):
        assert {name.rpartition("-")[2] for name in block} == {str(number)}
        for one, other in (block[0:2], block[2:4], block[4:6]):
            assert one.replace("-again", "") == other.replace("-again", "")


def _check_benchmarks(result: dict) -> None:
    """pytest-benchmark's own schema, with what a reader needs in extra_info."""
    assert {"machine_info", "commit_info", "benchmarks", "datetime", "version"} <= result.keys()
    first = result["benchmarks"][0]
    assert len(first["stats"]["data"]) == 1
    extra = first["extra_info"]
    wanted = (
        "backend engine workload spec_hash mode precision batch_size device steps_per_s "
        "updates_per_s images_per_s iterations_per_round first_step_s optimizer versions data proof"
    )
    assert set(wanted.split()) <= extra.keys()
    assert {"max_error", "limit", "batch_size"} <= extra["proof"].keys()
    assert extra["steps_per_s"] * 2 == extra["updates_per_s"]
    assert extra["steps_per_s"] * 8 == extra["images_per_s"]
