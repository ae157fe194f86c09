"""A plugin of pytest: how long each test takes, in the JSON file that GANTLET_DURATIONS names.

Tests that fail are not in it. Processes that a test starts write what they execute for the test
that GANTLET_TEST names then; so do workers, for the test that asks. PYTEST_CURRENT_TEST would be an
item of the run that is tested.
"""

import json
import os
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from bench.workers.pool import Where, WorkerFailed, Workers
from tests.mutation import in_worker

DURATIONS: dict[str, float] = {}
FAILED: set[str] = set()
TIMEOUT_S = 120.0


def pytest_configure(config: pytest.Config) -> None:
    """Every call of a worker by this process is noted, and other processes say what they execute.

    The process that shares out the tests has none of its own.
    """
    if not hasattr(config, "workerinput"):
        return
    os.environ["COVERAGE_PROCESS_START"] = os.environ["GANTLET_COVERAGE"]
    call = Workers.call

    def noted(
        self: Workers, where: Where, function: Any, arguments: Mapping[str, Any], timeout_s: float
    ) -> Any:
        if self.python(where[0]) != sys.executable:  # a row's own, without coverage.py
            return call(self, where, function, arguments, timeout_s)
        test = {"test": os.environ.get("GANTLET_TEST", "")}
        call(self, where, in_worker.begin, test, TIMEOUT_S)
        try:
            return call(self, where, function, arguments, timeout_s)
        finally:
            if where in self._live:
                with suppress(WorkerFailed):
                    call(self, where, in_worker.save, {}, TIMEOUT_S)

    Workers.call = noted  # type: ignore[method-assign]


def pytest_runtest_logstart(nodeid: str) -> None:
    """The test that executes from now on."""
    os.environ["GANTLET_TEST"] = nodeid


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Setup, call and teardown together."""
    DURATIONS[report.nodeid] = DURATIONS.get(report.nodeid, 0.0) + report.duration
    if report.failed:
        FAILED.add(report.nodeid)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Only the process that hears of all tests writes."""
    if not hasattr(session.config, "workerinput"):
        passed = {test: taken for test, taken in DURATIONS.items() if test not in FAILED}
        Path(os.environ["GANTLET_DURATIONS"]).write_text(json.dumps(passed), encoding="utf-8")
