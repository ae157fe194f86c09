"""The worker's side: what it executes belongs to the test that asks, and is written at once."""

import coverage

MARK = "worker:"


def begin(test: str) -> None:
    """From now on it is for this test. coverage.py has begun with the process."""
    live = coverage.Coverage.current()
    if live is not None:
        live.switch_context(f"{MARK}{test}")


def save() -> None:
    """A worker may be killed at any time after its answer."""
    live = coverage.Coverage.current()
    if live is not None:
        live.save()
