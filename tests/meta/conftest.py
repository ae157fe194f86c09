"""The table of caught faults is printed at the end."""

import pytest

from bench.report import printing
from tests.conftest import SHOWN
from tests.meta.test_faults import show_caught


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, exitstatus: int, config: pytest.Config
) -> None:
    found = config.stash[SHOWN].values["caught"]
    if found:
        show_caught(printing.console(terminalreporter._tw._file, width=130), found)
