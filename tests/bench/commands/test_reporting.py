"""`report` of trainings and of times to a target, from files to the page; and what it refuses."""

import json
import shutil
from math import inf
from pathlib import Path

import pytest

from bench.commands import training
from bench.commands.reporting import report
from bench.convergence import results
from bench.training import samples
from spec.errors import UserError
from tests.bench.commands.test_cli import bench
from tests.bench.convergence.made import of_workload
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


@pytest.fixture(name="times")
def _times(tmp_path: Path) -> Path:
    """A result of `converge` with a training that does not reach the target."""
    found = results.Result(workloads={"settles": of_workload(pytorch=[50.0, 60.0, inf])})
    results.write(tmp_path / "times.json", found)
    return tmp_path / "times.json"


def test_times_to_a_target_may_be_alone(times: Path) -> None:
    done = bench("report", str(times))
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == f"page: {times.with_suffix('.html')}"
    words = page_of(times.with_suffix(".html")).words
    assert words.startswith("Gantlet: time to target Time to target Time to target: settles")
    assert "pytorch float32 2 of 3" in words
    assert sorted(path.name for path in times.parent.iterdir()) == ["times.html", "times.json"]


@pytest.mark.parametrize("order", ["rtf", "ftr", "tfr"])
def test_all_three_stand_on_one_page_in_any_order(
    runs: Path, times: Path, tmp_path: Path, order: str
) -> None:
    path = Path(shutil.copy(SAMPLE, tmp_path / "result.json"))
    given = {"r": path, "f": runs / "whole", "t": times}
    where = tmp_path / "page.html"
    assert report([given[one] for one in order], where, None) == where
    parsed = page_of(where)
    assert parsed.words.startswith("Gantlet: which framework trains this GAN fastest")
    assert {"#trainings1", "#target1"} <= set(parsed.attributes("href"))
    ids = parsed.attributes("id")
    places = [ids.index(name) for name in ("run1-cells", "trainings1-curves", "target1-reached")]
    assert places == sorted(places)


def test_trainings_and_times_to_a_target_without_a_result(runs: Path, times: Path) -> None:
    parsed = page_of(report([times, runs / "whole"], None, None))
    title = "trainings side by side and time to target"
    assert parsed.words.startswith(f"Gantlet: {title} {title.capitalize()} Trainings side by side")
    assert {"#trainings1", "#target1"} <= set(parsed.attributes("href"))


def test_wrong_files_beside_times_to_a_target_are_one_line(times: Path, tmp_path: Path) -> None:
    cut, newer, foreign = (tmp_path / f"{name}.json" for name in ("cut", "newer", "foreign"))
    whole = times.read_text(encoding="utf-8")
    cut.write_text(whole[:-99], encoding="utf-8")
    newer.write_text(whole.replace('"convergence_format": 1', '"convergence_format": 2'), "utf-8")
    foreign.write_text('{"benchmarks": []}', encoding="utf-8")
    wanted = "give a JSON file that `bench run` or `converge` wrote, or a folder that `train` wrote"
    for path, said in (
        (cut, "not JSON, or cut short"),
        (newer, "not a result of `converge` ('convergence_format': 'Input should be 1')"),
        (foreign, wanted),
        (tmp_path, wanted),
        (tmp_path / "none.json", "cannot be read"),
    ):
        with pytest.raises(UserError) as told:
            report([times, path], None, None)
        assert str(told.value).startswith(f"{path}: ")
        assert said in str(told.value)
        assert "\n" not in str(told.value)
    done = bench("report", str(times), str(newer))
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert done.stderr.startswith(f"error: {newer}: ")
    assert not times.with_suffix(".html").exists()
