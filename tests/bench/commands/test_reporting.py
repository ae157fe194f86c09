"""`report` of trainings, from the folders that `train` writes to the page; and what it refuses."""

import json
import shutil
from pathlib import Path

import pytest

from bench.commands import training
from bench.training import samples
from tests.bench.commands.test_cli import bench
from tests.bench.report.markup import Parsed
from tests.bench.report.sample import SAMPLE
from tests.bench.training.test_training import CHUNK, QUIET, TOTAL, plan_in


@pytest.fixture(name="runs", scope="module")
def _runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two trainings by the reference from the same draws, `short` being no whole one."""
    runs = tmp_path_factory.mktemp("runs")
    for name, end in (("whole", TOTAL), ("short", 2 * CHUNK)):
        folder = runs / name
        folder.mkdir()
        assert training.carry_out(plan_in(folder, draws="spec", iterations=end), QUIET) == 0
    about = json.loads((runs / "short" / "training.json").read_text(encoding="utf-8"))
    (runs / "short" / "training.json").write_text(
        json.dumps(about | {"iterations": TOTAL}), encoding="utf-8"
    )
    return runs


def page_of(path: Path) -> Parsed:
    return Parsed(path.read_text(encoding="utf-8"))


def test_two_trainings_stand_side_by_side(runs: Path) -> None:
    done = bench("report", str(runs / "whole"), f"{runs / 'short'}/")
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == f"page: {runs / 'whole.html'}"
    words = page_of(runs / "whole.html").words
    assert "Trainings of tiny, batch 8, seed 3, spec draws" in words
    assert f"reference #2 is unfinished: it has come to {2 * CHUNK} of {TOTAL}" in words
    assert f"d_loss 0.0e+00 0.0e+00 {CHUNK} 2" in words  # the same program twice
    assert "Numbers of generator in reference #2 mean" in words
    assert "measure reference reference #2 held out noise mean_error" in words
    assert not (runs / "whole.svg").exists()
    assert not (runs / "whole.png").exists()  # numbers, of which there are no samples to be seen


def test_they_may_stand_beside_results(runs: Path, tmp_path: Path) -> None:
    path = shutil.copy(SAMPLE, tmp_path / "result.json")
    done = bench("report", str(path), str(runs / "whole"), "--output", str(tmp_path / "x.html"))
    assert done.returncode == 0, done.stderr
    parsed = page_of(tmp_path / "x.html")
    assert {"run1-cells", "trainings1-curves"} <= set(parsed.attributes("id"))
    assert (tmp_path / "x.svg").exists()


def test_a_folder_in_place_of_a_training_is_one_line(runs: Path, tmp_path: Path) -> None:
    damaged = tmp_path / "damaged"
    shutil.copytree(runs / "short", damaged)
    samples.path_of(damaged, 2 * CHUNK).write_bytes(b"PK")
    for folder, said in (
        (tmp_path, "no training, since it has no training.json"),
        (damaged, "no file of arrays"),
    ):
        done = bench("report", str(runs / "whole"), str(folder))
        assert done.returncode == 2
        (line,) = done.stderr.splitlines()
        assert line.startswith(f"error: {folder}")
        assert said in line
