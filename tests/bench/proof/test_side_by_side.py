"""What workers and the reference are asked, by whom, how often and with what."""

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bench.plan.cells import Cell
from bench.proof import oracles, side_by_side, starting
from bench.proof.ran import Ran
from bench.proof.replay import Course
from bench.proof.side_by_side import TIMEOUT_S, Side
from bench.workers.pool import WorkerFailed

ONE = Cell("mlp_small", "row_a", "eager", "float32", "cpu", 4, "small")
MODE, OTHER = replace(ONE, mode="compiled"), replace(ONE, row="row_b")
CRITIC = replace(ONE, workload="tests/meta/workloads/critic.toml", label="critic")


class Pool:
    """Workers that answer as they are told to, and note what they were asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[Any, Any, Any]] = []
        self.ended: list[Any] = []
        self.fails: set[tuple[Any, str]] = set()
        self.undetermined: list[list[str]] = [[], []]
        self.told: dict[str, Any] = {"spec_hash": "spec", "batch_size": 4, "chunk": 32}
        self.told |= {"iterations": 33, "seed": 7}
        self.lengths = (1, 33)

    def call(self, where: Any, function: Any, arguments: Any, timeout_s: float) -> Any:
        """An answer, or a failure."""
        assert timeout_s == TIMEOUT_S == 900.0
        self.asked.append((where, function, arguments))
        name = arguments.get("cell_id", arguments.get("way"))
        if (function, name) in self.fails:
            raise WorkerFailed("died", f"{name}: exit code 9")
        if function is starting.run_to_prove:
            return self.told | {"fingerprint": name}
        if function is starting.save_to_prove:
            own = {"draws": "/there/{}-{}.npz", "first": "first-{1}"}
            return {
                n: {k: v.format(n, name) for k, v in own.items()}
                | arguments["drawn"].get(n, {})
                | {"end": f"{name}-{n}"}
                for n in self.lengths
            }
        told = {"undetermined": self.undetermined, "terms": {"of": {arguments.get("way"): 1.0}}}
        return told if function is oracles.run else None

    def end(self, where: Any) -> None:
        """A worker ends."""
        self.ended.append(where)

    def of(self, function: Any) -> list[tuple[Any, Any]]:
        """Where a function was asked for, and with what."""
        return [(where, given) for where, one, given in self.asked if one is function]


def course_of(path: str, told: dict[str, Any]) -> Course:
    """Ends that say in which file they lie."""
    early, late = (frozenset(keys) for keys in told["undetermined"])
    ends: Any = [({"at": f"{path} {place}"}, {}) for place in ("first", "last")]
    return Course(ends[0], ends[1], (early, late), told["terms"])


@pytest.fixture(name="slots")
def _slots() -> int:
    return 2


@pytest.fixture(name="side")
def _side(slots: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.setattr(side_by_side, "cpus_usable", lambda: slots)
    monkeypatch.setattr(oracles, "read_course", course_of)
    rows: Any = Pool()
    reference: Any = Pool()
    with Side(rows, reference, tmp_path) as side:
        yield side


def always(one: Ran) -> bool:
    return True


def never(found: Any) -> bool:
    return False


def done(side: Any) -> None:
    """All that was begun has ended."""
    for future in list(side._courses.values()):
        future.result()


def test_cells_are_run_in_their_workers_and_those_that_are_known_are_not_saved(side: Any) -> None:
    found = side.ran([ONE, OTHER, MODE], lambda one: one.cell is not MODE)
    assert [cell for cell, _ in found] == [ONE, MODE, OTHER], "by worker"
    for cell, one in found:
        assert (one.cell, one.where, one.told["fingerprint"]) == (cell, cell.where, cell.id)
        assert (one.files is None) is (cell is MODE)
    asked = side.workers.of(starting.run_to_prove)
    wanted = [(cell.where, {"cell_id": cell.id}) for cell in (ONE, MODE, OTHER)]
    assert sorted(asked, key=str) == sorted(wanted, key=str)
    saved = side.workers.of(starting.save_to_prove)
    assert {at for at, _ in saved} == {ONE.where, OTHER.where}
    assert {given["folder"] for _, given in saved} == {str(side.folder)}
    assert side.workers.ended == []


def test_the_reference_begins_with_the_longest_run_of_what_is_new(side: Any) -> None:
    ((_, one),) = side.ran([ONE], always)
    done(side)
    asked = side.reference.of(oracles.run)
    draws = f"33-{ONE.id}"
    assert [given["way"] for _, given in asked] == ["exact"]
    for where, given in asked:
        assert where in [oracles.where(0), oracles.where(1)]
        assert given == {
            "cell": ONE.as_dict(),
            "batch_size": 4,
            "draws": f"/there/{draws}.npz",
            "seed": 7,
            "way": given["way"],
            "to": str(side.folder / f"spec-float32-{draws}-{given['way']}.npz"),
            "terms": None,
        }
    assert one.key(33) == ("spec", "float32", draws)


def test_modes_of_a_worker_share_what_was_drawn_alike(side: Any) -> None:
    pool = side.workers
    third = replace(ONE, mode="multistep")
    pool.fails.add((starting.save_to_prove, MODE.id))
    (_, first), (_, failed), (_, last) = side.ran([ONE, MODE, third], always)
    drawn = [given["drawn"] for _, given in pool.of(starting.save_to_prove)]
    assert drawn == [{}, first.files, first.files]
    assert isinstance(failed.files, WorkerFailed)
    assert last.key(33) == first.key(33)
    done(side)
    assert len(side.reference.of(oracles.run)) == 1


def test_what_was_drawn_otherwise_is_not_shared(side: Any) -> None:
    before = [(ONE, Ran(ONE, ONE.where, side.workers.told | {"chunk": 16}, {1: {"draws": "x"}}))]
    before.append((MODE, WorkerFailed("died", "x")))  # type: ignore[arg-type]
    side._ran(replace(ONE, mode="multistep"), ONE.where, always, before)
    ((_, given),) = side.workers.of(starting.save_to_prove)
    assert given["drawn"] == {}


def test_a_failure_is_the_outcome_of_its_cell_alone(side: Any) -> None:
    side.workers.fails.add((starting.run_to_prove, ONE.id))
    (_, failed), (_, right) = side.ran([ONE, MODE], always)
    assert (failed.kind, str(failed)) == ("died", f"{ONE.id}: exit code 9")
    assert isinstance(right, Ran)


def paths(found: Any, key: Any) -> list[str]:
    whole = found[key]
    return [Path(end["at"]).name for end in (whole.state, *(state for state, _ in whole.moved))]


def test_replays_are_of_all_draws_and_the_first_s_alone_comes_with_them(side: Any) -> None:
    ran = [one for _, one in side.ran([ONE, OTHER], lambda one: one.cell is ONE)]
    assert ran[1].files is None
    assert ran[0].files is not None
    found = side.replays(ran, never)
    assert ran[1].files is not None, "what was not written is now"
    for one in ran:
        name = f"spec-float32-{one.key(33)[2]}"
        assert paths(found, one.key(33)) == [f"{name}-{way}.npz last" for way in ("exact", "up")]
        first = one.key(33, alone=True)
        assert paths(found, first) == [f"{name}-{way}.npz first" for way in ("exact", "up")]
        assert one.key(1) in found
    assert side.replays([], never) == {}


@pytest.mark.parametrize("slots", [2, 3])
def test_the_third_run_is_made_where_it_is_needed(side: Any, slots: int) -> None:
    """Or beside the others where a processor would be idle; but it counts where needed alone."""
    pool = side.reference
    side.workers.lengths = pool.lengths = (33,)
    ((_, one),) = side.ran([ONE], always)
    found = side.replays([one], never)
    assert len(found[one.key(33)].moved) == 1
    done(side)
    ways = [given["way"] for _, given in pool.of(oracles.run)]
    assert sorted(ways) == (["down", "exact", "up"] if slots == 3 else ["exact", "up"])
    begun = len(ways)
    pool.undetermined = [["early"], ["late"]]
    ((_, other),) = side.ran([OTHER], always)
    found = side.replays([other], never)
    name = f"spec-float32-{other.key(33)[2]}"
    ends = [f"{name}-{way}.npz last" for way in ("exact", "up", "down")]
    assert paths(found, other.key(33)) == ends
    first = found[other.key(33, alone=True)]
    assert (found[other.key(33)].undetermined, first.undetermined) == ({"late"}, {"early"})
    terms = {given["way"]: given["terms"] for _, given in pool.of(oracles.run)[begun:]}
    known = None if slots == 3 else {"of": {"up": 1.0}}  # by the way that ended before it
    assert terms == {"exact": None, "up": None, "down": known}


@pytest.mark.parametrize("way", ["exact", "up", "down"])
def test_a_run_of_the_reference_that_fails_is_why_there_is_no_replay(side: Any, way: str) -> None:
    side.reference.undetermined = [["bias"], ["bias"]]
    side.reference.fails.add((oracles.run, way))
    ((_, one),) = side.ran([ONE], always)
    found = side.replays([one], never)
    for key in (one.key(33), one.key(33, alone=True)):
        assert str(found[key]) == f"{way}: exit code 9"
    side.reference.fails.clear()
    ((_, right),) = side.ran([OTHER], always)
    assert paths(side.replays([right], never), right.key(33)), "its process is free again"


def test_what_could_not_be_written_has_no_replay(side: Any) -> None:
    side.workers.fails.add((starting.save_to_prove, ONE.id))
    ran = [one for _, one in side.ran([ONE, OTHER], lambda one: False)]
    found = side.replays(ran, never)
    assert isinstance(ran[0].files, WorkerFailed)
    assert {key[2] for key in found} >= {f"33-{OTHER.id}"}
    assert not any(ONE.id in key[2] for key in found)


WHERE = ("row_a", "float64", "cpu", "proof")


def test_a_clipped_critic_is_begun_in_float64_and_not_again(side: Any) -> None:
    side.ran([CRITIC], lambda one: False)
    assert side.ran_in_float64([]) == side.workers.of(starting.start_in_float64) == []
    side.ran([CRITIC, ONE, replace(CRITIC, precision="float64")], always)
    found = side.ran_in_float64([CRITIC, ONE])
    assert [cell for cell, _ in found] == [CRITIC, ONE]
    for cell, one in found:
        assert (one.cell, one.where) == (replace(cell, precision="float64"), WHERE)
        assert one.files is not None
    started = side.workers.of(starting.start_in_float64)
    assert [given["cell"] for _, given in started] == [one.cell.as_dict() for _, one in found]
    assert {where for where, _ in started} == {WHERE}
    assert side.workers.ended == [WHERE, WHERE]


def test_small_cells_have_few_samples_and_fail_alone(side: Any) -> None:
    sizes = [replace(ONE, batch_size=size) for size in (7, 8, 64)]
    side.workers.fails.add((starting.run_to_prove, replace(sizes[0], precision="float64").id))
    found = side.ran_in_float64(sizes)
    assert [getattr(one, "kind", None) or one.cell.batch_size for _, one in found] == ["died", 8, 8]
    assert side.workers.ended == [WHERE]


def test_what_does_not_start_is_not_run(side: Any) -> None:
    side.workers.fails.add((starting.start_in_float64, None))
    ((cell, failed),) = side.ran_in_float64([ONE])
    assert (cell, failed.kind) == (ONE, "died")
    assert side.workers.of(starting.run_to_prove) == []
    assert side.workers.ended == [WHERE]


@pytest.mark.parametrize("slots", [1, 2, 3])
def test_what_is_close_to_the_reference_alone_needs_no_moved_run(side: Any, slots: int) -> None:
    asked: list[Any] = []

    def always_enough(found: Any) -> bool:
        asked.append(found)
        return True

    side.workers.lengths = (33,)
    ((_, one),) = side.ran([ONE], always)
    done(side)
    side.reference.undetermined = [["bias"], ["bias"]]
    found = side.replays([one], always_enough)
    name = f"spec-float32-{one.key(33)[2]}-exact.npz"
    for key, place in ((one.key(33), "last"), (one.key(33, alone=True), "first")):
        assert paths(found, key) == [f"{name} {place}"]
        assert found[key].undetermined == frozenset()
    assert [given.keys() for given in asked] == [found.keys()]
    done(side)
    ways = [given["way"] for _, given in side.reference.of(oracles.run)]
    assert ways == ["exact"], "none was begun for what was known by then"


@pytest.mark.parametrize("slots", [1])
def test_the_worker_with_most_cells_comes_first(side: Any, slots: int) -> None:
    side.ran([OTHER, ONE, MODE], lambda one: False)
    asked = [given["cell_id"] for _, given in side.workers.of(starting.run_to_prove)]
    assert asked == [ONE.id, MODE.id, OTHER.id]


@pytest.mark.parametrize("slots", [1])
def test_a_moved_run_that_is_not_needed_is_not_begun(side: Any, slots: int) -> None:
    """Unless it is asked for later: then it is."""
    side.workers.lengths = (33,)
    ran = [one for _, one in side.ran([ONE, OTHER], lambda one: False)]
    reference, own = side.reference, side.reference.call

    def call(where: Any, function: Any, arguments: Any, timeout_s: float) -> Any:
        end = time.monotonic() + 60.0
        while arguments["way"] == "exact" and OTHER.id in arguments["draws"]:
            up = side._courses.get((ran[0].key(33), "up"))
            if up and up.cancelled():
                break
            assert time.monotonic() < end, "it was not cancelled"
            time.sleep(0.01)
        return own(where, function, arguments, timeout_s)

    reference.call = call
    side.replays(ran, lambda found: ran[0].key(33) in found)
    asked = {(given["way"], given["draws"]) for _, given in reference.of(oracles.run)}
    first, second = (f"/there/33-{cell.id}.npz" for cell in (ONE, OTHER))
    assert asked == {("exact", first), ("exact", second), ("up", second)}
    reference.call = own
    found = side.replays(ran[:1], never)
    assert len(found[ran[0].key(33)].moved) == 1
