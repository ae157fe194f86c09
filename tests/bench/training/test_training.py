"""A whole small training, with the reference as its row: cut anywhere, it ends as uncut."""

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

from bench.commands import training
from bench.plan.cells import Cell
from bench.training import keeping, metrics, samples, worker
from bench.training.plan import Training
from bench.workers.pool import ROOT, Workers
from tests.bench.report.markup import colours_defined, colours_used

QUIET = Console(quiet=True)
TINY, CHUNK = "tests/bench/commands/tiny.toml", 32
TOTAL = 5 * CHUNK + 7
"""The last chunk is shorter, and ends off the grid."""


def plan_in(folder: Path, **other: object) -> Training:
    cell = Cell(TINY, "reference", "eager", "float64", "cpu", 8, "tiny")
    fields = {"seed": 3, "draws": "own", "iterations": TOTAL, "minutes": None, "interval": CHUNK}
    return Training(cell=cell, folder=str(folder), pythons={}, **fields | other)  # type: ignore[arg-type]


def ended(folder: Path) -> dict[str, bytes]:
    """The newest checkpoint's arrays, bit for bit."""
    state = keeping.newest(folder).state
    return {key: np.asarray(value).tobytes() for key, value in state.items()}


def records(folder: Path) -> list[tuple[int, dict[str, float]]]:
    return [(one["iteration"], one["metrics"]) for one in metrics.read(folder)]


def judged(folder: Path) -> tuple[str, int]:
    """What came of measuring G's quality, and after which iteration that was."""
    of = json.loads((folder / "quality.json").read_text(encoding="utf-8"))["generator"]
    return of["outcome"], of["iteration"]


@pytest.fixture(name="whole", scope="module")
def _whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A training that nothing interrupted."""
    folder = tmp_path_factory.mktemp("whole")
    assert training.carry_out(plan_in(folder), QUIET) == 0
    return folder


def test_a_training_leaves_records_samples_checkpoint_and_page(whole: Path) -> None:
    steps = [*range(CHUNK, 5 * CHUNK + 1, CHUNK), TOTAL]
    assert [iteration for iteration, _ in records(whole)] == steps
    assert keeping.newest(whole).facts.iteration == 5 * CHUNK
    assert set(samples.kept(whole, TOTAL)) >= {0, TOTAL}
    assert samples.read(samples.path_of(whole, TOTAL))["generator"].shape == (64, 1)
    assert list((whole / "events").iterdir())
    page = (whole / "page.html").read_text(encoding="utf-8")
    assert "ln 2" in page
    assert "--row1" in colours_used(page) <= colours_defined(page)
    assert "167 of 167 iterations" in page
    assert judged(whole) == ("measured", TOTAL)
    assert f"After {TOTAL} iterations:" in page
    assert "z_sensitivity" in page
    about = json.loads((whole / "training.json").read_text(encoding="utf-8"))
    assert (about["iterations"], about["interval"], about["grid"]) == (TOTAL, CHUNK, CHUNK)


def test_a_record_has_the_mean_of_each_metric_over_its_interval(whole: Path) -> None:
    plan = plan_in(whole)
    workers = Workers({})
    try:
        given = {"cell": plan.cell.as_dict(), "seed": plan.seed, "draws": "own"}
        workers.call(plan.cell.where, worker.begin, given, 60.0)
        first = workers.call(plan.cell.where, worker.advance, {"n": CHUNK}, 60.0)
    finally:
        workers.stop()
    (_, told), *_ = records(whole)
    for name, values in first["metrics"].items():
        assert len(values) == CHUNK
        assert told[name] == pytest.approx(sum(values) / CHUNK, rel=1e-12)
    assert told["discriminator_loss_mean"] == pytest.approx(told["d_loss"] / 2, rel=1e-12)


@pytest.mark.parametrize("killed", [False, True])
def test_a_training_that_was_cut_ends_bit_for_bit_as_one_that_was_not(
    whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, killed: bool
) -> None:
    """Cut by its length, or by a worker that dies between two checkpoints."""
    cut = 3 * CHUNK
    if killed:
        monkeypatch.setattr(training.loops, "SAVE_EVERY_S", 0.0)
        call, asked = Workers.call, []

        def dies(self: Workers, where: Any, function: Any, *given: Any) -> Any:
            asked.append(function)
            if asked.count(worker.advance) == 4:
                self.stop()  # a new process answers, which knows of no training
            return call(self, where, function, *given)

        monkeypatch.setattr(Workers, "call", dies)
        assert training.carry_out(plan_in(tmp_path), QUIET) == 1
        monkeypatch.undo()
    else:
        assert training.carry_out(plan_in(tmp_path, iterations=cut + 5), QUIET) == 0
    saved = keeping.newest(tmp_path).facts.iteration
    assert 0 < saved <= cut
    call, trained = Workers.call, []

    def counted(self: Workers, where: Any, function: Any, given: Any, timeout_s: float) -> Any:
        trained.extend([given["n"]] if function is worker.advance else [])
        return call(self, where, function, given, timeout_s)

    monkeypatch.setattr(Workers, "call", counted)
    assert training.carry_out(plan_in(tmp_path), QUIET, goes_on=True) == 0
    assert sum(trained) == TOTAL - saved
    assert ended(tmp_path) == ended(whole)
    assert records(tmp_path) == records(whole)
    for iteration in (0, TOTAL):
        one, other = (samples.read(samples.path_of(f, iteration)) for f in (tmp_path, whole))
        assert np.array_equal(one["generator"], other["generator"])


def test_the_spec_s_draws_are_those_of_every_row(tmp_path: Path, whole: Path) -> None:
    """The reference's own draws are the spec's, so that both ways end alike."""
    plan = plan_in(tmp_path, draws="spec")
    assert training.carry_out(plan, QUIET) == 0
    assert ended(tmp_path) == ended(whole)
    assert records(tmp_path) == records(whole)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_saves_and_says_how_to_go_on(
    tmp_path: Path, number: signal.Signals, code: int
) -> None:
    folder = tmp_path / "run"
    command = [sys.executable, "-m", "tests.bench.training.driver", str(folder)]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, encoding="utf-8")
    assert process.stdout is not None
    assert process.stdout.readline() == "recorded\n"
    process.send_signal(number)
    process.send_signal(number)  # as impatient people do
    printed, _ = process.communicate(timeout=120)
    assert process.returncode == code
    assert f"--resume {folder}" in printed
    assert "page: " in printed
    found = keeping.newest(folder).facts.iteration
    assert found % CHUNK == 0
    assert records(folder)[-1][0] <= found
    assert not (folder / "quality.json").exists()


def test_minutes_end_a_training_on_the_grid(tmp_path: Path) -> None:
    assert training.carry_out(plan_in(tmp_path, minutes=1e-9), QUIET) == 0
    assert keeping.newest(tmp_path).facts.iteration == CHUNK
    assert judged(tmp_path) == ("measured", CHUNK)


def test_a_signal_in_the_last_piece_leaves_a_whole_training_with_its_quality(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing could be gone on with to measure it."""

    class Late(training.Stop):
        def asked(self, elapsed_s: float) -> bool:
            self.code = 130
            return False

    monkeypatch.setattr(training, "Stop", Late)
    assert training.carry_out(plan_in(tmp_path, iterations=CHUNK), QUIET) == 130
    assert judged(tmp_path) == ("measured", CHUNK)


def test_what_has_come_to_its_end_says_so(whole: Path) -> None:
    with pytest.raises(training.UserError, match="has come to 160"):
        training.carry_out(replace(plan_in(whole), iterations=160), QUIET, goes_on=True)
