"""A worker that hangs, dies or raises is that call's result; the next call goes on."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from bench.workers.pool import WorkerFailed, Workers
from tests.bench.workers import misbehave

WHERE = ("reference", "float64", "cpu")


@pytest.fixture(name="pool")
def _pool() -> Iterator[Workers]:
    workers = Workers({})
    yield workers
    workers.stop()


def call(
    pool: Workers, function: Callable[..., Any], timeout_s: float = 30.0, **arguments: object
) -> object:
    return pool.call(WHERE, function, arguments, timeout_s)


def test_values_come_back_and_the_worker_lives_on(pool: Workers) -> None:
    value = {"a": [1, 2.5, None], "b": float("inf"), "c": b"bytes"}
    assert call(pool, misbehave.echo, value=value) == value
    assert call(pool, misbehave.process) == call(pool, misbehave.process)


def test_an_exception_is_named_and_the_worker_lives_on(pool: Workers) -> None:
    before = call(pool, misbehave.process)
    with pytest.raises(WorkerFailed, match="no memory left") as failure:
        call(pool, misbehave.fail)
    assert failure.value.kind == "MemoryError"
    assert "Traceback" in failure.value.details
    assert call(pool, misbehave.process) == before


def test_a_death_is_named_and_a_new_worker_starts(pool: Workers) -> None:
    before = call(pool, misbehave.process)
    with pytest.raises(WorkerFailed) as failure:
        call(pool, misbehave.die, code=9)
    assert failure.value.kind == "died"
    assert call(pool, misbehave.process) != before


def test_a_hang_ends_at_the_limit_and_a_new_worker_starts(pool: Workers) -> None:
    before = call(pool, misbehave.process)
    with pytest.raises(WorkerFailed) as failure:
        call(pool, misbehave.hang, timeout_s=0.5)
    assert failure.value.kind == "hung"
    assert call(pool, misbehave.process) != before


def test_a_missing_interpreter_is_a_failed_call() -> None:
    workers = Workers({"reference": "/nowhere/python"})
    with pytest.raises(WorkerFailed, match="did not start"):
        call(workers, misbehave.process)


def test_two_sets_of_workers_live_side_by_side(pool: Workers) -> None:
    other = Workers({})
    try:
        assert call(pool, misbehave.process) != call(other, misbehave.process)
    finally:
        other.stop()
