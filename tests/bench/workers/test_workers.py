"""A worker that hangs, dies or raises is that call's result; the next call goes on."""

import gc
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from bench.workers import standard_error
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


READS_A_LINE = "head -n 1 >/dev/null"
NO_PYTHON = {
    "it ends at once": "true",
    "it ends when it is written to": "head -c 1 >/dev/null",
    "it reads all that it is sent": READS_A_LINE,
    "it answers and then ends": f"{READS_A_LINE}; printf 1",
}


def test_a_missing_interpreter_is_a_failed_call() -> None:
    _refuse_to_start("/nowhere/python", r"did not start: sh: .*/nowhere/python")


@pytest.mark.parametrize("script", NO_PYTHON.values(), ids=NO_PYTHON)
def test_an_interpreter_that_is_none_says_why(tmp_path: Path, script: str) -> None:
    python = tmp_path / "my python"
    lines = ("#!/bin/sh", script, "echo no libpython here >&2", "exit 3", "")
    python.write_text("\n".join(lines), encoding="utf-8")
    python.chmod(0o755)
    _refuse_to_start(str(python), "my python did not start: no libpython here")


def _refuse_to_start(python: str, said: str) -> None:
    """One failed call, nothing left open, and no gateway that the end would wait for."""
    workers = Workers({"reference": python})
    with warnings.catch_warnings(record=True) as left_open:
        warnings.simplefilter("always", ResourceWarning)
        with pytest.raises(WorkerFailed, match=said):
            call(workers, misbehave.process)
        gc.collect()
    assert not left_open
    assert not list(workers._group)
    assert workers.processes() == []


def test_what_a_worker_writes_reaches_no_terminal(capfd: pytest.CaptureFixture[str]) -> None:
    workers = Workers({})
    try:
        call(workers, misbehave.write, text="a greeting")
        call(workers, misbehave.process)
    finally:
        workers.stop()
    assert capfd.readouterr() == ("", "")


def test_last_words_are_kept_for_the_error_they_explain(pool: Workers) -> None:
    call(pool, misbehave.write, text="long ago")
    with pytest.raises(WorkerFailed, match="no memory") as failure:
        call(pool, misbehave.write_and_fail, text="a plugin")
    assert failure.value.details.startswith("Traceback")
    assert failure.value.details.endswith("a plugin of Python\na plugin of C")
    with pytest.raises(WorkerFailed, match=r"code -6.*it last wrote: a crash of C") as failure:
        call(pool, misbehave.write_and_die, text="a crash")
    assert failure.value.details.startswith("a crash of Python\na crash of C")
    with pytest.raises(WorkerFailed) as failure:
        call(pool, misbehave.write_and_hang, text="waiting", timeout_s=2.0)
    assert failure.value.details == "waiting of Python\nwaiting of C"


def test_of_much_that_is_written_the_end_is_kept(
    pool: Workers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(standard_error, "LARGEST_BYTES", 1000)
    call(pool, misbehave.write, text="noise" * 20, times=100)
    file = Path(pool._live[WHERE][3]._file.name)
    assert file.stat().st_size > 1000
    with pytest.raises(WorkerFailed) as failure:
        call(pool, misbehave.write_and_fail, text="a plugin")
    assert failure.value.details.endswith("\na plugin of Python\na plugin of C")
    assert "noise" not in failure.value.details
    assert file.stat().st_size < 100
    with pytest.raises(WorkerFailed) as failure:
        call(pool, misbehave.write_and_die, text="x" * 10_000)
    assert len(failure.value.details) < 2 * standard_error.TAIL_BYTES
    assert not file.exists()


def test_two_sets_of_workers_live_side_by_side(pool: Workers) -> None:
    other = Workers({})
    try:
        assert call(pool, misbehave.process) != call(other, misbehave.process)
    finally:
        other.stop()
