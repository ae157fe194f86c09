"""Which tests execute a line, and whether they notice a mutant of it."""

import json
import os
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from coverage import CoverageData

from tests.mutation.mutants import Mutant

TESTS = ("tests/spec", "tests/bench")
"""Those that need no framework: without a row's interpreter its tests are not there."""
CONFIG = """
[run]
parallel = true
patch = subprocess
context = ${PYTEST_CURRENT_TEST-}
"""
"""Of coverage.py: processes that a test starts write for that test. (Workers are killed, so what
they execute is not seen.)"""
LONGEST_S, TESTS_S = 180.0, 40.0
"""Of a mutant's tests before they count as hanging; and of those that are chosen, unmutated."""
Outcome = Literal["caught", "left", "not executed"]


@dataclass(frozen=True)
class Executed:
    """File -> line -> tests, and how long each test takes."""

    lines: dict[str, dict[int, list[str]]]
    seconds: dict[str, float]

    def tests_of(self, mutant: Mutant) -> list[str]:
        """The quickest that execute the mutant's line; of a line that runs at import, the file.

        Of each test function one comes first, and then another of its cases.
        """
        by_line = self.lines.get(mutant.path, {})
        found = set(by_line.get(mutant.line, [])) or {t for of in by_line.values() for t in of}
        seen: Counter[str] = Counter()
        ranked: list[tuple[int, float, str]] = []
        for test in sorted(found, key=lambda name: (self.seconds.get(name, 0.0), name)):
            function = test.partition("[")[0]
            seen[function] += 1
            ranked.append((seen[function], self.seconds.get(test, 0.0), test))
        chosen: list[str] = []
        total_s = 0.0
        for _, _, test in sorted(ranked):
            total_s += self.seconds.get(test, 0.0)
            if chosen and total_s > TESTS_S:
                break
            chosen.append(test)
        return chosen


def measure(root: Path, folder: Path, packages: tuple[str, ...]) -> Executed:
    """Run all tests once and note which line each of them executes."""
    data, durations, config = (folder / name for name in ("coverage", "durations.json", "rc"))
    config.write_text(CONFIG + f"data_file = {data}\nsource = {','.join(packages)}\n")
    given = [f"--cov={name}" for name in packages]
    command = [sys.executable, "-m", "pytest", *TESTS, *given, "--cov-context=test", "-q"]
    command += [
        f"--cov-config={config}",
        "--cov-report=",
        "-p",
        "tests.mutation.recording",
        "-n",
        "2",
        "--dist=loadfile",
    ]
    own = {"COVERAGE_FILE": str(data), "GANTLET_DURATIONS": str(durations)}
    subprocess.run(command, cwd=root, env=os.environ | own, check=True)
    read = CoverageData(str(data))
    read.read()
    lines = {
        str(Path(path).relative_to(root.resolve())): {
            line: sorted({_test(name) for name in names if name})
            for line, names in read.contexts_by_lineno(path).items()
        }
        for path in read.measured_files()
    }
    return Executed(lines, json.loads(durations.read_text(encoding="utf-8")))


def _test(context: str) -> str:
    """The test of a context: `test|run` in its process, `test (call)` in one that it started."""
    return context.partition("|")[0].removesuffix(" (call)").removesuffix(" (setup)")


def outcome(executed: Executed, mutant: Mutant, copy: Path) -> Outcome:
    """Whether a test that executes the line fails, or hangs, with the mutant in it."""
    tests = executed.tests_of(mutant)
    if not tests:
        return "not executed"
    path = copy / mutant.path
    source = path.read_text(encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", *tests]
    try:
        path.write_text(mutant.code(source), encoding="utf-8")
        done = subprocess.run(
            command,
            cwd=copy,
            env=os.environ | {"PYTHONDONTWRITEBYTECODE": "1"},
            capture_output=True,
            timeout=LONGEST_S,
        )
    except subprocess.TimeoutExpired:
        return "caught"
    finally:
        path.write_text(source, encoding="utf-8")
    return "caught" if done.returncode else "left"
