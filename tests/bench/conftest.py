"""What holds for all tests of the benchmark."""

import pytest


@pytest.fixture(autouse=True)
def _a_run_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """A run that a test makes is no part of the tests' own run, which may share its tests out.

    pytest-benchmark times nothing where this variable says that tests run side by side.
    """
    monkeypatch.delenv("PYTEST_XDIST_WORKER", raising=False)
