"""What a cell costs beside its speed, on clocks and programs whose numbers are known."""

import sys
from collections.abc import Callable, Iterator
from statistics import median
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import spec
from bench.plan.cells import Cell
from bench.timing import cell as timing
from bench.timing import clocks, costs

CELL = Cell("mlp_small", "reference", "eager", "float64", "cpu", 16, "mlp_small")


class Clock:
    """Seconds that pass only when something takes them."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, module: Any) -> None:
        self.now = 0.0
        monkeypatch.setattr(module.time, "perf_counter", lambda: self.now)

    def takes(self, seconds: Iterator[float]) -> Callable[..., None]:
        """A call that takes the next of these."""

        def call(*_: Any) -> None:
            self.now += next(seconds)

        return call


def lengths(*seconds: float, then: float) -> Iterator[float]:
    yield from seconds
    while True:
        yield then


def test_a_latency_is_the_median_of_enough_calls(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock(monkeypatch, costs)
    few = [0.5, 0.1, 0.4, 0.2, 0.3]
    assert costs._median_s(clock.takes(lengths(*few, then=9.0)), 1.0) == pytest.approx(0.3)
    assert clock.now == pytest.approx(1.5)  # five, although two were long enough
    clock.now = 0.0
    assert costs._median_s(clock.takes(lengths(then=0.03125)), 0.5) == 0.03125
    assert clock.now == 0.5  # sixteen


def test_latencies_are_of_batches_as_they_are_made_after_one_that_compiles(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock = Clock(monkeypatch, costs)
    seen: list[tuple[str, tuple[int, ...]]] = []

    def generate(state: Any, network: str, inputs: Any) -> None:
        (z,) = inputs.values()
        compiles = ("generator", z.shape) not in seen
        seen.append((network, z.shape))
        clock.now += 100.0 if compiles else 0.01 * len(z)
        assert state == "trained"
        assert 0.5 < np.std(z) < 1.5

    workload = spec.load("mlp_small")
    program: Any = SimpleNamespace(generate=generate)
    state: Any = "trained"
    ready = timing.Ready(workload, program, state=state, placed=None, stopwatch=lambda: None)
    monkeypatch.setitem(timing._READY, "cell", ready)
    assert costs.latency("cell") == pytest.approx({"1": 0.01, "64": 0.64})
    size = workload.networks["generator"].input
    assert size is not None
    assert {shape for _, shape in seen} == {(1, *size), (64, *size)}


def test_a_ceiling_is_the_best_product(monkeypatch: pytest.MonkeyPatch) -> None:
    """2 n^3 operations: the middle one is the fastest here."""
    clock = Clock(monkeypatch, costs)
    takes = {512: 1e-3, 1024: 4e-3, 2048: 64e-3}
    asked = []

    def matrix_product(size: int, precision: str, device: str) -> Callable[[], None]:
        asked.append((size, precision, device))
        return clock.takes(lengths(50.0, then=takes[size]))  # the first compiles

    device = SimpleNamespace(matrix_product=matrix_product)
    monkeypatch.setattr(costs.backends, "load", lambda row: SimpleNamespace(device=device))
    found = costs.ceiling("pytorch", "float32", "cpu")
    assert found == {"size": 1024, "gflop_per_s": pytest.approx(2 * 1024**3 / 4e-3 / 1e9)}
    assert asked == [(size, "float32", "cpu") for size in takes]


def test_memory_is_the_allocator_s_where_there_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    device = costs.backends.load("reference").device
    monkeypatch.setattr(device, "peak_memory_bytes", lambda: 12345)
    expected = {"peak_memory_bytes": 12345, "peak_memory_kind": "allocator"}
    assert costs.memory(CELL.as_dict()) == expected


def test_memory_of_a_process_is_what_it_has_held_at_most(monkeypatch: pytest.MonkeyPatch) -> None:
    """Read before training and after it; two chunks are trained."""
    sizes = iter([1000, 5000])
    monkeypatch.setattr(costs, "peak_bytes", lambda: next(sizes))
    ran, real = [], costs.backends.prepare

    def noting(*given: Any) -> Any:
        program = real(*given)
        run = program.run
        program.run = lambda *of: ran.append(of[2:]) or run(*of)  # type: ignore[method-assign,func-returns-value]
        return program

    monkeypatch.setattr(costs.backends, "prepare", noting)
    assert costs.memory(CELL.as_dict()) == {
        "peak_memory_bytes": 5000,
        "imported_bytes": 1000,
        "peak_memory_kind": "process",
    }
    assert ran == [(costs.SEED, 2 * CELL.load().chunk_iterations())]


def test_the_size_of_a_process_is_in_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Linux counts in KiB, macOS in bytes (getrusage(2) of both)."""
    assert 20e6 < costs.peak_bytes() < 20e9
    monkeypatch.setattr(costs.resource, "getrusage", lambda _: SimpleNamespace(ru_maxrss=3))
    for platform, size in (("linux", 3072), ("darwin", 3)):
        monkeypatch.setattr(sys, "platform", platform)
        assert costs.peak_bytes() == size


def test_what_the_harness_adds_is_told_apart_from_the_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first call starts the worker: 100 s. Of the others medians count."""
    clock = Clock(monkeypatch, clocks)
    calls = lengths(100.0, 0.01, 0.02, 0.9, 0.03, 0.04, then=0.0)
    empty = iter([7.0, 1e-6, 2e-6, 3e-6, 9e-6, 4e-6])
    asked = []

    def call(where: Any, function: Any, arguments: Any, timeout_s: float) -> dict[str, float]:
        asked.append((where, function, arguments))
        clock.now += 0.5 + next(calls)
        return {"here_s": 0.5, "empty_round_s": next(empty)}

    workers: Any = SimpleNamespace(call=call)
    found = clocks.overheads(CELL, workers)
    assert found == pytest.approx({"overhead_s": 3e-6, "call_s": 0.03})
    assert asked == [(CELL.where, timing.nothing, {"row": "reference", "wait_s": 0.05})] * 6
    assert median([0.01, 0.02, 0.9, 0.03, 0.04]) == 0.03


def test_the_worker_s_clock_says_what_it_was_told() -> None:
    clock = clocks.WorkerClock()
    assert clock() == 0.0
    clock.seconds += 2.5
    assert clock() == 2.5
    assert repr(clock) == "worker_clock"  # pytest-benchmark writes it into the result
