"""The house holds: parallel backends read alike, and nothing says what it should not."""

import ast
import importlib
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.workers.pool import ROOT
from tests.meta.faults import FAULTS

PARALLEL = ("pytorch", "flax_nnx", "keras3")
OWN = {"cuda_graph.py"}
"""What a framework's fast path needs and the others have in themselves."""


METHODS = {
    "Program": (),
    "Phases": (
        "drawn_by",
        "reused_by",
        "update",
        "until",
        "differentiate",
        "apply",
        "move_averages",
    ),
}
"""Classes whose public methods are compared, all or these: how the rest is called in a framework
follows from whether its networks hold their numbers."""


def files(folder: str) -> set[str]:
    return {
        path.name
        for path in (ROOT / "backends" / folder).iterdir()
        if path.is_file() and not path.name.startswith("engine_") and path.name not in OWN
    }


def public_names(path: Path) -> list[str]:
    """Public functions and classes in order, with each public class's public methods."""
    names = []
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_"):
            names.append(node.name)
            if isinstance(node, ast.ClassDef) and node.name in METHODS:
                methods = [m.name for m in node.body if isinstance(m, ast.FunctionDef)]
                own = METHODS[node.name] or [m for m in methods if not m.startswith("_")]
                names += [f"{node.name}.{m}" for m in methods if m in own]
    return names


@pytest.mark.parametrize("other", PARALLEL[1:])
def test_backends_have_the_same_files(other: str) -> None:
    assert files(other) == files(PARALLEL[0])


@pytest.mark.parametrize("other", PARALLEL[1:])
@pytest.mark.parametrize("name", sorted(f for f in files(PARALLEL[0]) if f.endswith(".py")))
def test_backends_have_the_same_public_functions_in_order(other: str, name: str) -> None:
    ours, theirs = (public_names(ROOT / "backends" / b / name) for b in (PARALLEL[0], other))
    assert theirs == ours


def test_engines_have_the_same_functions_in_order() -> None:
    engines = sorted((ROOT / "backends" / "keras3").glob("engine_*.py"))
    assert len(engines) == 2
    assert public_names(engines[0]) == public_names(engines[1])


@pytest.mark.parametrize("folder", ["spec", "backends", "bench", "tests"])
def test_files_are_short(folder: str) -> None:
    long = {
        str(path.relative_to(ROOT)): count
        for path in (ROOT / folder).rglob("*.py")
        if (count := len(path.read_text(encoding="utf-8").splitlines())) > 400
    }
    assert not long


def test_only_the_way_in_lies_outside_the_rooms_of_bench() -> None:
    outside = {path.name for path in (ROOT / "bench").iterdir() if path.is_file()}
    assert outside == {"__init__.py", "__main__.py", "cli.py"}


PRINTERS = {
    # driver.py is run by nox, below all rooms, before anything is installed; it prints ASCII.
    "print": {"bench/report/streams.py", "bench/plan/driver.py"},
    "Console": {"bench/report/printing.py"},
}


@pytest.mark.parametrize("name", PRINTERS)
def test_one_place_prints(name: str) -> None:
    """Which escapes what a stream cannot show, and takes no path for markup."""
    found = {
        str(path.relative_to(ROOT))
        for path in (ROOT / "bench").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call)
        and ast.unparse(node.func).rpartition(".")[2] == name
        and (name != "print" or ast.unparse(node.func) == name)
    }
    assert found == PRINTERS[name]


def test_no_console_is_printed_to_past_that_place() -> None:
    """Nor are the tables and the texts of rich made elsewhere."""
    past = {
        f"{path.relative_to(ROOT)}: {ast.unparse(node)}"
        for path in (ROOT / "bench").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Attribute) and node.attr == "print" and path.name != "printing.py"
    }
    assert not past


ASKING = ("call", "_asked")
"""Methods whose second argument is a function for a worker."""


def asked_of_workers(path: Path) -> Iterator[str]:
    """The modules of the functions that a file of bench/ has a worker call."""
    module = ".".join(path.relative_to(ROOT).with_suffix("").parts)
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
            continue
        if node.func.attr not in ASKING or len(node.args) < 2:
            continue
        first, *others = ast.unparse(node.args[1]).split(".")
        function = getattr(importlib.import_module(module), first, None)
        for word in others:
            function = getattr(function, word)
        if callable(function):  # else a name within a function, which is given one
            yield function.__module__


def test_what_workers_call_needs_nothing_but_the_rows_environment() -> None:
    """Whose modules import-linter holds to that; one more has to be named there."""
    modules = {name for path in (ROOT / "bench").rglob("*.py") for name in asked_of_workers(path)}
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    (held,) = (
        set(contract["source_modules"])
        for contract in contracts["tool"]["importlinter"]["contracts"]
        if contract["name"].startswith("what workers call")
    )
    assert {"bench.timing.cell", "bench.proof.starting", "bench.proof.oracles"} <= modules
    assert modules <= held


def test_every_dependency_says_why() -> None:
    lines = (ROOT / "pyproject.toml").read_text(encoding="utf-8").splitlines()
    core = lines[lines.index("core = [") + 1 :]
    for line in core[: core.index("]")]:
        assert "#" in line, f"say in one line why: {line}"


def test_readme_has_no_gap() -> None:
    assert "@@" not in (ROOT / "README.md").read_text(encoding="utf-8")


def test_readme_counts_the_faults() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert f"plants {len(FAULTS)} faults" in text


def test_ci_runs_every_session_that_the_pages_name() -> None:
    pages = ("README.md", "docs/commands.md")
    text = "\n".join((ROOT / page).read_text(encoding="utf-8") for page in pages)
    told = re.findall(r"nox -s (\w+)", text)
    run = re.findall(r"^nox -s (\w+)", (ROOT / ".ci" / "run").read_text(encoding="utf-8"), re.M)
    assert {"bench", "doctor", "list"} <= set(told)
    # `nox` alone runs the tests; a browser is not everywhere; the others take half an hour each.
    alone = {"tests", "lint", "types", "browser", "mutate", "executed"}
    assert set(told) - alone <= set(run)
    assert run[-1] == "conformance"  # so that pytest's summary is CI's last line
