"""Which cells of a group are compared, which are known by their bits, and what is kept."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bench.plan.cells import Cell
from bench.proof import group
from bench.proof.closeness import CheckFailed
from bench.proof.ran import Ran
from bench.workers.pool import WorkerFailed

ONE = Cell("mlp_small", "row_a", "eager", "float32", "cpu", 4, "small")
MODE, TWIN = replace(ONE, mode="compiled"), replace(ONE, again=True)
BITS = {ONE: "bits", MODE: "others", TWIN: "bits"}
GIVEN: Any = ("workers", "reference", Path("draws"))


def proof(bits: str, **more: Any) -> dict[str, Any]:
    return {"status": "proved", "fingerprint": bits, "sensitive": False} | more


class Asked:
    """A side whose cells end with the bits that they are given, and are judged as they are told."""

    def __init__(self) -> None:
        self.bits: dict[Cell, Any] = dict(BITS)
        self.verdicts: dict[Cell, Any] = {}
        self.new: list[Cell] = []
        self.judged: list[Cell] = []
        self.replayed: list[list[Cell]] = []
        self.in_float64: list[Cell] = []
        self.exact: dict[Cell, Any] = {}

    def __enter__(self) -> "Asked":
        return self

    def __exit__(self, *raised: object) -> None:
        """Nothing was begun."""

    def ran(self, cells: Any, is_new: Any) -> Any:
        """What each ended with, or why it did not."""
        found = []
        for cell in cells:
            bits = self.bits[cell]
            one = bits if isinstance(bits, WorkerFailed) else Ran(cell, cell.where, told(bits), {})
            if isinstance(one, Ran) and is_new(one):
                self.new.append(cell)
            found.append((cell, one))
        return found

    def replays(self, ran: Any, is_enough: Any) -> Any:
        """Of these cells."""
        self.replayed.append([one.cell for one in ran])
        return "replays"

    def ran_in_float64(self, cells: Any) -> Any:
        """Small cells, or a failure."""
        self.in_float64 += cells
        found = []
        for cell in cells:
            small = replace(cell, precision="float64")
            found.append((cell, self.exact.get(cell) or Ran(small, small.where, told("x"), {})))
        return found

    def judge(self, one: Ran, replays: Any) -> Any:
        """As told; proved where it is not."""
        self.judged.append(one.cell)
        return self.verdicts.get(one.cell, proof(one.told["fingerprint"]))


def told(bits: str) -> dict[str, Any]:
    return {"fingerprint": "".join(bits)}  # equal, and another string


@pytest.fixture(name="side")
def _side(monkeypatch: pytest.MonkeyPatch) -> Asked:
    side = Asked()
    monkeypatch.setattr(group, "Side", lambda *given: side if given == GIVEN else None)
    monkeypatch.setattr(group, "_judged", side.judge)
    monkeypatch.setattr(group.kept, "key_of", lambda cell, told: (cell, told["fingerprint"]))
    return side


@pytest.fixture(name="kept")
def _kept(monkeypatch: pytest.MonkeyPatch) -> dict[Any, Any]:
    """What lies in the folder of proofs, by folder and key."""
    kept: dict[Any, Any] = {}

    def find(folder: Path, key: Any, fingerprint: str) -> Any:
        assert key[1] == fingerprint
        return kept.get((folder, key))

    monkeypatch.setattr(group.kept, "find", find)
    monkeypatch.setattr(group.kept, "keep", lambda folder, key, p: kept.update({(folder, key): p}))
    return kept


def prove(*cells: Cell, proved: Any = None, kept_in: Path | None = None, **how: Any) -> Any:
    return group.prove(cells, GIVEN[0], GIVEN[1], GIVEN[2], proved or {}, kept_in, **how)


FOLDER = Path("kept")


def key(cell: Cell) -> Any:
    return (FOLDER, (cell, BITS[cell]))


def test_a_twin_with_its_first_s_bits_is_not_compared(side: Asked) -> None:
    found = prove(ONE, TWIN, MODE)
    assert found[ONE.id] == proof("bits")
    assert found[TWIN.id] == proof("bits", same_bits=True)
    assert found[MODE.id] == proof("others")
    assert (side.new, side.judged) == ([ONE, MODE], [ONE, MODE])


def test_a_twin_with_other_bits_is_compared_after_its_first(side: Asked) -> None:
    side.bits[TWIN] = "its own"
    assert prove(TWIN, ONE)[TWIN.id] == proof("its own")
    assert side.judged == [ONE, TWIN]
    assert side.replayed == [[ONE], [TWIN], []]


def test_a_twin_of_a_failure_is_compared_itself(side: Asked) -> None:
    side.verdicts[ONE] = WorkerFailed("CheckFailed", "wrong")
    found = prove(ONE, TWIN)
    assert isinstance(found[ONE.id], WorkerFailed)
    assert found[TWIN.id] == proof("bits")
    assert side.judged == [ONE, TWIN]


def test_a_twin_alone_is_a_cell_like_others(side: Asked) -> None:
    assert prove(TWIN, MODE)[TWIN.id] == proof("bits")
    assert side.new == [TWIN, MODE]


def test_a_proof_of_this_run_holds_where_bits_are_the_same(side: Asked, kept: Any) -> None:
    earlier = {ONE.id: proof("bits", comparisons=5), MODE.id: proof("none of these")}
    found = prove(ONE, MODE, TWIN, proved=earlier, kept_in=FOLDER)
    assert found[ONE.id] == found[TWIN.id] == proof("bits", comparisons=5, same_bits=True)
    assert found[MODE.id] == proof("others")
    assert (side.new, side.judged) == ([MODE], [MODE])
    assert kept == {key(MODE): proof("others")}
    assert prove(TWIN, proved={TWIN.id: proof("bits", n=1)})[TWIN.id]["n"] == 1


def test_kept_proofs_are_recognised_unless_all_is_to_be_proved_anew(side: Asked, kept: Any) -> None:
    kept[key(ONE)] = proof("bits", n=3)
    assert prove(ONE, kept_in=FOLDER)[ONE.id] == proof("bits", n=3, status="recognised")
    assert (side.new, side.judged) == ([], [])
    assert prove(ONE, kept_in=None)[ONE.id] == proof("bits")
    assert prove(ONE, kept_in=FOLDER, recognise=False)[ONE.id] == proof("bits")
    assert kept[key(ONE)] == proof("bits"), "the new one is kept in its place"


def test_only_what_was_compared_and_proved_is_kept(side: Asked, kept: Any) -> None:
    side.verdicts[MODE] = WorkerFailed("CheckFailed", "wrong")
    side.bits[TWIN] = "its own"
    prove(ONE, MODE, TWIN, kept_in=FOLDER)
    assert kept == {key(ONE): proof("bits")}
    kept.clear()
    prove(MODE, kept_in=FOLDER)
    assert kept == {}


def test_what_did_not_run_has_no_proof(side: Asked) -> None:
    side.bits[ONE] = WorkerFailed("died", "exit code 9")
    assert prove(ONE, MODE) == {ONE.id: side.bits[ONE], MODE.id: proof("others")}


def test_what_could_not_be_written_is_not_judged(side: Asked, monkeypatch: Any) -> None:
    failure = WorkerFailed("died", "exit code 9")

    def ran(cells: Any, is_new: Any) -> Any:
        return [(cell, Ran(cell, cell.where, told("bits"), failure)) for cell in cells]

    monkeypatch.setattr(side, "ran", ran)
    assert prove(ONE)[ONE.id] is failure
    assert side.judged == []


def test_what_is_sensitive_is_proved_in_float64_too(side: Asked, kept: Any) -> None:
    side.verdicts = {cell: proof(BITS[cell], sensitive=True) for cell in (ONE, MODE)}
    found = prove(ONE, MODE, TWIN, kept_in=FOLDER)
    assert side.in_float64 == [ONE, MODE]
    assert found[ONE.id] == side.verdicts[ONE] | {"float64": proof("x")}
    assert found[TWIN.id] == found[ONE.id] | {"same_bits": True}
    assert kept[key(ONE)] == found[ONE.id]


def test_a_failure_in_float64_is_a_failure_of_both(side: Asked, kept: Any) -> None:
    side.verdicts[ONE] = proof("bits", sensitive=True)
    side.exact[ONE] = WorkerFailed("died", "exit code 9")
    found = prove(ONE, TWIN, MODE, kept_in=FOLDER)
    assert found[ONE.id] is found[TWIN.id] is side.exact[ONE]
    assert list(kept) == [key(MODE)]
    side.verdicts[replace(ONE, precision="float64")], side.exact = found[ONE.id], {}
    assert prove(ONE)[ONE.id] is found[ONE.id]


def test_what_is_in_float64_already_needs_no_other(side: Asked) -> None:
    exact = replace(ONE, precision="float64")
    side.bits[exact] = "exact"
    side.verdicts = {exact: proof("exact", sensitive=True)}
    side.verdicts[MODE] = proof("others", sensitive=True, float64={})
    prove(exact, MODE)
    assert side.in_float64 == []


def test_each_run_is_judged_with_what_it_ended_with(monkeypatch: pytest.MonkeyPatch) -> None:
    """The short one first; a replay that failed, or a wrong end, is the outcome."""
    seen: list[Any] = []
    ends = {"state": {"w": np.ones(1)}, "metrics": {"loss": np.ones(1)}}

    def judge(measured: Any, workload: Any, end: Any, found: Any, precision: str, n: int) -> None:
        size = workload.schedule.batch_size
        seen.append((size, end.state, end.metrics, found, precision, n))
        measured.within(0.5, 1.0, f"run({n})")
        if found == "wrong":
            raise CheckFailed("too far")

    paths: list[Path] = []

    def read_arrays(path: Path) -> Any:
        paths.append(path)
        return ends

    monkeypatch.setattr(group, "judge", judge)
    monkeypatch.setattr(group, "read_arrays", read_arrays)
    files = {n: {"end": f"end-{n}", "draws": f"/there/{n}.npz", "first": "f"} for n in (33, 1)}
    told = {"spec_hash": "s", "batch_size": 3, "iterations": 33}
    one = Ran(ONE, ONE.where, told, files)
    replays: dict[Any, Any] = {("s", "float32", str(n)): f"replay {n}" for n in (1, 33)}
    found = group._judged(one, replays)
    assert isinstance(found, dict)
    own = (3, ends["state"], ends["metrics"])
    assert seen == [(*own, f"replay {n}", "float32", n) for n in (1, 33)]
    assert paths == [Path("end-1"), Path("end-33")]
    assert (found["comparisons"], found["iterations"], found["batch_size"]) == (2, 33, 3)
    failure = group._judged(one, replays | {("s", "float32", "33"): "wrong"})
    assert isinstance(failure, WorkerFailed)
    assert (failure.kind, str(failure)) == ("CheckFailed", "too far")
    why = WorkerFailed("Diverges", "from iteration 3 on")
    assert group._judged(one, replays | {("s", "float32", "1"): why}) is why
    assert len(seen) == 4, "without a replay it is not judged"


def test_close_are_all_that_ran_over_these_draws(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each mode by what it ended with itself, each of its lengths by its own replay."""

    def ran(cell: Cell, long: str) -> Ran:
        draws = {1: f"/d/{long}-1.npz", 3: f"/d/{long}.npz"}
        files = {n: {"draws": path, "first": "", "end": "?"} for n, path in draws.items()}
        known = {"spec_hash": "s", "batch_size": 4, "fingerprint": "x"}
        return Ran(cell, cell.where, known, files)

    all_ran = [ran(ONE, "a"), ran(MODE, "a"), ran(TWIN, "b")]
    all_ran.append(Ran(MODE, MODE.where, {}, WorkerFailed("died", "x")))
    asked: list[Any] = []
    far: set[Any] = set()

    def is_close(workload: Any, end: Any, found: Any, precision: str, n: int) -> bool:
        asked.append((workload.schedule.batch_size, *end, found, precision, n))
        return end not in far

    monkeypatch.setattr(group, "is_close", is_close)
    monkeypatch.setattr(group, "_ended", lambda one, n: (one.cell, n))
    replays: Any = {("s", "float32", "a"): "long", ("s", "float32", "a-1"): "short"}
    assert group._are_close(all_ran, replays)
    wanted = [(4, cell, n, kind, "float32", n) for cell in (ONE, MODE) for n, kind in KINDS]
    assert asked == wanted
    for cell in (ONE, MODE):
        for n, _ in KINDS:
            far = {(cell, n)}
            assert not group._are_close(all_ran, replays)
    far = {(TWIN, 1), (TWIN, 3)}
    assert group._are_close(all_ran, replays)


KINDS = ((1, "short"), (3, "long"))
