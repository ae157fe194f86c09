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
from bench.proof.starting import save_to_prove, start
from bench.workers.pool import WorkerFailed, Workers

SMALL = "tests/meta/workloads/vocabulary_b.toml"
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
