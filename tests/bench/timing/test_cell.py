"""What is in a round's time and what is not, on a clock that each part moves."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from bench.timing import cell as timing

RUN_S, WAIT_S, MAKE_S, READ_S, ON_DEVICE_S = 1.0, 2.0, 100.0, 1000.0, 2.5


class Parts:
    """A program and a stopwatch whose calls take their time."""

    now = 0.0

    def __init__(self) -> None:
        self.seeds: list[int] = []

    def run(self, state: Any, placed: Any, seed: int, n: int) -> tuple[Any, dict[str, Any]]:
        """Nothing is trained."""
        self.now += RUN_S
        self.seeds.append(seed)
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
    workload: Any = SimpleNamespace(period=1)
    ready = timing.Ready(workload, parts, None, None, parts.stopwatch)
    monkeypatch.setattr(timing.time, "perf_counter", lambda: parts.now)
    monkeypatch.setitem(timing._READY, "cell", ready)
    assert timing.time_round("cell", 5) == {"round_s": RUN_S + WAIT_S, "device_s": ON_DEVICE_S}
    assert (ready.iterations, ready.calls) == (5, 1)


def test_a_round_without_a_clock_of_the_device(monkeypatch: pytest.MonkeyPatch) -> None:
    parts: Any = Parts()
    workload: Any = SimpleNamespace(period=1)
    ready = timing.Ready(workload, parts, None, None, lambda: None)
    monkeypatch.setattr(timing.time, "perf_counter", lambda: parts.now)
    monkeypatch.setitem(timing._READY, "cell", ready)
    assert timing.time_round("cell", 5) == {"round_s": RUN_S + WAIT_S, "device_s": None}


def test_every_round_draws_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    parts: Any = Parts()
    workload: Any = SimpleNamespace(period=1)
    ready = timing.Ready(workload, parts, None, None, lambda: None)
    monkeypatch.setitem(timing._READY, "cell", ready)
    for _ in range(4):
        timing.time_round("cell", 5)
    assert len(set(parts.seeds)) == 4
    assert ready.iterations == 20


class Steady(Parts):
    """Iterations of one length behind a call; what a number of them compiles takes a second.

    Calls that begin between `slow` take ten times as long: something else is at work there.
    """

    def __init__(self, iteration_s: float, slow: tuple[float, float] = (0.0, 0.0)) -> None:
        super().__init__()
        self.iteration_s, self.slow = iteration_s, slow
        self.tried: list[int] = []

    def run(self, state: Any, placed: Any, seed: int, n: int) -> tuple[Any, dict[str, Any]]:
        """A number of iterations, compiled when it is new."""
        factor = 10 if self.slow[0] <= self.now < self.slow[1] else 1
        self.now += factor * (0.002 + n * self.iteration_s)
        self.now += 0.0 if n in (1, *self.tried) else 1.0
        self.tried.append(n)
        return state, {}

    def block_until_ready(self, value: Any) -> None:
        """At once."""


@pytest.mark.parametrize("iteration_s", [0.0001, 0.001, 0.0078, 0.06, 0.249, 0.3, 0.9, 7.0])
def test_a_round_is_long_enough_and_little_longer(
    iteration_s: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    round_s, program = 0.25, Steady(iteration_s)
    parts: Any = program
    workload: Any = SimpleNamespace(period=1)
    ready = timing.Ready(workload, parts, None, None, lambda: None)
    monkeypatch.setattr(timing.time, "perf_counter", lambda: program.now)
    k, measured_s = timing._iterations_per_round(ready, 1, round_s, None)
    assert round_s <= 0.002 + k * iteration_s <= 1.12 * round_s + iteration_s
    assert measured_s == pytest.approx(k * iteration_s, abs=0.003)
    assert k in program.tried  # what it compiles is compiled before the first turn
    assert len(set(program.tried)) <= 4
    assert timing._iterations_per_round(ready, 1, round_s, 7)[0] == 7


def test_a_round_is_whole_chunks_a_tenth_more_than_were_needed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    program = Steady(0.001)
    program.tried.append(32)  # compiled by the first step
    parts: Any = program
    workload: Any = SimpleNamespace(period=1)
    ready = timing.Ready(workload, parts, None, None, lambda: None)
    monkeypatch.setattr(timing.time, "perf_counter", lambda: program.now)
    k, _ = timing._iterations_per_round(ready, 32, 0.25, None)
    # 34 ms a chunk: 1.1 * 7.35 chunks, rounded up; then 1.05 * 9 * 0.25 / 0.29 is as many.
    assert (k, program.tried[1:]) == (288, [32, 32, 32, 288, 288])


@pytest.mark.parametrize("iteration_s", [0.0001, 0.001, 0.0078, 0.06])
@pytest.mark.parametrize("begins_s", [0.01, 0.1, 0.5, 1.0, 1.2, 1.5, 2.0])
def test_a_disturbed_try_makes_no_short_round(
    iteration_s: float, begins_s: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    round_s, program = 0.25, Steady(iteration_s, (begins_s, begins_s + 0.6))
    parts: Any = program
    workload: Any = SimpleNamespace(period=1)
    ready = timing.Ready(workload, parts, None, None, lambda: None)
    monkeypatch.setattr(timing.time, "perf_counter", lambda: program.now)
    k, _ = timing._iterations_per_round(ready, 1, round_s, None)
    assert 0.002 + k * iteration_s >= round_s
    assert k in program.tried
