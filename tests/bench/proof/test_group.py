"""A group is proved together: by bits where it can be, else by the reference side by side."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from bench.plan.cells import Cell
from bench.proof import group
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


@pytest.fixture(name="side")
def _side(tmp_path: Path) -> Iterator[Side]:
    side = Side(tmp_path, Workers({}), Workers({}))
    yield side
    side.pool.stop()
    side.reference.stop()


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
    assert [one.cell.id for one in judged] == [CELL.id]


def test_other_bits_are_compared(side: Side) -> None:
    """An earlier proof of this run does not hold for them."""
    earlier = {CELL.id: {"status": "proved", "fingerprint": "0" * 64, "comparisons": 0}}
    found = side.prove(CELL, proved=earlier)[CELL.id]
    assert isinstance(found, dict)
    assert found["comparisons"] > 0


def test_a_wrong_end_fails_its_cell_alone(side: Side, monkeypatch: pytest.MonkeyPatch) -> None:
    other = replace(CELL, batch_size=6)
    own = group.read_arrays

    def wrong(path: Path) -> Any:
        found = own(path)
        if path.stem.startswith(other.id):
            metrics = found["metrics"]
            found["metrics"] = {name: 1.01 * value for name, value in metrics.items()}
        return found

    monkeypatch.setattr(group, "read_arrays", wrong)
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
        if function is save_to_prove:
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
    beside = replace(CRITIC, precision="float64")
    side.pool.call(beside.where, start, {"cell": beside.as_dict()}, 120.0)
    number = side.pool.number(beside.where)
    mode = replace(CRITIC, label="another")
    found = side.prove(CRITIC, mode)
    for outcome in found.values():
        assert isinstance(outcome, dict)
        assert outcome["sensitive"]
        proof = outcome["float64"]
        assert (proof["status"], proof["batch_size"], proof["iterations"]) == ("proved", 6, 5)
        assert proof["comparisons"] > 0
        assert proof["limit"] < outcome["limit"]
    live = {CRITIC.where, beside.where}
    assert len(side.pool.processes()) == len(live)
    assert side.pool.number(beside.where) == number, "a float64 cell of the run has its own"
    assert side.prove(CRITIC)[CRITIC.id] == found[CRITIC.id] | {"status": "recognised"}  # type: ignore[operator]


def test_a_wrong_end_in_float64_fails_its_cell_alone(
    side: Side, monkeypatch: pytest.MonkeyPatch
) -> None:
    mode, own = replace(CRITIC, label="another"), group.read_arrays
    small = replace(mode, precision="float64").id

    def wrong(path: Path) -> Any:
        found = own(path)
        if path.stem.startswith(small):
            state = found["state"]
            found["state"] = {k: v if "step" in k else v * (1 + 1e-6) for k, v in state.items()}
        return found

    monkeypatch.setattr(group, "read_arrays", wrong)
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
