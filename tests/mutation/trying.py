"""Which tests execute a line, and whether they notice a mutant of it."""

import ast
import json
import os
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from coverage import CoverageData

from tests.mutation.in_worker import MARK
from tests.mutation.mutants import Mutant

TESTS = ("tests/spec", "tests/bench")
CONFIG = """
[run]
parallel = true
context = ${GANTLET_TEST-}
"""
"""Of coverage.py: processes that a test starts write for that test; so do workers that are asked by
pytest's process (recording.py). Workers of another process are killed before they write."""
STRICT = {"PYTHONWARNDEFAULTENCODING": "1"}
"""As `nox -s tests` asks."""
LONGEST_S, TESTS_S = 600.0, 200.0
"""Of a mutant's tests before they count as hanging; and of those that are chosen, unmutated."""
Outcome = Literal["caught", "left", "not executed"]


def kept(path: Path, measured: Callable[[], "Executed"]) -> "Executed":
    """What is in the file; measured and written there where there is none."""
    if not path.exists():
        found = asdict(measured())
        for part in ("called", "named"):
            found[part] = {name: sorted(of) for name, of in found[part].items()}
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(found), encoding="utf-8")
    read = json.loads(path.read_text(encoding="utf-8"))
    return Executed(
        {name: {int(n): tests for n, tests in of.items()} for name, of in read["lines"].items()},
        read["seconds"],
        {name: set(lines) for name, lines in read["called"].items()},
        {name: set(files) for name, files in read["named"].items()},
    )


@dataclass(frozen=True)
class Executed:
    """File -> line -> tests; how long each test takes that passes; lines that run when called."""

    lines: dict[str, dict[int, list[str]]]
    seconds: dict[str, float]
    called: dict[str, set[int]]
    named: dict[str, set[str]]
    """File -> the files of tests that import it by name."""

    def tests_of(self, mutant: Mutant) -> list[str]:
        """Those that execute the mutant's line; of one that runs at import, a function of the file.

        First those that import the file by name, then those of its package; the quickest first, of
        each test function one, and then another of its cases.
        """
        by_line = {
            line: [test for test in of if test in self.seconds]
            for line, of in self.lines.get(mutant.path, {}).items()
        }
        called = self.called.get(mutant.path, set())
        found = set(by_line.get(mutant.line, [])) if mutant.line in called else set()
        found = found or {test for line in called for test in by_line.get(line, [])}
        found = found or {test for of in by_line.values() for test in of}
        named = self.named.get(mutant.path, set())
        if mutant.line not in called:  # a number that only tests read
            found |= {test for test in self.seconds if test.partition("::")[0] in named}
        seen: Counter[str] = Counter()
        ranked: list[tuple[int, int, float, str]] = []
        room = "tests/bench/" if mutant.path.startswith("bench/") else "tests/spec/"
        for test in sorted(found, key=lambda name: (self.seconds[name], name)):
            function = test.partition("[")[0]
            seen[function] += 1
            file = test.partition("::")[0]
            away = 0 if file in named else 1 if file.startswith(room) else 2
            ranked.append((away, seen[function], self.seconds[test], test))
        chosen: list[str] = []
        total_s = 0.0
        for *_, seconds, test in sorted(ranked):
            total_s += seconds
            if chosen and total_s > TESTS_S:
                break
            chosen.append(test)
        return chosen


def measure(
    root: Path, folder: Path, packages: tuple[str, ...], options: Sequence[str]
) -> Executed:
    """Run all tests once and note which line each of them executes. Rows' interpreters: options."""
    data, durations, config = (folder / name for name in ("coverage", "durations.json", "rc"))
    config.write_text(CONFIG + f"data_file = {data}\nsource = {','.join(packages)}\n")
    given = [f"--cov={name}" for name in packages]
    command = [sys.executable, "-m", "pytest", *TESTS, *options, *given, "-q"]
    command += [
        f"--cov-config={config}",
        "--cov-report=",
        "--cov-context=test",
        "-p",
        "tests.mutation.recording",
        "-n",
        "2",
        "--dist=loadfile",
    ]
    own = {"COVERAGE_FILE": str(data), "GANTLET_DURATIONS": str(durations)} | STRICT
    own |= {"GANTLET_COVERAGE": str(config)}
    done = subprocess.run(command, cwd=root, env=os.environ | own)
    if done.returncode not in (0, 1):  # 1: tests that fail say nothing of a mutant
        raise RuntimeError(f"pytest ended with exit code {done.returncode}")
    read = CoverageData(str(data))
    read.read()
    lines = {
        str(Path(path).relative_to(root.resolve())): {
            line: sorted({_test(name) for name in names if name})
            for line, names in read.contexts_by_lineno(path).items()
        }
        for path in read.measured_files()
        if path.endswith(".py")
    }
    called = {path: in_functions(root / path) for path in lines}
    return Executed(
        lines, json.loads(durations.read_text(encoding="utf-8")), called, _named(root, lines)
    )


def _named(root: Path, paths: Iterable[str]) -> dict[str, set[str]]:
    """Who imports each of these files: `import a.b`, `from a import b` or `from a.b import c`."""
    importers: dict[str, set[str]] = {}
    for test in (path for folder in TESTS for path in (root / folder).rglob("test_*.py")):
        for node in ast.walk(ast.parse(test.read_text(encoding="utf-8"))):
            names: list[str] = []
            if isinstance(node, ast.ImportFrom):
                names = [node.module or "", *(f"{node.module}.{one.name}" for one in node.names)]
            elif isinstance(node, ast.Import):
                names = [one.name for one in node.names]
            for name in names:
                importers.setdefault(name, set()).add(str(test.relative_to(root)))
    modules = {path: ".".join(Path(path).with_suffix("").parts) for path in paths}
    return {p: importers.get(name.removesuffix(".__init__"), set()) for p, name in modules.items()}


def in_functions(path: Path) -> set[int]:
    """The lines within functions; what is outside of them runs when the file is imported."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    functions = (n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef))
    return {
        line
        for function in functions
        for line in range(function.body[0].lineno, (function.end_lineno or 0) + 1)
    }


def _test(context: str) -> str:
    """The test of a context: `test|run` in its process, `test` in one that it started."""
    _, marked, asking = context.partition(MARK)
    return asking if marked else context.partition("|")[0]


def outcome(executed: Executed, options: Sequence[str], mutant: Mutant, copy: Path) -> Outcome:
    """Whether a test that executes the line fails, or hangs, with the mutant in it.

    And passes without it: one that fails by itself, now and then, is not asked again.
    """
    tests = executed.tests_of(mutant)
    if not tests:
        return "not executed"
    path = copy / mutant.path
    source = path.read_text(encoding="utf-8")
    while tests:
        try:
            path.write_text(mutant.code(source), encoding="utf-8")
            failing = first_failing(tests, options, copy)
        finally:
            path.write_text(source, encoding="utf-8")
        if failing is None:
            return "left"
        if first_failing([failing], options, copy) is None:
            return "caught"
        print(f"fails by itself: {failing}", flush=True)
        tests = [test for test in tests if test != failing]
    return "left"


def first_failing(tests: list[str], options: Sequence[str], copy: Path) -> str | None:
    """The first that fails or hangs."""
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", "-rfE"]
    try:
        done = subprocess.run(
            [*command, *options, *tests],
            cwd=copy,
            env=os.environ | {"PYTHONDONTWRITEBYTECODE": "1"} | STRICT,
            capture_output=True,
            timeout=LONGEST_S,
        )
    except subprocess.TimeoutExpired:
        return tests[0]
    if done.returncode == 0:
        return None
    said = done.stdout.decode(errors="replace")
    named = (test for test in tests if re.search(rf"^\w+ {re.escape(test)}( |$)", said, re.M))
    return next(named, tests[0])
