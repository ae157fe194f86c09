"""The checks bite: every planted fault is caught by the check that names it."""

from typing import Any

import pytest
from rich.console import Console

import spec
from backends.protocol import MODES, absent_mode
from bench.report.printing import table
from bench.workers.pool import ROOT, Workers
from tests.conftest import Recorder, Selection, of_row, selection_of
from tests.meta.faults import FAULTS, perform_fault

TIMEOUT_S = 600.0
BY_NAME = {fault.name: fault for fault in FAULTS}
LARGE = ("dcgan_32",)
"""Takes longer to run than to compile, where it is compiled quickly."""


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "planted" in metafunc.fixturenames:
        rows = selection_of(metafunc.config).rows
        pairs = [(row, f.name) for row in rows for f in FAULTS if row in (f.rows or rows)]
        metafunc.parametrize("planted", [of_row(pair, pair[0], "-".join(pair)) for pair in pairs])


def test_planted_fault(
    planted: tuple[str, str],
    selection: Selection,
    workers: Workers,
    simple_workers: Workers,
    quick_workers: Workers,
    record_property: Recorder,
) -> None:
    """The unpatched control passes; the faulty run completes, and the named check fails."""
    row, name = planted
    fault = BY_NAME[name]
    workload = spec.load(fault.workload)
    modes = [m for m in MODES if not absent_mode(row, m, workload, "cpu")]
    mode = modes[-1 if fault.timed == "last" else 0]
    arguments = {"name": name, "row": row, "mode": mode}
    asked = workers
    if fault.precision == "float64":
        asked = simple_workers if fault.workload in LARGE else quick_workers
    control, faulty = (
        asked.call(
            (row, fault.precision, "cpu"),
            perform_fault,
            arguments | {"planted": planted_},
            TIMEOUT_S,
        )
        for planted_ in (False, True)
    )
    assert control["status"] == "passed", control["message"]
    assert faulty["status"] == "failed", faulty["message"] or "the check did not notice"
    record_property("caught", (row, name, faulty))


def test_there_are_enough_faults() -> None:
    assert len(FAULTS) >= 80


def test_the_page_of_faults_has_every_one() -> None:
    table = (ROOT / "docs" / "planted-faults.md").read_text(encoding="utf-8")
    names = {line.split(" | ")[0].removeprefix("| ") for line in table.splitlines()}
    assert [fault.name for fault in FAULTS if fault.name not in names] == []


def show_caught(console: Console, found: list[tuple[str, str, dict[str, Any]]]) -> None:
    """Fault, the check that caught it, and how far over the limit each row was."""
    rows = sorted({row for row, _, _ in found})
    lines = []
    for name in dict.fromkeys(name for _, name, _ in found):
        margins = {row: _margin(result) for row, caught, result in found if caught == name}
        own = {row: margins.get(row, "") for row in rows}
        lines.append({"planted fault": name, "caught by": BY_NAME[name].check, **own})
    table(console, "Planted faults: times over the limit", lines)


def _margin(result: dict[str, Any]) -> str:
    limit, error = result["limit"], result["max_error"]
    return f"{error / limit:.0e}" if limit and error > limit else "caught"
