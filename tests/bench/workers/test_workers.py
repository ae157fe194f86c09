"""A worker that hangs, dies or raises is that call's result; the next call goes on."""

from collections.abc import Iterator

import pytest

from bench.workers.pool import WorkerFailed, Workers

WHERE = ("reference", "float64", "cpu")
HERE = "tests.bench.workers.misbehave"


@pytest.fixture(name="pool")
def _pool() -> Iterator[Workers]:
    workers = Workers({})
    yield workers
    workers.stop()


def call(pool: Workers, name: str, timeout_s: float = 30.0, **arguments: object) -> object:
    return pool.call(WHERE, f"{HERE}:{name}", arguments, timeout_s)


def test_values_come_back_and_the_worker_lives_on(pool: Workers) -> None:
    value = {"a": [1, 2.5, None], "b": float("inf"), "c": b"bytes"}
    assert call(pool, "echo", value=value) == value
    assert call(pool, "process") == call(pool, "process")


def test_an_exception_is_named_and_the_worker_lives_on(pool: Workers) -> None:
    before = call(pool, "process")
    with pytest.raises(WorkerFailed, match="no memory left") as failure:
        call(pool, "fail")
    assert failure.value.kind == "MemoryError"
    assert "Traceback" in failure.value.details
    assert call(pool, "process") == before


def test_a_death_is_named_and_a_new_worker_starts(pool: Workers) -> None:
    before = call(pool, "process")
    with pytest.raises(WorkerFailed) as failure:
        call(pool, "die", code=9)
    assert failure.value.kind == "died"
    assert call(pool, "process") != before


def test_a_hang_ends_at_the_limit_and_a_new_worker_starts(pool: Workers) -> None:
    before = call(pool, "process")
    with pytest.raises(WorkerFailed) as failure:
        call(pool, "hang", timeout_s=0.5)
    assert failure.value.kind == "hung"
    assert call(pool, "process") != before


def test_a_missing_interpreter_is_a_failed_call() -> None:
    workers = Workers({"reference": "/nowhere/python"})
    with pytest.raises(WorkerFailed, match="did not start"):
        call(workers, "process")


def test_two_sets_of_workers_live_side_by_side(pool: Workers) -> None:
    other = Workers({})
    try:
        assert call(pool, "process") != call(other, "process")
    finally:
        other.stop()
