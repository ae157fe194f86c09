"""What holds for all tests of the benchmark."""

from pathlib import Path

import pytest

ROOM = Path(__file__).parent
LONG = ("timing", "commands", "workers/test_autotuning.py", "report/test_printing.py")
"""Rooms and files whose tests start runs or rows of their own: minutes in all."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What takes long comes first: file by file, two processes end at about the same time then."""
    items.sort(key=lambda item: not is_long(item.path))


def is_long(path: Path) -> bool:
    """Whether a file is in a room that takes long."""
    return any(path.is_relative_to(ROOM / part) for part in LONG)


@pytest.fixture(autouse=True)
def _a_run_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """A run that a test makes is no part of the tests' own run, which may share its tests out.

    pytest-benchmark times nothing where this variable says that tests run side by side.
    """
    monkeypatch.delenv("PYTEST_XDIST_WORKER", raising=False)
