"""What is in a round's time and what is not, on a clock that each part moves."""

from collections.abc import Callable
from typing import Any

import pytest

from bench.timing import cell as timing

RUN_S, WAIT_S, MAKE_S, READ_S, ON_DEVICE_S = 1.0, 2.0, 100.0, 1000.0, 2.5


class Parts:
    """A program and a stopwatch whose calls take their time."""

    now = 0.0

    def run(self, state: Any, placed: Any, seed: int, n: int) -> tuple[Any, dict[str, Any]]:
        """Nothing is trained."""
        self.now += RUN_S
        return state, {}

    def block_until_ready(self, value: Any) -> None:
        """A while."""
        self.now += WAIT_S

    def stopwatch(self) -> Callable[[], Callable[[], float]]:
        """Made before the round begins."""
        self.now += MAKE_S
        return lambda: self.read

    def read(self) -> float:
        """Read after the round has ended."""
        self.now += READ_S
        return ON_DEVICE_S


def test_a_round_is_its_work_and_the_wait_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    parts: Any = Parts()
    workload: Any = None
    ready = timing.Ready(workload, parts, None, None, parts.stopwatch)
    monkeypatch.setattr(timing.time, "perf_counter", lambda: parts.now)
    monkeypatch.setitem(timing._READY, "cell", ready)
    assert timing.time_round("cell", 5) == {"round_s": RUN_S + WAIT_S, "device_s": ON_DEVICE_S}
    assert (ready.iterations, ready.calls) == (5, 1)


def test_a_round_without_a_clock_of_the_device(monkeypatch: pytest.MonkeyPatch) -> None:
    parts: Any = Parts()
    workload: Any = None
    ready = timing.Ready(workload, parts, None, None, lambda: None)
    monkeypatch.setattr(timing.time, "perf_counter", lambda: parts.now)
    monkeypatch.setitem(timing._READY, "cell", ready)
    assert timing.time_round("cell", 5) == {"round_s": RUN_S + WAIT_S, "device_s": None}
