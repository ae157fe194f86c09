"""How workers are started, asked and ended, with gateways that are made up."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bench.workers import pool as pool_module
from bench.workers.pool import COMMON, ROOT, SOURCE, WorkerFailed, Workers
from tests.bench.workers.gateways import Channel, Gateway, Group

ONE, OTHER = ("pytorch", "float32", "cpu"), ("pytorch", "float64", "cpu", "one-thread")
THIRD = ("flax_nnx", "float32", "cuda")


def made(pool: Workers) -> list[Gateway]:
    """The workers that were started, first to last."""
    group: Any = pool._group
    found: list[Gateway] = group.made
    return found


@pytest.fixture(name="pool")
def _pool(monkeypatch: pytest.MonkeyPatch) -> Iterator[Workers]:
    """Of gateways that are made up."""
    monkeypatch.setattr(pool_module.execnet, "Group", Group)
    monkeypatch.setattr(pool_module.files, "lent", lambda: {"LENT": "/data", "TF_X": "lent"})
    monkeypatch.setenv("XLA_FLAGS", "--own=1")
    given = {"PYTHONWARNINGS": "error", "TF_X": "own"}
    pool = Workers({"pytorch": "/my/python"}, given)
    yield pool
    pool.stop()


def say(pool: Workers, where: tuple[str, ...], text: str) -> None:
    """A worker writes to its standard error."""
    with Path(pool._live[where][3]._file.name).open("a", encoding="utf-8") as file:
        file.write(text)


def test_a_worker_is_started_once_with_all_that_it_needs(pool: Workers) -> None:
    for where, number in ((ONE, 0), (OTHER, 1), (ONE, 0), (THIRD, 2)):
        assert pool.number(where) == number + 1
        assert pool.processes() == [1001 + i for i in range(len(made(pool)))]
    one, other, third = made(pool)
    assert (one.kind, one.id, other.id, third.id) == ("popen", "w1", "w2", "w3")
    assert one.words["execmodel"] == "main_thread_only"
    assert one.words["chdir"] == str(ROOT)
    assert one.words["python"].endswith(" /my/python")
    assert third.words["python"].endswith(f" {sys.executable}")
    assert one.ran == other.ran == [SOURCE]
    found = {name[4:]: value for name, value in one.words.items() if name.startswith("env:")}
    own = {"PYTHONWARNINGS": "error", "TF_X": "own", "LENT": "/data"}
    assert found == COMMON | pool_module.environment("pytorch", "cpu") | own
    assert other.words["env:OMP_NUM_THREADS"] == "1"
    assert other.words["env:CUDA_VISIBLE_DEVICES"] == ""
    assert "env:CUDA_VISIBLE_DEVICES" not in third.words


def test_rows_have_the_interpreters_that_were_given() -> None:
    pythons = {"a": "/a"}
    workers = Workers(pythons)
    pythons["a"] = "/other"
    assert (workers.python("a"), workers.python("b")) == ("/a", sys.executable)
    assert workers.processes() == []


def test_a_call_and_its_answer(pool: Workers) -> None:
    pool.number(ONE)
    (one,) = made(pool)
    one.channel.answers = [("ok", {"a": 1}), ("ok", None), ("error", "KeyError", "b", "lines")]
    assert pool.call(ONE, json.dumps, {"obj": 1}, 7.5) == {"a": 1}
    assert pool.call(ONE, json.JSONDecoder.decode, {}, 3) is None
    assert one.channel.sent == [
        ("json:dumps", {"obj": 1}),
        ("json.decoder:JSONDecoder.decode", {}),
    ]
    assert one.channel.limits == [7.5, 3]
    with pytest.raises(WorkerFailed, match=r"^b$") as failure:
        pool.call(ONE, json.dumps, {}, 1)
    assert (failure.value.kind, failure.value.details) == ("KeyError", "lines")
    assert (pool.number(ONE), len(made(pool)), one.exits) == (1, 1, 0)


def test_what_a_worker_wrote_before_the_call_is_not_shown(pool: Workers) -> None:
    pool.number(ONE)
    (one,) = made(pool)
    say(pool, ONE, "long ago\n")

    def answer() -> Any:
        say(pool, ONE, "just now\n")
        return "error", "KeyError", "b", "lines"

    one.channel.answers = [answer]
    with pytest.raises(WorkerFailed) as failure:
        pool.call(ONE, json.dumps, {}, 1)
    assert failure.value.details == "lines\njust now"


def test_a_worker_that_hangs_is_replaced(pool: Workers) -> None:
    pool.number(ONE)
    (one,) = made(pool)
    path = Path(pool._live[ONE][3]._file.name)

    def answer() -> Any:
        say(pool, ONE, "waiting\n")
        return Channel.TimeoutError()

    one.channel.answers = [answer]
    with pytest.raises(WorkerFailed, match=r"^no answer within 7 s$") as failure:
        pool.call(ONE, json.dumps, {}, 7.25)
    assert (failure.value.kind, failure.value.details) == ("hung", "waiting")
    assert (pool.processes(), one.exits, path.exists()) == ([], 1, False)
    assert one.process.events == ["in vain", "kill", "waited"]
    assert pool.number(ONE) == 2


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (EOFError(), ""),
        (OSError("the pipe\n is broken \n"), ";  is broken"),
        (Channel.RemoteError("far\naway"), "; away"),
    ],
)
@pytest.mark.parametrize(("own_s", "code"), [(1.0, "3"), (1.5, "None")])
def test_a_worker_that_dies_says_why(
    error: Exception, reason: str, own_s: float, code: str, pool: Workers
) -> None:
    """Its code is there a moment later, or is not waited for."""
    pool.number(ONE)
    (one,) = made(pool)
    one.process.own_s = own_s

    def answer() -> Any:
        say(pool, ONE, "first\nlast\n")
        return error

    one.channel.answers = [answer]
    with pytest.raises(WorkerFailed) as failure:
        pool.call(ONE, json.dumps, {}, 1)
    expected = f"the worker ended (code {code}){reason}; it last wrote: last"
    assert str(failure.value) == expected
    assert (failure.value.kind, failure.value.details) == ("died", "first\nlast")
    assert (pool.processes(), one.exits) == ([], 1)


def test_a_worker_that_said_nothing(pool: Workers) -> None:
    pool.number(ONE)
    made(pool)[0].channel.answers = [EOFError()]
    with pytest.raises(WorkerFailed, match=r"^the worker ended \(code None\)$"):
        pool.call(ONE, json.dumps, {}, 1)


def test_workers_are_ended_one_by_one_by_row_and_all(pool: Workers) -> None:
    for where in (ONE, OTHER, THIRD):
        pool.number(where)
    one, other, third = made(pool)
    pool.end(("nobody",))
    pool.end(OTHER)
    assert (pool.processes(), other.exits) == ([1001, 1003], 1)
    assert other.process.events[0] == "kill"  # an idle one has nothing to finish
    assert pool.number(OTHER) == 4
    pool.keep_only(ONE)
    assert pool.processes() == [1001]
    pool.number(THIRD)
    pool.number(OTHER)
    pool.stop("pytorch")
    assert pool.processes() == [1005]
    assert (one.exits, third.exits) == (1, 1)
    pool.number(ONE)
    pool.stop()
    pool.stop()
    assert pool.processes() == []
    assert [gateway.exits for gateway in made(pool)] == [1] * 7


@pytest.mark.parametrize(("killed_s", "last"), [(9.5, "waited"), (10.5, "in vain")])
def test_a_process_that_is_stuck_is_left_behind(killed_s: float, last: str, pool: Workers) -> None:
    pool.number(ONE)
    (one,) = made(pool)
    one.process.killed_s = killed_s
    pool.end(ONE)
    assert (one.process.events[-1], one.exits) == (last, 1)


def test_one_thread_may_end_what_another_waits_for(pool: Workers) -> None:
    pool.number(ONE)
    (one,) = made(pool)

    def answer() -> Any:
        pool.stop()
        return EOFError()

    one.channel.answers = [answer]
    with pytest.raises(WorkerFailed, match=r"^the worker ended \(code None\)$") as failure:
        pool.call(ONE, json.dumps, {}, 1)
    assert failure.value.details == ""
    assert one.exits == 1


def test_what_does_not_start_is_no_worker(pool: Workers) -> None:
    group: Any = pool._group
    pool.number(OTHER)
    group.fails = OSError("no such\nfile")
    with pytest.raises(WorkerFailed, match=r"^/my/python did not start: file$") as failure:
        pool.number(ONE)
    assert (failure.value.kind, failure.value.details) == ("died", "no such\nfile")
    assert [gateway.exits for gateway in made(pool)] == [0, 1]
    group.fails = None
    assert pool.number(ONE) == 3


def test_a_failure_holds_no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "s3cr3t-7f1c")
    failure = WorkerFailed("died", "a s3cr3t-7f1c", "b s3cr3t-7f1c")
    assert (str(failure), failure.details, failure.kind) == ("a ***", "b ***", "died")
    assert WorkerFailed("died", "a").details == ""
