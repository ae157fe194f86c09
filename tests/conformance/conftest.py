"""The matrix is written and printed at the end, whatever happened before."""

from pathlib import Path

import pytest

from bench.report import printing
from bench.workers.pool import ROOT
from tests.conformance.matrix import Matrix
from tests.conftest import SHOWN, selection_of


def pytest_report_header(config: pytest.Config) -> list[str]:
    """Which rows are here, and which are not and why."""
    selection = selection_of(config)
    present = f"rows: {', '.join(selection.rows)}; device: {selection.device}"
    return [present, *(f"absent: {row} ({why})" for row, why in selection.absent.items())]


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, exitstatus: int, config: pytest.Config
) -> None:
    found = Matrix()
    for result in config.stash[SHOWN].values["result"]:
        found.add(*result)
    if not found.rows:
        return
    folder = Path(config.getoption("--results") or ROOT / "results") / "conformance"
    found.write(folder)
    console = printing.console(terminalreporter._tw._file, width=120)
    found.show(console)
    total = sum(len(results) for results in found.rows.values())
    printing.say(console, f"{total} results written to {folder.name}/")
