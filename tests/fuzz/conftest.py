"""What the random GANs showed, at the end of the run."""

import pytest

from tests.fuzz.test_random_gans import LINES


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, exitstatus: int, config: pytest.Config
) -> None:
    for line in config.stash.get(LINES, []):
        terminalreporter.write_line(line)
