"""Calls side by side: in order, no more than the slots, and ended by an interruption."""

import threading
import time
from concurrent.futures import Future

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
            raise KeyboardInterrupt

    workers.call(WHERE, misbehave.process, {}, 30.0)
    start = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        interrupt()
    assert time.monotonic() - start < 60.0
    assert asked == ["died"]
    assert waiting[-1].cancelled()
    assert workers.processes() == []
