"""Calls side by side: in order, no more than the slots, and ended by an interruption."""

import threading
import time
from concurrent.futures import Future
from typing import Any

import pytest

from bench.workers.beside import Beside
from bench.workers.pool import WorkerFailed, Workers
from tests.bench.workers import misbehave

WHERE = ("reference", "float64", "cpu")


def test_as_many_as_there_are_slots_and_in_order() -> None:
    both = threading.Barrier(2, timeout=30.0)  # broken unless two are here at the same time
    here, most = [], []

    def call(number: int) -> int:
        here.append(number)
        most.append(len(here))
        both.wait()
        here.remove(number)
        return number

    with Beside(2) as beside:
        assert beside.each(call, range(6)) == list(range(6))
    assert max(most) == 2


def test_an_interruption_ends_what_is_waited_for() -> None:
    workers, asked = Workers({}), []
    waiting: list[Future[None]] = []

    def hang(timeout_s: float) -> None:
        try:
            workers.call(WHERE, misbehave.hang, {}, timeout_s)
        except WorkerFailed as failure:
            asked.append(failure.kind)
            raise

    def interrupt() -> None:
        with Beside(1, workers) as beside:
            waiting.extend(beside.submit(hang, 600.0) for _ in range(2))
            while not waiting[0].running():
                time.sleep(0.01)
            time.sleep(1.0)  # its thread runs, and its call may still be on the way
            raise KeyboardInterrupt

    workers.call(WHERE, misbehave.process, {}, 30.0)
    start = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        interrupt()
    assert time.monotonic() - start < 60.0
    assert asked == ["died"]
    assert waiting[-1].cancelled()
    assert workers.processes() == []


class Stoppable:
    """Workers whose call ends when they are stopped for the third time."""

    def __init__(self) -> None:
        self.stops = 0
        self.ended = threading.Event()

    def stop(self) -> None:
        """One more."""
        self.stops += 1
        if self.stops >= 3:
            self.ended.set()


def test_arguments_are_handed_on_and_an_error_comes_back() -> None:
    with Beside(2) as beside:
        assert beside.slots == 2
        assert beside.submit(lambda *given: given, 1, "a", None).result(30) == (1, "a", None)
        assert beside.submit(lambda: "nothing given").result(30) == "nothing given"
        assert beside.each(str, []) == []
        with pytest.raises(ZeroDivisionError):
            beside.each(lambda number: 1 / number, (1, 0, 2))


def test_an_end_waits_for_what_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    leaving, workers, waited = threading.Event(), Stoppable(), []
    done: list[int] = []
    asked: Any = workers

    def call() -> None:
        waited.append(leaving.wait(30))
        done.append(1)

    with Beside(1, asked) as beside:
        shutdown = beside._pool.shutdown

        def shut(**how: Any) -> None:
            leaving.set()  # from here on the call can end
            shutdown(**how)

        monkeypatch.setattr(beside._pool, "shutdown", shut)
        beside.submit(call)
    assert (waited, done, workers.stops) == ([True], [1], 0)


def test_workers_are_stopped_until_nothing_waits_for_them() -> None:
    """A thread may have asked for a worker after the first stop."""
    one, other = Stoppable(), Stoppable()
    ends: list[bool] = []
    asked: tuple[Any, ...] = (one, other)

    def leave() -> None:
        running = threading.Event()

        def call() -> None:
            running.set()
            ends.append(other.ended.wait(5))

        with Beside(1, *asked) as beside:
            begun.append(beside.submit(call))
            begun.append(beside.submit(ends.append, True))
            assert running.wait(30)
            raise KeyboardInterrupt

    begun: list[Any] = []
    with pytest.raises(KeyboardInterrupt):
        leave()
    assert ends == [True]
    assert one.stops == other.stops >= 3
    assert [future.cancelled() for future in begun] == [False, True]
