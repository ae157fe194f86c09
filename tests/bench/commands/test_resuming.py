"""Killed at any moment, a run goes on where it was: nothing is lost, nothing is measured twice."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path

import pytest
from rich.console import Console

from bench.commands.interruption import Interruption
from bench.commands.running import run_plan
from bench.plan.cells import Cell, Plan, with_pairs
from bench.plan.folder import first_proof, write_plan
from bench.plan.records import write_atomically
from bench.plan.resuming import identity, take_up
from bench.results.provenance import provenance
from bench.workers.pool import ROOT
from spec.errors import UserError
from tests.bench.commands.test_cli import bench

BLOCKS = 3


@pytest.fixture(name="plan")
def _plan(tmp_path: Path) -> Plan:
    """Two cells of the reference, each in a worker of its own; neither costs nor memory."""
    small = "tests/meta/workloads/vocabulary_b.toml"
    cells = with_pairs((Cell(small, "reference", "eager", "float64", "cpu", 8, "vocabulary_b"),))
    plan = Plan(
        cells=cells,
        absent=(),
        blocks=BLOCKS,
        turns=3,
        round_s=0.004,
        seed=1,
        pythons={},
        folder=str(tmp_path / "run.records"),
        costs=False,
        memory=False,
        identity=identity(cells),
    )
    write_atomically(tmp_path / "run.records" / "plan.json", asdict(plan))
    return plan


def start(plan: Plan) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "tests.bench.commands.driver", f"{plan.folder}/plan.json"]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def wait_for(holds: Callable[[], object], seconds: float = 120.0) -> None:
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "it did not come to that"
        time.sleep(0.005)


def blocks(plan: Plan, kind: str = "blocks") -> dict[str, tuple[int, bytes]]:
    """Each finished turn of a block, or proof: when it was written, and its content."""
    files = sorted(Path(plan.folder, kind).glob("*.json"))
    return {file.name: (file.stat().st_mtime_ns, file.read_bytes()) for file in files}


def expected_of(plan: Plan, cell: Cell) -> set[str]:
    """The turns of all blocks of a cell, as many as its first proof found."""
    found = first_proof(plan, cell)
    return {f"{cell.id}-{b}-{turn}.json" for b in found["blocks"] for turn in found["turns"]}


def expected(plan: Plan) -> set[str]:
    """The turns of all blocks of all cells."""
    return set[str]().union(*(expected_of(plan, cell) for cell in plan.cells))


def workers_of(process: int) -> list[int]:
    text = Path(f"/proc/{process}/task/{process}/children").read_text(encoding="ascii")
    return [int(word) for word in text.split()]


def finish(plan: Plan) -> dict:
    """Take the run up and complete it."""
    code, result = run_plan(take_up(Path(plan.folder), {}), Console(quiet=True), provenance())
    assert (code, result["failures"]) == (0, [])
    chosen = [len(first_proof(plan, cell)["blocks"]) for cell in plan.cells]
    assert sorted(cell["blocks"] for cell in result["summary"]) == sorted(chosen)
    return result


def with_costs(plan: Plan) -> Plan:
    """What is measured once a cell too: what it costs and the memory that it takes."""
    plan = replace(plan, costs=True, memory=True)
    write_atomically(Path(plan.folder) / "plan.json", asdict(plan))
    return plan


def test_a_killed_run_is_completed(plan: Plan) -> None:
    plan = with_costs(plan)
    process = start(plan)
    wait_for(lambda: blocks(plan))
    process.kill()
    process.wait()
    before, proofs = blocks(plan), blocks(plan, "proofs")
    assert before.keys() < expected(plan)
    finish(plan)
    after = blocks(plan)
    assert proofs
    assert blocks(plan, "proofs") == proofs
    assert after.keys() == expected(plan)
    assert {name: after[name] for name in before} == before


def test_paths_below_home_are_not_written_and_are_found_again(
    plan: Plan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "home" / "alice"
    home.mkdir(parents=True)
    for name, value in {"HOME": str(home), "USER": "alice", "LOGNAME": "alice"}.items():
        monkeypatch.setenv(name, value)
    path, python = home / "gan.toml", home / "python"
    path.write_bytes((ROOT / plan.cells[0].workload).read_bytes())
    python.symlink_to(sys.executable)
    cells = tuple(replace(cell, workload=str(path)) for cell in plan.cells)
    write_plan(replace(plan, cells=cells, pythons={"pytorch": str(python)}))
    assert "alice" not in Path(plan.folder, "plan.json").read_text(encoding="utf-8")
    taken = take_up(Path(plan.folder), {})
    assert (taken.cells, taken.pythons) == (cells, {"pytorch": str(python)})
    assert start(plan).wait(120) == 0
    written = [file.read_text("utf-8") for file in Path(plan.folder).glob("*/*.json")]
    assert written
    assert not any("alice" in text for text in written)


def test_paths_with_a_secret_have_to_be_given_again(
    plan: Plan, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", "s3cr3t")
    write_plan(replace(plan, pythons={"reference": "/data/s3cr3t/python"}))
    with pytest.raises(UserError, match="give it again with --python reference=PATH"):
        take_up(Path(plan.folder), {})
    assert take_up(Path(plan.folder), {"reference": sys.executable}).cells == plan.cells
    write_plan(replace(plan, cells=(replace(plan.cells[0], workload="/data/s3cr3t/gan.toml"),)))
    with pytest.raises(UserError, match="start a new run"):
        take_up(Path(plan.folder), {})


def test_ctrl_c_twice_ends_a_run_cleanly(plan: Plan) -> None:
    process = start(plan)
    wait_for(lambda: blocks(plan))
    for _ in range(2):  # as `timeout` and impatient people send it
        process.send_signal(signal.SIGINT)
    assert process.wait(60) == 130
    before = blocks(plan)
    finish(plan)
    assert {name: blocks(plan)[name] for name in before} == before


def test_a_ctrl_c_that_was_swallowed_comes_back_before_the_next_item() -> None:
    with Interruption() as interruption:
        interruption.pytest_runtest_logstart()  # nobody has asked
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGINT)  # the second changes nothing
        with pytest.raises(KeyboardInterrupt):
            interruption.pytest_runtest_logstart()


def test_ctrl_c_while_a_result_is_put_together_is_too_late() -> None:
    with Interruption() as interruption:
        interruption.finishing = True
        os.kill(os.getpid(), signal.SIGINT)
    assert interruption.code == 130


@pytest.mark.parametrize("number", [0, 1])
def test_a_killed_worker_is_marked_and_its_cell_completed(plan: Plan, number: int) -> None:
    process = start(plan)
    wait_for(lambda: blocks(plan))
    os.kill(workers_of(process.pid)[number], signal.SIGKILL)  # they start in any order
    assert process.wait(120) == 1
    (failure,) = Path(plan.folder, "failures").glob("*.json")
    assert json.loads(failure.read_text(encoding="utf-8"))["kind"] == "died"
    before = blocks(plan)
    other = next(cell for cell in plan.cells if cell.id != failure.stem)
    assert expected_of(plan, other) <= before.keys()
    finish(plan)
    assert {name: blocks(plan)[name] for name in before} == before


@pytest.mark.parametrize(
    ("iterations", "turns", "chosen"), [(5, [1], [0]), (1, [0, 2], list(range(BLOCKS)))]
)
def test_rounds_turns_and_blocks_stay_as_the_first_proof_found_them(
    plan: Plan, iterations: int, turns: list[int], chosen: list[int]
) -> None:
    plan = replace(plan, round_s=1e-5)  # found anew, they would be one iteration and turn 1
    write_atomically(Path(plan.folder) / "plan.json", asdict(plan))
    process = start(plan)
    wait_for(lambda: len(blocks(plan, "proofs")) == len(plan.cells))
    process.kill()
    process.wait()
    for path in Path(plan.folder, "blocks").glob("*.json"):
        path.unlink()
    for path in Path(plan.folder, "proofs").glob("*.json"):
        record = json.loads(path.read_text(encoding="utf-8"))
        kept = {"iterations_per_round": iterations, "turns": turns, "blocks": chosen}
        write_atomically(path, record | kept)
    extras = [benchmark["extra_info"] for benchmark in finish(plan)["benchmarks"]]
    assert {extra["iterations_per_round"] for extra in extras} == {iterations}
    assert {tuple(extra["step_time_s"]) for extra in extras} == {tuple(turns)}
    assert len(extras) == len(plan.cells) * len(chosen)


def test_a_complete_run_has_nothing_to_do(plan: Plan) -> None:
    assert start(plan).wait(120) == 0
    before = blocks(plan)
    finish(plan)
    assert blocks(plan) == before


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("spec", {}, "the spec of a workload is not what it was"),
        ("cpu", "an abacus", "cpu is not what it was: an abacus then"),
        ("git_revision", "0" * 40, "git revision is not what it was"),
    ],
)
def test_other_specs_machines_and_revisions_are_not_mixed_in(
    plan: Plan, name: str, value: object, expected: str
) -> None:
    other = replace(plan, identity=plan.identity | {name: value})
    write_atomically(Path(plan.folder) / "plan.json", asdict(other))
    with pytest.raises(UserError, match=expected):
        take_up(Path(plan.folder), {})


def test_other_versions_are_not_mixed_in(plan: Plan) -> None:
    found = {"backend": {"versions": {"numpy": "0.1"}, "device": "cpu"}}
    record = {"cell": plan.cells[0].as_dict(), "status": "proved", **found}
    write_atomically(Path(plan.folder) / "proofs" / f"{plan.cells[0].id}.json", record)
    with pytest.raises(UserError, match="versions is not what it was"):
        take_up(Path(plan.folder), {})


def test_wrong_paths_and_options_are_one_line(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text("{", encoding="utf-8")
    (tmp_path / "b.records").mkdir()
    (tmp_path / "b.records" / "plan.json").write_text("{", encoding="utf-8")
    for path in (tmp_path / "a.json", tmp_path / "b.records", tmp_path / "none"):
        done = bench("run", "--resume", str(path))
        assert (done.returncode, len(done.stderr.splitlines())) == (2, 1)
        assert "no plan of an interrupted run" in done.stderr
    done = bench("run", "--resume", str(tmp_path), "--blocks", "3")
    assert done.returncode == 2
    assert "leave --blocks out" in done.stderr
