"""Whole runs in the reference: what they measure, cut and gone on with, with a row that fails."""

import json
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rich.console import Console

import backends
import spec
from backends.protocol import Settings
from bench.commands import converging
from bench.convergence import results
from bench.convergence.plan import Convergence
from bench.convergence.reaching import by_row
from bench.plan.cells import Cell
from bench.training import length
from bench.training.makers import inputs_of, makers
from bench.training.quality import gaussian
from bench.workers.pool import ROOT, WorkerFailed, Workers
from spec.state import init_state
from spec.target import AnyTarget
from tests.bench.convergence.test_results import SETTLES

QUIET = Console(quiet=True)
SEEDS = (1, 3, 4)
"""One that reaches it after some evaluations, one late or never, one between."""
CELL = Cell(SETTLES, "reference", "eager", "float64", "cpu", 8, "settles")


def plan(**fields: Any) -> Convergence:
    target = spec.load(SETTLES).target
    assert target is not None
    target = target.model_copy(update={"longest": 320} | fields.pop("target", {}))
    own: dict[str, Any] = {
        "cells": (CELL,),
        "put": {},
        "target": target,
        "seeds": SEEDS,
        "to_end": False,
    }
    return Convergence(**(own | fields))


def run(path: Path, of: Convergence, **fields: Any) -> int:
    return converging.carry_out((of,), path, QUIET, {}, **fields)


def traces(path: Path) -> dict[int, dict[str, Any]]:
    """Seed -> what was measured, but for the seconds."""
    made = results.read(path).workloads["settles"].rows["reference"].trainings
    return {one.seed: one.model_dump(exclude={"seconds"}) for one in made}


@pytest.fixture(name="whole", scope="module")
def _whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("whole") / "one.json"
    assert run(path, plan()) == 0
    return path


@pytest.fixture(name="calls")
def _calls(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, Any]]:
    """What workers are asked, in order."""
    call = Workers.call
    asked: list[tuple[str, Any]] = []

    def noted(self: Workers, where: Any, function: Any, given: Any, timeout_s: float) -> Any:
        asked.append((function.__name__, given))
        return call(self, where, function, given, timeout_s)

    monkeypatch.setattr(Workers, "call", noted)
    return asked


def by_hand(seed: int, target: AnyTarget) -> tuple[list[float], list[float]]:
    """Errors of mean and deviation after each evaluation, in one uncut `run` up to each."""
    workload = spec.load(SETTLES)
    chunk = length.grid(workload)
    program = backends.prepare("reference", workload, Settings("eager", "float64", "cpu", chunk))
    (maker,) = makers(workload)
    given = inputs_of(workload, maker, {}, target.samples)
    means, deviations = [], []
    for n in range(target.every, 5 * target.every + 1, target.every):
        state = program.import_state(init_state(workload, seed))
        state, _ = program.run(state, program.place({}), seed, n)
        rows = np.asarray(program.generate(state, maker.network, given))
        means.append(gaussian.mean_error(rows, 0.0))
        deviations.append(gaussian.std_error(rows, 0.5))
    return means, deviations


def test_what_is_measured_is_the_row_s_own_training(whole: Path) -> None:
    made = traces(whole)
    for seed in SEEDS:
        means, deviations = by_hand(seed, plan().target)
        count = min(5, len(made[seed]["quality"]["mean_error"]))
        assert made[seed]["quality"]["mean_error"][:count] == pytest.approx(means[:count], 1e-5)
        assert made[seed]["quality"]["std_error"][:count] == pytest.approx(deviations[:count], 1e-5)


def test_a_training_ends_at_its_target_or_at_the_longest(whole: Path) -> None:
    made = {one.seed: one for one in by_row(results.read(whole).workloads["settles"])["reference"]}
    reached = [one for one in made.values() if one.reached]
    assert 0 < len(reached) < len(SEEDS)
    for one in made.values():
        assert one.trained == (one.iterations + 2 * 32 if one.reached else 320)


def test_seconds_are_of_training_and_rise(whole: Path) -> None:
    row = results.read(whole).workloads["settles"].rows["reference"]
    for one in row.trainings:
        assert one.seconds[0] > 0
        assert one.seconds == sorted(one.seconds)
    assert len(row.first_chunk_s) == 1


def test_one_process_makes_all_trainings_of_a_row(
    tmp_path: Path, calls: list[tuple[str, Any]]
) -> None:
    assert run(tmp_path / "one.json", plan()) == 0
    names = [name for name, _ in calls]
    assert names.count("prepare") == 1
    assert [given["seed"] for name, given in calls if name == "begin"] == list(SEEDS)


def test_a_run_that_was_cut_goes_on_and_comes_to_the_same(
    whole: Path, tmp_path: Path, calls: list[tuple[str, Any]]
) -> None:
    path = tmp_path / "one.json"
    assert run(path, plan(seeds=SEEDS[:1])) == 0
    first = traces(path)
    calls.clear()
    assert run(path, plan()) == 0
    assert [given["seed"] for name, given in calls if name == "begin"] == list(SEEDS[1:])
    assert traces(path) == traces(whole)
    assert traces(path)[SEEDS[0]] == first[SEEDS[0]]
    calls.clear()
    assert run(path, plan()) == 0
    assert calls == []


def test_no_time_makes_no_training_and_says_how_many_are_left(tmp_path: Path) -> None:
    path = tmp_path / "one.json"
    assert run(path, plan(), minutes=1e-9) == 0
    assert traces_or_none(path) == {}
    assert converging._lacking((plan(),), results.read(path)) == 3


def traces_or_none(path: Path) -> dict[int, dict[str, Any]]:
    return traces(path) if results.read(path).workloads["settles"].rows else {}


def test_a_row_that_fails_leaves_the_others(
    whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its worker dies in the first training; it is not asked again."""
    call = Workers.call

    def dies(self: Workers, where: Any, function: Any, given: Any, timeout_s: float) -> Any:
        if where[0] == "pytorch":
            raise WorkerFailed("died", "the worker ended (code 1)")
        return call(self, where, function, given, timeout_s)

    monkeypatch.setattr(Workers, "call", dies)
    path, failing = tmp_path / "one.json", replace(CELL, row="pytorch")
    assert run(path, plan(cells=(failing, CELL))) == 1
    assert traces(path) == traces(whole)
    assert set(results.read(path).workloads["settles"].rows) == {"reference"}


def test_to_the_end_goes_past_the_target_and_keeps_metrics(tmp_path: Path) -> None:
    path = tmp_path / "one.json"
    assert run(path, plan(seeds=(1,), to_end=True)) == 0
    (made,) = traces(path).values()
    assert {len(values) for values in made["quality"].values()} == {10}
    assert {len(values) for values in made["metrics"].values()} == {10}
    summary = json.loads(path.read_text(encoding="utf-8"))["summary"]["settles"]["rows"]
    assert summary[0]["at_end"] is not None


def test_the_same_row_at_another_rate_is_compared_with_it(
    whole: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, console = tmp_path / "fast.json", Console(width=200)
    own = replace(CELL, overrides=json.dumps({"optimizers.generator.learning_rate": 0.02}))
    put = {"optimizers.generator.learning_rate": 0.02}
    of = plan(cells=(own,), put=put)
    other = results.read(whole)
    assert converging.carry_out((of,), path, console, {}, None, whole, other) == 0
    assert "reference of one.json" in capsys.readouterr().out
    assert "reference of one.json" in path.with_suffix(".html").read_text(encoding="utf-8")


def test_a_result_of_another_target_is_not_compared_with(whole: Path, tmp_path: Path) -> None:
    of = plan(target={"hold": 2})
    with pytest.raises(converging.UserError, match="--against"):
        converging.carry_out(
            (of,), tmp_path / "a.json", QUIET, {}, None, whole, results.read(whole)
        )
    assert not (tmp_path / "a.json").exists()


def test_a_signal_ends_a_run_with_what_was_measured(tmp_path: Path) -> None:
    path = tmp_path / "one.json"
    command = [sys.executable, "-m", "bench", "converge", "--workload", SETTLES]
    command += ["--backend", "reference", "--seeds", "100", "--output", str(path)]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, encoding="utf-8")
    assert process.stdout is not None
    assert process.stdout.readline().startswith("settles reference seed 0: ")
    process.send_signal(signal.SIGTERM)
    printed, _ = process.communicate(timeout=300)
    assert process.returncode == 143
    assert "the same command goes on" in printed
    assert 1 <= len(traces(path)) < 100
