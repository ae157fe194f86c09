"""A plugin of pytest: how long each test takes, in the JSON file that GANTLET_DURATIONS names."""

import json
import os
from pathlib import Path

import pytest

DURATIONS: dict[str, float] = {}


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Setup, call and teardown together."""
    DURATIONS[report.nodeid] = DURATIONS.get(report.nodeid, 0.0) + report.duration


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Only the process that hears of all tests writes."""
    if not hasattr(session.config, "workerinput"):
        Path(os.environ["GANTLET_DURATIONS"]).write_text(json.dumps(DURATIONS), encoding="utf-8")
