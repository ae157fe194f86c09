"""A cell made ready in its worker: what it says of itself, and whether it stays finite and counts.

The reference is the row: its numbers need no framework.
"""

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from bench.plan.cells import Cell
from bench.proof import starting
from bench.timing import cell as timing
from spec.state import init_state
from spec.work import iteration_multiply_adds

SMALL = "tests/meta/workloads/critic.toml"
CELL = Cell(SMALL, "reference", "eager", "float64", "cpu", 6, "critic")


@pytest.fixture(name="prepared")
def _prepared() -> Iterator[dict[str, Any]]:
    starting.start(CELL.as_dict())
    yield timing.prepare(CELL.id, 0.01, 6)
    timing.release([CELL.id])


def test_a_ready_cell_says_what_is_timed(prepared: dict[str, Any]) -> None:
    workload = CELL.load()
    told = {name: prepared[name] for name in ("iterations_per_round", "chunk_iterations", "data")}
    assert told["iterations_per_round"] == 6
    assert told["chunk_iterations"] == workload.chunk_iterations()
    assert told["data"] == {"x": {"kind": "drawn on the device"}}
    assert prepared["round_s"] > 0.0
    assert 0.0 < prepared["draws_s_per_iteration"] < prepared["round_s"]
    assert prepared["updates_per_iteration"] == workload.updates_per_iteration
    assert prepared["images_per_iteration"] == workload.images_per_iteration
    assert prepared["multiply_adds_per_iteration"] == iteration_multiply_adds(workload)
    assert prepared["spec_hash"] == workload.spec_hash
    assert prepared["backend"]["device"]
    assert prepared["optimizer"]


def test_data_are_told_by_their_hash() -> None:
    cell = Cell("mlp_small", "reference", "eager", "float64", "cpu", 1, "mlp_small")
    starting.start(cell.as_dict())
    (of,) = timing.prepare(cell.id, 0.01, 1)["data"].values()
    assert (of["count"], of["shape"], len(of["sha256"])) == (1797, [28, 28, 1], 64)
    timing.release([cell.id])


def test_every_iteration_is_counted(prepared: dict[str, Any]) -> None:
    before = timing.ready(CELL.id).iterations
    assert before == 6 * len(timing.ready(CELL.id).metrics)  # those that found its length
    timing.time_round(CELL.id, 2)
    timing.time_round(CELL.id, 3)
    found = timing.count(CELL.id)
    assert found == {
        "iterations_run": before + 5,
        "iterations_counted": before + 5,
        "left_at": None,
    }
    assert timing.ready(CELL.id).metrics == []


def test_rounds_go_on_from_where_the_last_one_ended(prepared: dict[str, Any]) -> None:
    """From the first state of the seed that was proved, too."""
    ready = timing.ready(CELL.id)
    first = init_state(ready.workload, starting.SEED)
    program = starting.started(CELL.id).program
    state = program.import_state(first)
    calls = ready.calls
    for call, n in enumerate([6] * calls, start=1):
        state, _ = program.run(state, ready.placed, starting.SEED + call, n)
    here = program.export_state(ready.state)
    for name, value in program.export_state(state).items():
        np.testing.assert_array_equal(here[name], value)
    timing.time_round(CELL.id, 1)
    state, _ = program.run(state, ready.placed, starting.SEED + calls + 1, 1)
    after = program.export_state(timing.ready(CELL.id).state)
    for name, value in program.export_state(state).items():
        np.testing.assert_array_equal(after[name], value)


def test_a_cell_that_is_let_go_of_is_there_no_more() -> None:
    starting.start(CELL.as_dict())
    timing.prepare(CELL.id, 0.01, 1)
    timing.release(["another", CELL.id])
    with pytest.raises(KeyError):
        timing.ready(CELL.id)
    with pytest.raises(KeyError):
        starting.started(CELL.id)


class Leaving:
    """A program that is finite up to an iteration; its state counts what was run."""

    def __init__(self, finite: int, in_state_only: bool = False) -> None:
        self.finite, self.in_state_only = finite, in_state_only
        self.asked: list[int] = []

    def import_state(self, arrays: Any) -> int:
        """Iterations so far."""
        return 0

    def run(self, state: int, placed: Any, seed: int, n: int) -> tuple[int, dict[str, Any]]:
        """One number an iteration."""
        self.asked.append(n)
        ran = np.arange(state + 1, state + n + 1)
        late = np.inf if not self.in_state_only else 0.0
        return state + n, {
            "d_loss": np.where(ran > self.finite, late, 1.0),
            "g_loss": np.zeros(n),
        }

    def block_until_ready(self, value: Any) -> None:
        """At once."""

    def export_state(self, state: int) -> dict[str, Any]:
        """A weight that is not finite once a loss was not."""
        return {
            "iteration": np.asarray(state),
            "weight": np.asarray([np.nan if state > self.finite else 1.0]),
        }


def ready_with(program: Any) -> Any:
    return timing.Ready(CELL.load(), program, None, 0, lambda: None)


@pytest.mark.parametrize("finite", [0, 3, 4, 5, 9, 10])
@pytest.mark.parametrize("in_state_only", [False, True])
def test_the_first_iteration_that_is_not_finite_is_named(
    finite: int, in_state_only: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By its loss; where only the state shows it, the last is all that is known."""
    ready = ready_with(Leaving(finite, in_state_only))
    monkeypatch.setitem(timing._READY, "cell", ready)
    for n in (4, 1, 5):
        timing.time_round("cell", n)
    left_at = None if finite == 10 else 10 if in_state_only else finite + 1
    expected = {"iterations_run": 10, "iterations_counted": 10, "left_at": left_at}
    assert timing.count("cell") == expected


def test_a_round_that_ended_with_a_loss_that_is_not_finite_is_seen_though_the_next_is(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    program = Leaving(10)
    ready = ready_with(program)
    monkeypatch.setitem(timing._READY, "cell", ready)
    for n in (4, 1, 5):
        timing.time_round("cell", n)
    ready.metrics[0][1]["d_loss"][2:] = np.inf
    assert timing.count("cell")["left_at"] == 3


@pytest.mark.parametrize(
    ("finite", "n", "pieces", "left_at"),
    [
        (1000, 250, [100, 100, 100], None),
        (1000, 40, [40], None),
        (1000, 1, [1], None),
        (120, 1000, [100, 100], 121),
        (0, 50, [50], 1),
    ],
)
def test_a_cell_is_trained_on_until_it_leaves_the_finite_numbers(
    finite: int, n: int, pieces: list[int], left_at: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Anew from the first state, in pieces; the cell's own state stays where it was."""
    program = Leaving(finite)
    live = ready_with(program)
    live.state = 7
    monkeypatch.setitem(timing._READY, "cell", live)
    found = timing.train_on("cell", n, 1e6)
    assert program.asked == pieces
    assert found == {"iterations": sum(pieces), "left_at": left_at}
    assert (live.state, live.iterations, live.calls) == (7, 0, 0)


def test_training_on_ends_after_so_many_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    program, clock = Leaving(10**9), iter(np.arange(0.0, 100.0, 2.0))
    monkeypatch.setitem(timing._READY, "cell", ready_with(program))
    fake = SimpleNamespace(monotonic=lambda: next(clock), perf_counter=lambda: 0.0)
    monkeypatch.setattr(timing, "time", fake)
    # Read once before it, and before each piece: 0, then 2, 4; at 6 it is over.
    assert timing.train_on("cell", 10**6, 5.0) == {"iterations": 200, "left_at": None}


def test_drawing_is_timed_the_second_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first compiles, for ten seconds; each of four chunks then takes a second."""
    now, drawn = [0.0], [0]

    def chunks(placed: Any, seed: int, n: int) -> Iterator[str]:
        assert (placed, seed, n) == ("data", timing.SEED, 8)
        drawn[0] += 1
        now[0] += 10.0 if drawn[0] == 1 else 0.0
        yield from "abcd"

    def wait(chunk: str) -> None:
        now[0] += 1.0

    program: Any = SimpleNamespace(chunks=chunks, block_until_ready=wait)
    monkeypatch.setattr(timing.time, "perf_counter", lambda: now[0])
    ready = timing.Ready(CELL.load(), program, "data", None, lambda: None)
    assert timing._draws_s(ready, 8) == 0.5
    assert drawn == [2]


def test_an_empty_round_takes_nothing_and_the_wait_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    now, slept = [0.0], []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        now[0] += seconds

    monkeypatch.setattr(timing.time, "sleep", sleep)
    monkeypatch.setattr(timing.time, "perf_counter", lambda: now[0])
    assert timing.nothing("reference", 0.25) == {"empty_round_s": 0.0, "here_s": 0.25}
    assert slept == [0.25]


def test_a_round_of_a_dispatch_a_chunk_is_of_whole_chunks() -> None:
    cell = Cell(SMALL, "reference", "multistep", "float64", "cpu", 6, "critic")
    starting.start(cell.as_dict())
    found = timing.prepare(cell.id, 1e-9)
    chunk = cell.load().chunk_iterations()
    assert (found["iterations_per_round"], found["chunk_iterations"]) == (chunk, chunk)
    timing.release([cell.id])
