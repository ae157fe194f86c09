"""Where a result is from: each fact from the one who knows it, and what installs cost."""

import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from bench.results import provenance as origin

FAKES: dict[str, Any] = {
    "cpu": "an abacus",
    "cpu_flags": ["beads"],
    "cpus_usable": 3,
    "gpu": {"name": "card A"},
    "revision": "a" * 40,
    "processes": {"count": 2},
}


@pytest.fixture(name="asked")
def _asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, ...]]:
    """What git is asked, which answers nothing; the machine is made up."""
    asked: list[tuple[str, ...]] = []
    for name, value in FAKES.items():
        monkeypatch.setattr(origin, name, lambda value=value: value)

    def git(*words: str) -> str:
        asked.append(words)
        return ""

    monkeypatch.setattr(origin, "git", git)
    monkeypatch.setattr(origin.os, "getloadavg", lambda: (1.0, 2.0, 3.0))
    monkeypatch.setattr(
        origin.os, "sched_getaffinity", lambda of: {7, 1, 4} if of == 0 else {9}, raising=False
    )
    monkeypatch.setattr(origin.platform, "system", lambda: "Minix")
    monkeypatch.setattr(origin.platform, "release", lambda: "1.5")
    monkeypatch.setattr(origin.platform, "python_version", lambda: "3.99")
    return asked


def test_each_fact_is_from_the_one_who_knows_it(
    asked: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "5")
    monkeypatch.setenv("OMP_SECRET", "x")
    monkeypatch.setattr("sys.argv", ["/somewhere/bench", "run", "--quick"])
    found = origin.provenance()
    time = datetime.fromisoformat(found.pop("time_utc"))
    assert (time.utcoffset(), time.microsecond) == (timedelta(0), 0)
    environment = found.pop("environment")
    assert environment["OMP_NUM_THREADS"] == "5"
    assert "OMP_SECRET" not in environment
    assert found == {
        "command_line": ["python", "-m", "bench", "run", "--quick"],
        "git_revision": "a" * 40,
        "git_dirty": False,
        "python": "3.99",
        "system": "Minix 1.5",
        "cpu": "an abacus",
        "cpu_flags": ["beads"],
        "affinity": [1, 4, 7],
        "cpus_usable": 3,
        "load_average": [1.0, 2.0, 3.0],
        "gpu": {"name": "card A"},
        "gpu_processes": {"count": 2},
    }
    assert asked == [("status", "--porcelain", "--untracked-files=no")]


def test_changes_that_are_not_committed_are_said(
    asked: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(origin, "git", lambda *_: " M bench/cli.py")
    assert origin.provenance()["git_dirty"] is True
    assert asked == []


def test_not_every_system_knows_an_affinity(
    asked: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(origin.os, "sched_getaffinity", raising=False)
    assert origin.provenance()["affinity"] is None
    assert len(asked) == 1


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        (["--output", "/a/b.json", "/c/d"], ["--output", "b.json", "/c/d"]),
        (["--output=/a/b.json", "/c/d"], ["--output=b.json", "/c/d"]),
        (["--output=", "/c/d"], ["--output=", "/c/d"]),
        (["/c/d", "--output"], ["/c/d", "--output"]),
        (["--input=/a/b", "--input", "/c/d"], ["--input=/a/b", "--input", "/c/d"]),
        (["/c/d=e", "-q"], ["/c/d=e", "-q"]),
        ([], []),
    ],
)
def test_only_the_folder_of_the_output_is_left_out(given: list[str], shown: list[str]) -> None:
    kept = list(given)
    assert origin._arguments(given) == shown
    assert given == kept


def test_installs_are_those_that_nox_recorded(tmp_path: Path) -> None:
    pythons = {}
    for row in ("one", "two", "three"):
        (tmp_path / row / "bin").mkdir(parents=True)
        pythons[row] = str(tmp_path / row / "bin" / "python")
    for number, row in enumerate(("one", "three")):
        record = {"install_s": 1.5 + number, "install_bytes": 10}
        (tmp_path / row / "installed.json").write_text(json.dumps(record), encoding="utf-8")
    assert origin.installs(pythons) == {
        "one": {"install_s": 1.5, "install_bytes": 10},
        "three": {"install_s": 2.5, "install_bytes": 10},
    }
    assert origin.installs({}) == {}
