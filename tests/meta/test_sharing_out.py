"""Where two processes share the tests, one of them has all of a row's.

pytest 9.2 with pytest-xdist 3.8 shares them out one by one and says nothing (xdist's issue 1386):
both processes then start each row's worker and compile the same programs.
"""

import subprocess
import sys
from collections import defaultdict
from pathlib import Path

TESTS = """
import pytest

GROUPS = [group for group in "abcd" for _ in range(4)]


@pytest.mark.parametrize(
    "group", [pytest.param(group, marks=pytest.mark.xdist_group(group)) for group in GROUPS]
)
def test_one(group, worker_id):
    with open(f"{group}-{worker_id}", "a", encoding="utf-8") as file:
        file.write("x")
"""


def test_a_group_stays_together(tmp_path: Path) -> None:
    (tmp_path / "test_groups.py").write_text(TESTS, encoding="utf-8")
    options = ["-n2", "--dist=loadgroup", "-p", "no:cacheprovider", "-q"]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *options, "test_groups.py"],
        cwd=tmp_path,
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode == 0, done.stdout
    processes = defaultdict(set)
    for path in tmp_path.glob("?-gw*"):
        group, process = path.name.split("-")
        processes[group].add(process)
        assert path.read_text(encoding="utf-8") == "xxxx", path.name
    assert sorted(processes) == list("abcd")
    assert {len(of) for of in processes.values()} == {1}
