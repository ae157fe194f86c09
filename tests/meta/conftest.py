"""The table of caught faults is printed at the end."""

import pytest
from rich.console import Console

from tests.conftest import SHOWN
from tests.meta.test_faults import show_caught


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, exitstatus: int, config: pytest.Config
) -> None:
    found = config.stash[SHOWN].values["caught"]
    if found:
        show_caught(Console(file=terminalreporter._tw._file, width=130), found)
