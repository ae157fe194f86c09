"""Slips of the pen in a copy of the project, each noticed by the test that it names."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from bench.workers.pool import ROOT
from tests.meta.slip import Slip
from tests.meta.slips import SLIPS
from tests.mutation.copying import copy_of

LONGEST_S = 300.0


@pytest.fixture(scope="module", name="copy")
def _copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return copy_of(ROOT, tmp_path_factory.mktemp("slips") / "project")


def noticed(slip: Slip, copy: Path) -> bool:
    """Whether the test fails on the copy with the slip in it."""
    path, (file, _, start) = copy / slip.path, slip.caught_by.partition("::")
    source = path.read_text(encoding="utf-8")
    assert source.count(slip.old) == 1, "the line has changed: plant the slip anew"
    try:
        path.write_text(source.replace(slip.old, slip.new), encoding="utf-8")
        return run(copy, file, "-k", start) == 1
    finally:
        path.write_text(source, encoding="utf-8")


def run(copy: Path, *chosen: str) -> int:
    """pytest's exit code in the copy: 0, or 1 where a test failed."""
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", *chosen]
    # Written within the same second, a module's old byte code would pass for the new one's.
    own = {"PYTHONDONTWRITEBYTECODE": "1", "PYTHONPATH": str(copy)}
    done = subprocess.run(
        command, cwd=copy, env=os.environ | own, capture_output=True, timeout=LONGEST_S
    )
    assert done.returncode in (0, 1), done.stdout.decode()
    return done.returncode


@pytest.mark.parametrize("slip", SLIPS, ids=[slip.name for slip in SLIPS])
def test_slip(slip: Slip, copy: Path) -> None:
    assert noticed(slip, copy)


def test_without_a_slip_no_test_fails(copy: Path) -> None:
    """All the tests that slips name, on the copy as it is."""
    places = [slip.caught_by.partition("::") for slip in SLIPS]
    files, starts = {file for file, _, _ in places}, {start for *_, start in places}
    assert run(copy, *sorted(files), "-k", " or ".join(sorted(starts))) == 0


def test_the_page_has_every_slip() -> None:
    page = (ROOT / "docs" / "planted-faults.md").read_text(encoding="utf-8")
    rows = {line.split(" | ")[0].removeprefix("| ") for line in page.splitlines()}
    assert [slip.name for slip in SLIPS if slip.name not in rows] == []


def test_the_readme_counts_them() -> None:
    readme = " ".join((ROOT / "README.md").read_text(encoding="utf-8").split())
    assert f"{len(SLIPS)} in what they share" in readme
