"""What the random GANs showed, at the end of the run."""

from collections.abc import Iterator

import pytest

from bench.workers.pool import Workers
from tests.conftest import QUICKLY_COMPILED, SHOWN, Selection, compiled_before, shared_cores
from tests.fuzz.test_random_gans import FIXED

TINY = {"OPENBLAS_NUM_THREADS": "1"} | QUICKLY_COMPILED
"""The reference's products have a few numbers each: NumPy's threads would wait for each other, and
take a third of the time from compilers. No row's framework uses this library."""


@pytest.fixture(scope="session")
def workers(selection: Selection, pytestconfig: pytest.Config) -> Iterator[Workers]:
    """Workers of their own, where the reference has one thread."""
    # What is drawn anew is compiled once and never again: keeping it would only fill the disk.
    known = pytestconfig.getoption("--examples") <= FIXED
    pool = Workers(
        selection.pythons, TINY | shared_cores() | (compiled_before(pytestconfig) if known else {})
    )
    yield pool
    pool.stop()


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, exitstatus: int, config: pytest.Config
) -> None:
    for line in config.stash[SHOWN].values["random GANs"]:
        terminalreporter.write_line(line)
