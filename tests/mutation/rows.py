"""Mutants of the rows: which checks execute a line there, and whether they notice."""

import json
import os
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from coverage import CoverageData

from tests.mutation.mutants import Mutant
from tests.mutation.trying import Outcome, first_failing, in_functions

CALLS, CALLS_S, LONGEST_S = 80, 180.0, 600.0
"""So many checks are asked of a mutant, or as many as take so long; and all of it at most."""
Call = tuple[dict[str, Any], str]
"""Arguments of a check, and the status that it has without a mutant."""


@dataclass(frozen=True)
class Checked:
    """What `nox -s executed` found: file -> line -> names of calls; and the calls themselves."""

    lines: dict[str, dict[int, list[str]]]
    calls: dict[str, tuple[float, Call]]
    called: dict[str, set[int]]
    """File -> the lines in functions."""

    def tests_of(self, mutant: Mutant, root: Path) -> list[str]:
        """Files of tests that have a row execute the line in a function of their own."""
        files = sorted((root / "tests" / "bench").rglob("*.py"))
        sources = {path: path.read_text(encoding="utf-8") for path in files}
        # Functions of the benchmark itself, such as `start`, are half of all tests' words.
        own = {name for text in sources.values() for name in re.findall(r"^def (\w+)", text, re.M)}
        names = own.intersection(self.lines.get(mutant.path, {}).get(mutant.line, []))
        return [
            str(path.relative_to(root))
            for path, text in sources.items()
            if path.name.startswith("test_") and not names.isdisjoint(re.findall(r"\w+", text))
        ]

    def calls_of(self, mutant: Mutant) -> list[Call]:
        """Cheap ones that execute the line, of as many checks, rows, modes, GANs as there are.

        Those of the whole file where the line runs at import, or when a program is made (which is
        what `mode` asks for), whichever call was the first; and where coverage.py saw nothing, but
        then only in the modes that compile, whose code it does not see.
        """
        by_line = self.lines.get(mutant.path, {})
        called = mutant.line in self.called.get(mutant.path, set())
        names = set(by_line.get(mutant.line, [])) & self.calls.keys() if called else set()
        if not names or any(name.startswith("mode ") for name in names):
            names = {name for of in by_line.values() for name in of if name in self.calls}
            if called and mutant.line not in by_line:
                names = {name for name in names if "eager" not in name.split()}
        seen: Counter[str] = Counter()
        chosen: list[Call] = []
        total_s = 0.0
        while names and len(chosen) < CALLS:
            name = min(names, key=lambda name: (*_alike(name, seen), self.calls[name][0], name))
            names.remove(name)
            seconds, call = self.calls[name]
            if chosen and total_s + seconds > CALLS_S:
                continue
            total_s += seconds
            chosen.append(call)
            seen.update(_parts(name))
        return chosen


def _parts(name: str) -> list[str]:
    """What a call has in common with others: its check; its row and mode; its workload."""
    check, row, workload, mode, *_ = [*name.split(), *[""] * 4]
    return [check, f"{row} {mode}", workload]


def _alike(name: str, seen: Counter[str]) -> tuple[int, int]:
    """How often the call's check was chosen, and its row and mode and its workload."""
    check, *others = _parts(name)
    return seen[check], sum(seen[part] for part in others)


def checked(root: Path, folder: Path) -> Checked:
    """Read it, without checks that did not pass; FileNotFoundError where there is none."""
    if not any(folder.glob("calls-*.jsonl")):
        raise FileNotFoundError(folder)
    calls = {}
    for path in sorted(folder.glob("calls-*.jsonl")):
        for line in path.read_text(encoding="utf-8").splitlines():
            one = json.loads(line)
            if one["status"] != "passed":
                continue
            calls[one["call"]] = one["s"], (one["arguments"], one["status"])
    lines: dict[str, dict[int, set[str]]] = {}
    for path in sorted(folder.glob("lines.*")):
        data = CoverageData(str(path))
        data.read()
        for name in data.measured_files():
            of = lines.setdefault(str(Path(name).relative_to(root.resolve())), {})
            for line, names in data.contexts_by_lineno(name).items():
                of.setdefault(line, set()).update(name for name in names if name)
    listed = {p: {n: sorted(names) for n, names in of.items()} for p, of in lines.items()}
    return Checked(listed, calls, {p: in_functions(root / p) for p in listed})


def outcome_in_rows(
    found: Checked, pythons: Mapping[str, str], mutant: Mutant, copy: Path
) -> Outcome:
    """Whether a check that executes the line ends otherwise with the mutant in it, or a test fails.

    RuntimeError where the same checks do so without it: then they would say nothing.
    """
    calls, tests = found.calls_of(mutant), found.tests_of(mutant, copy)
    if not calls:
        return "not executed"
    rows = [row for row in pythons if row.partition("-")[0] == mutant.path.split("/")[1]]
    options = [f"--backend={','.join(rows)}", *(f"--python={row}={pythons[row]}" for row in rows)]
    asked = copy / "asked.json"
    asked.write_text(json.dumps({"pythons": dict(pythons), "calls": calls}), encoding="utf-8")
    path = copy / mutant.path
    source = path.read_text(encoding="utf-8")
    failing = None
    try:
        path.write_text(mutant.code(source), encoding="utf-8")
        noticed = _noticed_by(asked, copy)
        if tests and noticed is None:
            failing = first_failing(tests, options, copy)
    finally:
        path.write_text(source, encoding="utf-8")
    if failing and first_failing(tests, options, copy) is None:
        return "caught"
    if noticed is None:
        return "left"
    alone = json.dumps({"pythons": dict(pythons), "calls": [calls[noticed]]})
    if alone not in _SOUND:
        asked.write_text(alone, encoding="utf-8")
        if _noticed_by(asked, copy) is not None:
            raise RuntimeError(f"{mutant}: {calls[noticed]} ends so without it")
        _SOUND.add(alone)
    return "caught"


_SOUND: set[str] = set()
"""Calls that end as they should where nothing is changed."""


def _noticed_by(asked: Path, copy: Path) -> int | None:
    """The number of the first call that ends otherwise; the first where they hang."""
    command = [sys.executable, "-m", "tests.mutation.asked", str(asked)]
    own = {"PYTHONDONTWRITEBYTECODE": "1", "PYTHONPATH": str(copy)}
    try:
        done = subprocess.run(
            command, cwd=copy, env=os.environ | own, capture_output=True, timeout=LONGEST_S
        )
    except subprocess.TimeoutExpired:
        return 0
    if done.returncode not in (0, 1):
        raise RuntimeError(done.stderr.decode()[-2000:])
    return int(done.stdout.split()[-1]) if done.returncode else None
