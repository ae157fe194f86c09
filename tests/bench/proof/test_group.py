"""A group is proved together: by bits where it can be, else by the reference side by side."""

import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from bench.plan.cells import Cell
from bench.proof import group, side_by_side
from bench.proof.arrays import read_rows, write_rows
from bench.proof.starting import save_to_prove, start, start_in_float64
from bench.workers.pool import WorkerFailed, Workers

SMALL = "tests/meta/workloads/vocabulary_b.toml"
CRITIC = Cell(
    "tests/meta/workloads/critic.toml", "reference", "eager", "float32", "cpu", 6, "critic"
)
CELL = Cell(SMALL, "reference", "eager", "float32", "cpu", 4, "vocabulary_b")


@dataclass
class Side:
    """Workers, and what is proved in them."""

    folder: Path
    pool: Workers
    reference: Workers

    def prove(self, *cells: Cell, **how: Any) -> dict[str, group.Outcome]:
        """The outcomes of cells that are started for it."""
        for cell in cells:
            self.pool.call(cell.where, start, {"cell": cell.as_dict()}, 120.0)
        told: dict[str, Any] = {"proved": {}, "kept_in": self.folder / "kept"} | how
        (self.folder / "draws").mkdir(exist_ok=True)
        return group.prove(cells, self.pool, self.reference, self.folder / "draws", **told)


@pytest.fixture(name="pools", scope="module")
def _pools() -> Iterator[tuple[Workers, Workers]]:
    """Of all these tests: a worker takes a second to start."""
    pools = Workers({}), Workers({})
    yield pools
    for pool in pools:
        pool.stop()


@pytest.fixture(name="side")
def _side(tmp_path: Path, pools: tuple[Workers, Workers]) -> Side:
    return Side(tmp_path, *pools)


def test_a_proof_is_kept_recognised_and_made_anew_when_asked(side: Side) -> None:
    found = side.prove(CELL)[CELL.id]
    assert isinstance(found, dict)
    assert found["comparisons"] > 0
    assert found["status"] == "proved"
    assert len(found["fingerprint"]) == 64
    assert side.prove(CELL)[CELL.id] == found | {"status": "recognised"}
    assert side.prove(CELL, recognise=False)[CELL.id] == found
    assert side.prove(CELL, kept_in=None)[CELL.id] == found


def test_a_pair_shares_a_proof_by_its_bits(side: Side, monkeypatch: pytest.MonkeyPatch) -> None:
    judged = []
    own = group._judged

    def judging(one: group.Ran, replays: Any) -> group.Outcome:
        judged.append(one)
        return own(one, replays)

    monkeypatch.setattr(group, "_judged", judging)
    twin = replace(CELL, again=True)
    found = side.prove(CELL, twin, kept_in=None)
    assert found[twin.id] == found[CELL.id] | {"same_bits": True}  # type: ignore[operator]
    assert [one.cell for one in judged if one.cell.precision == "float32"] == [CELL]


def test_other_bits_are_compared(side: Side) -> None:
    """An earlier proof of this run does not hold for them."""
    earlier = {CELL.id: {"status": "proved", "fingerprint": "0" * 64, "comparisons": 0}}
    found = side.prove(CELL, proved=earlier)[CELL.id]
    assert isinstance(found, dict)
    assert found["comparisons"] > 0


def metrics_off(end: dict[str, Any]) -> None:
    end["metrics"] = {name: 1.01 * value for name, value in end["metrics"].items()}


def state_off(end: dict[str, Any]) -> None:
    """By little: only float64 shows it. Counters stay."""
    state = end["state"]
    end["state"] = {k: v if "step" in k else v * (1 + 1e-6) for k, v in state.items()}


def end_otherwise(
    monkeypatch: pytest.MonkeyPatch, cell: str, change: Callable[[dict[str, Any]], None]
) -> None:
    """What this cell ended with is read otherwise than it was written."""
    own = group.read_arrays

    def wrong(path: Path) -> Any:
        found = own(path)
        if path.stem.startswith(cell):
            change(found)
        return found

    monkeypatch.setattr(group, "read_arrays", wrong)


def test_a_wrong_end_fails_its_cell_alone(side: Side, monkeypatch: pytest.MonkeyPatch) -> None:
    other = replace(CELL, batch_size=6)
    end_otherwise(monkeypatch, other.id, metrics_off)
    found = side.prove(CELL, other)
    assert isinstance(found[CELL.id], dict)
    failure = found[other.id]
    assert isinstance(failure, WorkerFailed)
    assert failure.kind == "CheckFailed"
    assert "over the limit" in str(failure)


def test_modes_share_their_draws_and_are_judged_by_them(
    side: Side, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that drew otherwise than the first of its worker would not end where these draws lead."""
    own, asked = side.pool.call, []

    def other_draws(where: Any, function: Any, arguments: Any, timeout_s: float) -> Any:
        found = own(where, function, arguments, timeout_s)
        if function is save_to_prove and where == CELL.where:
            asked.append(arguments["drawn"])
            for files in found.values():
                rows = read_rows(Path(files["draws"]))
                Path(files["draws"]).unlink()
                moved = [{key: 1.01 * value for key, value in row.items()} for row in rows]
                write_rows(Path(files["draws"]), moved)
        return found

    mode = replace(CELL, label="another")
    assert isinstance(side.prove(CELL, mode, kept_in=None)[mode.id], dict)
    monkeypatch.setattr(side.pool, "call", other_draws)
    found = side.prove(CELL, mode, kept_in=None)
    assert [bool(drawn) for drawn in asked] == [False, True]
    for failure in found.values():
        assert isinstance(failure, WorkerFailed)
        assert "over the limit" in str(failure)


def test_a_sensitive_cell_is_proved_in_float64_too_in_a_worker_that_ends(side: Side) -> None:
    side.pool.stop()
    beside = replace(CRITIC, precision="float64")
    side.pool.call(beside.where, start, {"cell": beside.as_dict()}, 120.0)
    number = side.pool.number(beside.where)
    mode = replace(CRITIC, label="another")
    found = side.prove(CRITIC, mode)
    for outcome in found.values():
        assert isinstance(outcome, dict)
        assert outcome["sensitive"]
        proof = outcome["float64"]
        assert (proof["status"], proof["batch_size"], proof["iterations"]) == ("proved", 6, 3)
        assert proof["comparisons"] > 0
        assert proof["limit"] < outcome["limit"]
    live = {CRITIC.where, beside.where}
    assert len(side.pool.processes()) == len(live)
    assert side.pool.number(beside.where) == number, "a float64 cell of the run has its own"
    assert side.prove(CRITIC)[CRITIC.id] == found[CRITIC.id] | {"status": "recognised"}  # type: ignore[operator]


def test_a_wrong_end_in_float64_fails_its_cell_alone(
    side: Side, monkeypatch: pytest.MonkeyPatch
) -> None:
    mode = replace(CRITIC, label="another")
    end_otherwise(monkeypatch, replace(mode, precision="float64").id, state_off)
    found = side.prove(CRITIC, mode)
    assert isinstance(found[CRITIC.id], dict)
    failure = found[mode.id]
    assert isinstance(failure, WorkerFailed)
    assert (failure.kind, "over the limit" in str(failure)) == ("CheckFailed", True)


def test_what_does_not_start_in_float64_is_not_proved(
    side: Side, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = side.pool.call

    def call(where: Any, function: Any, arguments: Any, timeout_s: float) -> Any:
        if function is start_in_float64:
            raise WorkerFailed("ValueError", "no float64 here")
        return own(where, function, arguments, timeout_s)

    monkeypatch.setattr(side.pool, "call", call)
    failure = side.prove(CRITIC)[CRITIC.id]
    assert isinstance(failure, WorkerFailed)
    assert str(failure) == "no float64 here"


Call = Callable[[Any, Any, Any, float], Any]


def asking(pool: Workers, asked: list[Any], waits: Callable[[Any], bool]) -> Call:
    """A pool's `call` that notes what was asked, and may wait for something before it goes on."""
    own = pool.call

    def call(where: Any, function: Any, arguments: Any, timeout_s: float) -> Any:
        asked.append(function)
        end = time.monotonic() + 60.0
        while waits(function):
            assert time.monotonic() < end, "it never came to that"
            time.sleep(0.01)
        return own(where, function, arguments, timeout_s)

    return call


def test_a_clipped_critic_is_begun_in_float64_while_the_reference_runs(
    side: Side, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Any] = []
    rows = asking(side.pool, asked, lambda _: False)
    reference = asking(side.reference, [], lambda _: start_in_float64 not in asked)
    monkeypatch.setattr(side.pool, "call", rows)
    monkeypatch.setattr(side.reference, "call", reference)
    found = side.prove(CRITIC, kept_in=None)[CRITIC.id]
    assert isinstance(found, dict)
    assert found["float64"]["status"] == "proved"
    assert asked.count(start_in_float64) == 1


def test_of_two_that_were_to_be_begun_the_second_does_not_wait(
    side: Side, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Any] = []

    def waits(function: Any) -> bool:
        return function is start_in_float64 and asked.count(start_in_float64) < 2

    monkeypatch.setattr(side.pool, "call", asking(side.pool, asked, waits))
    own = lambda cell: (cell.row, "float64", cell.device, cell.label)  # noqa: E731
    monkeypatch.setattr(side_by_side, "_where_in_float64", own)
    monkeypatch.setattr(side_by_side, "cpus_usable", lambda: 2)  # with one they take turns
    both = CRITIC, replace(CRITIC, label="another", again=True)
    for outcome in side.prove(*both, kept_in=None).values():
        assert isinstance(outcome, dict)
        assert outcome["float64"]["status"] == "proved"
    assert asked.count(start_in_float64) == len(both)


def test_what_was_begun_in_float64_for_nothing_changes_no_verdict(
    side: Side, monkeypatch: pytest.MonkeyPatch
) -> None:
    """This one clips too, and is not sensitive."""
    found = side.prove(CELL, kept_in=None)[CELL.id]
    assert isinstance(found, dict)
    assert (found["status"], found["sensitive"]) == ("proved", False)
    assert found["float64"]["status"] == "proved"
    end_otherwise(monkeypatch, CELL.id, metrics_off)
    failure = side.prove(CELL, kept_in=None)[CELL.id]
    assert isinstance(failure, WorkerFailed)
    assert "over the limit" in str(failure)


def test_a_diverging_reference_is_no_failed_check(side: Side) -> None:
    path = "tests/bench/commands/runaway.toml"
    found = side.prove(replace(CELL, workload=path, label="runaway"))
    (failure,) = found.values()
    assert isinstance(failure, WorkerFailed)
    assert failure.kind == group.DIVERGES
    words = r"the reference is not finite from iteration \d\d on"
    assert re.fullmatch(words, str(failure))


def test_a_reference_that_dies_fails_the_cell(side: Side, monkeypatch: pytest.MonkeyPatch) -> None:
    real = side.reference.call

    def call(where: Any, function: Any, arguments: Any, timeout_s: float) -> Any:
        from tests.bench.workers import misbehave

        return real(where, misbehave.die, {"code": 9}, timeout_s)

    monkeypatch.setattr(side.reference, "call", call)
    failure = side.prove(CELL)[CELL.id]
    assert isinstance(failure, WorkerFailed)
    assert failure.kind == "died"
