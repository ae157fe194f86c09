"""`python -m bench compare` and `calibrate`: what they print, exit with, and refuse."""

import io
import json
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from bench.compare import comparing
from bench.compare.calibration import Calibration
from bench.compare.comparing import Comparison, limit_of
from bench.report.comparison import as_json, markdown, show
from bench.results.reading import Result
from spec.errors import UserError
from tests.bench.commands.test_cli import bench
from tests.bench.compare.made import made, result

NOTHING = Calibration()


def write(path: Path, content: Any) -> str:
    path.write_text(json.dumps(content), encoding="utf-8")
    return str(path)


def compare(
    old: Result, new: Result, recorded: Calibration, limit: float | None = None
) -> Comparison:
    """A run with a run."""
    return comparing.compare((old,), (new,), recorded, limit)


def printed(width: int, comparison: Any) -> list[str]:
    stream = io.StringIO()
    show(Console(file=stream, width=width), comparison)
    return stream.getvalue().splitlines()


@pytest.fixture(name="files")
def _files(tmp_path: Path) -> list[str]:
    """OLD, and a NEW with one of three cells slowed by a tenth."""
    return [
        write(tmp_path / "old.json", made(1, cells=3)),
        write(tmp_path / "new.json", made(2, cells=3, slowed={1: 1.1})),
        f"--calibration={tmp_path / 'calibration.json'}",
    ]


def test_a_slower_cell_is_printed_and_fails_only_where_asked_for(files: list[str]) -> None:
    done = bench("compare", *files)
    assert done.returncode == 0
    assert "python -m bench calibrate" in done.stdout.replace("\n", " ")
    done = bench("compare", *files, "--fail-slower", "5%")
    assert done.returncode == 1
    assert "slower, over the limit" in done.stdout
    assert bench("compare", *files, "--fail-slower", "20%").returncode == 0
    assert bench("compare", files[0], files[0], files[2], "--fail-slower=1%").returncode == 0


def test_a_cell_that_no_longer_runs_fails_only_where_asked_for(tmp_path: Path) -> None:
    new = made(2, cells=3)
    gone = new["summary"].pop()["id"]
    new["benchmarks"] = [b for b in new["benchmarks"] if b["params"]["cell"] != gone]
    files = [write(tmp_path / "old.json", made(1, cells=3)), f"--calibration={tmp_path / 'c.json'}"]

    def compared(*limit: str) -> Any:
        return bench("compare", files[0], write(tmp_path / "new.json", new), files[1], *limit)

    assert compared("--fail-slower", "5%").returncode == 0  # it was not asked for
    new["failures"] = [{"id": gone}]
    assert compared().returncode == 0
    done = compared("--fail-slower", "5%")
    assert done.returncode == 1
    assert "failed in NEW" in done.stdout


def test_json_holds_all_cells(files: list[str]) -> None:
    done = bench("compare", *files, "--json", "--fail-slower", "5%")
    assert done.returncode == 1
    found = json.loads(done.stdout)
    verdicts = [change["verdict"] for change in found["changes"]]
    assert verdicts == ["no difference shown", "slower", "no difference shown"]
    single = compare(result(1, blocks=1), result(2, blocks=1), NOTHING)
    assert json.loads(as_json(single))["changes"][0]["ratio"]["high"] is None


def test_a_folder_is_several_runs(tmp_path: Path, files: list[str]) -> None:
    folder = tmp_path / "olds"
    folder.mkdir()
    done = bench("compare", str(folder), *files[1:])
    assert (done.returncode, done.stdout) == (2, "")
    assert f"{folder}: a folder without a .json file" in done.stderr
    for i in range(4):
        write(folder / f"{i}.json", made(10 + i, cells=3))
    done = bench("compare", str(folder), *files[1:], "--fail-slower", "5%")
    assert done.returncode == 1
    assert "OLD is 4 runs, NEW 1 run." in done.stdout
    assert "from run to run, seen in 4 runs." in done.stdout.replace("\n", " ")
    assert bench("calibrate", str(folder), files[2]).returncode == 0
    write(folder / "5.json", {})
    done = bench("compare", str(folder), *files[1:])
    assert (done.returncode, done.stdout, len(done.stderr.splitlines())) == (2, "", 1)
    assert f"{folder / '5.json'}: foreign JSON" in done.stderr


def test_markdown_is_a_table(files: list[str]) -> None:
    lines = bench("compare", *files, "--markdown").stdout.splitlines()
    table = [line for line in lines if line.startswith("|")]
    assert len(table) == 2 + 3
    assert {line.count("|") for line in table} == {6}
    assert "| slower |" in table[2]


def test_calibrate_records_what_compare_includes(tmp_path: Path, files: list[str]) -> None:
    runs = [write(tmp_path / f"{i}.json", made(10 + i, cells=3, together=0.1)) for i in range(4)]
    done = bench("calibrate", *runs, files[2])
    assert done.returncode == 0, done.stderr
    assert "from 4 runs of 3 cells" in done.stdout
    done = bench("compare", *files, "--fail-slower", "5%")
    assert done.returncode == 0
    assert "Intervals include" in done.stdout
    assert bench("calibrate", *runs[:2], files[2]).returncode == 2


@pytest.mark.parametrize("width", [80, 132])
@pytest.mark.parametrize("slowed", [0, 3, 12, 25])
def test_25_cells_take_less_than_30_lines(width: int, slowed: int) -> None:
    content = result(2, cells=25, slowed=dict.fromkeys(range(slowed), 1.3))
    changed = content.provenance.model_copy(update={"cpu": "another abacus", "git_dirty": True})
    new = content.model_copy(update={"provenance": changed})
    found = compare(result(1, cells=27), new, NOTHING, 0.05)
    lines = printed(width, found)
    assert len(lines) < 30
    assert lines[0].startswith("warning: cpu an abacus -> another abacus; NEW had uncommitted")
    assert max(len(line) for line in lines) <= width
    assert sum("gan pytorch mode" in line and "[" in line for line in lines) == min(slowed, 12)
    text = markdown(found)
    assert text.startswith("**warning: cpu an abacus")
    assert len(text.splitlines()) < 40


def test_the_changed_ones_come_first() -> None:
    found = compare(
        result(1, cells=5, slowed={3: 1.2}), result(2, cells=5, slowed={4: 1.3}), NOTHING
    )
    rows = [line for line in printed(132, found) if line.startswith("gan pytorch")]
    assert [line.split()[2] for line in rows][:2] == ["mode4", "mode3"]
    assert [line.split()[-1] for line in rows][:2] == ["slower", "faster"]


@pytest.mark.parametrize("given", ["5", "0.05", "-5%", "5 %", "%", "five", "1e1%"])
def test_limits_have_one_form(given: str) -> None:
    with pytest.raises(UserError, match="like 5%"):
        limit_of(given)
    assert limit_of("2.5%") == 0.025
    assert limit_of(None) is None


def on_a_card(content: Any, name: str) -> Any:
    """The same run on a GPU."""
    content["provenance"]["gpu"] = {"name": name}
    for cell in content["summary"]:
        cell["device"] = "cuda"
    for benchmark in content["benchmarks"]:
        benchmark["extra_info"]["device_name"] = name
    for control in content["controls"]:
        control["id"] = control["id"].replace("cpu", "cuda")
    return content


@pytest.mark.parametrize(
    ("old", "new", "names"),
    [
        (made(1, cells=3), on_a_card(made(2, cells=3), "card A"), "OLD ran on cpu, NEW on card A"),
        (
            on_a_card(made(1, cells=3), "card A"),
            on_a_card(made(2, cells=3, machine=3.0), "card B"),
            "OLD ran on card A, NEW on card B",
        ),
    ],
    ids=["processor and card", "two cards"],
)
def test_cells_on_two_devices_have_no_verdict_and_cannot_be_judged(
    tmp_path: Path, old: Any, new: Any, names: str
) -> None:
    files = [write(tmp_path / "old.json", old), write(tmp_path / "new.json", new)]
    files.append(f"--calibration={tmp_path / 'calibration.json'}")
    done = bench("compare", *files)
    assert done.returncode == 0
    table = [line for line in done.stdout.splitlines() if line.startswith("gan pytorch")]
    assert len(table) == 3
    assert all(line.endswith("another device") and "[" not in line for line in table)
    assert "3 cells on another device in NEW" in done.stdout
    changes = json.loads(bench("compare", *files, "--json").stdout)["changes"]
    assert [change["verdict"] for change in changes] == ["another device"] * 3
    done = bench("compare", *files, "--fail-slower", "5%")
    assert (done.returncode, done.stdout, len(done.stderr.splitlines())) == (2, "", 1)
    assert f"--fail-slower: {names}, so whether the project" in done.stderr


def test_another_processor_is_judged_by_control_programs_alone() -> None:
    new = made(2, cells=2, machine=1.5)
    new["provenance"]["cpu"] = "two abaci"
    found = compare(result(1, cells=2), Result.model_validate(new), NOTHING, 0.05)
    assert {change.verdict for change in found.changes} == {"no difference shown"}
    new["controls"] = []
    without_controls = Result.model_validate(new)
    found = compare(result(1, cells=2), without_controls, NOTHING)
    assert {change.verdict for change in found.changes} == {"another device"}
    with pytest.raises(UserError, match="OLD ran on an abacus, NEW on two abaci"):
        compare(result(1, cells=2), without_controls, NOTHING, 0.05)


@pytest.mark.parametrize("width", [80, 132])
def test_many_cells_on_another_device_take_few_lines(width: int) -> None:
    new = Result.model_validate(on_a_card(made(2, cells=25), "card A"))
    lines = printed(width, compare(result(1, cells=25), new, NOTHING))
    assert len(lines) < 30
    assert sum(line.startswith("gan pytorch") for line in lines) == 12
    assert any("13 cells more; --json has all." in line for line in lines)


def without(*keys: str) -> dict[str, Any]:
    return {key: value for key, value in made().items() if key not in keys}


def with_speed(value: float) -> dict[str, Any]:
    content = made()
    content["benchmarks"][0]["extra_info"]["steps_per_s"] = value
    return content


BAD: dict[str, tuple[bytes, str]] = {
    "cut short": (json.dumps(made()).encode()[:400], "no JSON, or cut short (line 1, column"),
    "empty": (b"", "no JSON, or cut short"),
    "binary": (b"\xff\x00", "no UTF-8 text"),
    "deep": (b"[" * 100_000, "no UTF-8 text with JSON"),
    "a list": (b"[]", "foreign JSON, without gantlet_schema"),
    "pytest-benchmark's": (json.dumps({"machine_info": {}, "benchmarks": []}).encode(), "own JSON"),
    "older": (json.dumps(made() | {"gantlet_schema": 1}).encode(), "schema 1, older than what"),
    "newer": (json.dumps(made() | {"gantlet_schema": 99}).encode(), "schema 99, newer than what"),
    "without blocks": (json.dumps(without("benchmarks")).encode(), "benchmarks: Field required"),
    "without cells": (json.dumps(made(cells=0)).encode(), "no cell in common"),
    "of another kind": (json.dumps(made() | {"summary": 3}).encode(), "summary: "),
    "with a speed of 0": (json.dumps(with_speed(0.0)).encode(), "steps_per_s: "),
    "with an infinite speed": (json.dumps(with_speed(float("inf"))).encode(), "steps_per_s: "),
    "with a speed of NaN": (json.dumps(with_speed(float("nan"))).encode(), "steps_per_s: "),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_files_are_one_line(name: str, tmp_path: Path, files: list[str]) -> None:
    content, expected = BAD[name]
    path = tmp_path / "bad.json"
    path.write_bytes(content)
    done = bench("compare", files[0], str(path), files[2])
    assert (done.returncode, done.stdout, len(done.stderr.splitlines())) == (2, "", 1)
    assert expected in done.stderr
    assert name == "without cells" or str(path) in done.stderr


def test_other_bad_input_is_one_line(tmp_path: Path, files: list[str]) -> None:
    broken = tmp_path / "broken.json"
    broken.write_text('{"calibration_schema": 7}', encoding="utf-8")
    old, new, calibration = files
    wrong = {
        (old, str(tmp_path / "none.json"), calibration): "cannot be read",
        (old, str(tmp_path), calibration): "foreign JSON",
        (old, new, calibration, "--fail-slower=5"): "like 5%",
        (old, new, calibration, "--json", "--markdown"): "give one of the two",
        (old, new, f"--calibration={broken}"): "no calibration of this version",
    }
    for arguments, expected in wrong.items():
        done = bench("compare", *arguments)
        assert (done.returncode, done.stdout, len(done.stderr.splitlines())) == (2, "", 1)
        assert expected in done.stderr
