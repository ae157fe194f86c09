"""The reference's runs over files: as in this process; and how long it trains."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import spec
from bench.plan.cells import Cell
from bench.proof import oracles, rounding
from bench.proof.arrays import write_rows
from bench.proof.replay import Way, course
from spec import data, randomness

CRITIC = Cell(
    "tests/meta/workloads/critic.toml", "reference", "eager", "float32", "cpu", 6, "critic"
)


def test_each_of_the_reference_s_processes_has_one_thread() -> None:
    assert oracles.where(0) != oracles.where(1)
    for number in (0, 3):
        assert oracles.where(number)[:3] == ("reference", "float64", "cpu")
        assert set(oracles.where(number)[3:]) == {"one-thread", str(number)}


@pytest.mark.parametrize("way", ["exact", "up", "down"])
def test_a_course_is_read_as_it_was_run(way: Way, tmp_path: Path) -> None:
    workload = CRITIC.load(3)
    rows = [randomness.draws(workload, 1, i, {}) for i in range(2)]
    write_rows(tmp_path / "draws.npz", rows)
    to = str(tmp_path / "course.npz")
    told = oracles.run(CRITIC.as_dict(), 3, str(tmp_path / "draws.npz"), 4, way, to)
    assert all(keys == sorted(keys) for keys in told["undetermined"])
    found, own = oracles.read_course(to, told), course(workload, rows, "float32", 4, way)
    assert found.undetermined == own.undetermined
    assert bool(found.undetermined[0]) is bool(found.terms) is (way != "exact")
    assert found.terms == own.terms
    for ours, theirs in ((found.first, own.first), (found.last, own.last)):
        for one, other in zip(ours, theirs, strict=True):
            assert one.keys() == other.keys()
            assert all(np.array_equal(one[key], other[key]) for key in one)
    lengths = [len(next(iter(metrics.values()))) for _, metrics in (found.first, found.last)]
    assert lengths == [1, 2]


def test_what_had_no_gradient_early_is_told_from_what_has_none_late(tmp_path: Path) -> None:
    workload = CRITIC.load(3)
    write_rows(tmp_path / "d.npz", [randomness.draws(workload, 1, 0, {})])
    to = str(tmp_path / "c.npz")
    oracles.run(CRITIC.as_dict(), 3, str(tmp_path / "d.npz"), 4, "exact", to)
    terms = {"d_step": {"a": 0.5}}
    found = oracles.read_course(to, {"undetermined": [["a"], ["b", "c"]], "terms": terms})
    assert found.undetermined == (frozenset("a"), frozenset("bc"))
    assert found.terms == terms


def test_terms_that_are_known_are_not_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    workload, to = CRITIC.load(3), str(tmp_path / "c.npz")
    write_rows(tmp_path / "d.npz", [randomness.draws(workload, 1, 0, {})])
    given = (CRITIC.as_dict(), 3, str(tmp_path / "d.npz"), 4)
    terms = oracles.run(*given, "up", to)["terms"]
    assert terms.keys() == {phase.name for phase in workload.phases}
    measured = oracles.run(*given, "down", to)
    ended = oracles.read_course(to, measured)
    monkeypatch.setattr(rounding, "value_and_grads", None)
    assert oracles.run(*given, "down", to, terms) == measured | {"terms": terms}
    again = oracles.read_course(to, measured)
    for key, value in ended.first[0].items():
        np.testing.assert_allclose(again.first[0][key], value, rtol=1e-9, atol=1e-12)


class Clock:
    """One second each time it is read."""

    def __init__(self) -> None:
        self.now = 100.0

    def monotonic(self) -> float:
        """The time."""
        self.now += 1.0
        return self.now


@pytest.fixture(name="clock")
def _clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(oracles, "time", clock)
    return clock


def test_training_ends_with_its_iterations_or_its_seconds(clock: Clock) -> None:
    """It begins at 101; before the first iteration it is 102."""
    cell = CRITIC.as_dict()
    assert oracles.train(cell, 2, 60.0) == {"iterations": 2, "left_at": None}
    assert oracles.train(cell, 0, 60.0) == {"iterations": 0, "left_at": None}
    assert oracles.train(cell, 9, 3.0) == {"iterations": 3, "left_at": None}
    assert oracles.train(cell, 9, 0.5) == {"iterations": 0, "left_at": None}
    assert clock.now > 100.0


def test_training_says_from_which_iteration_it_is_not_finite(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On its own draws, of the seed that is timed, and the arrays of the workload."""
    drawn: list[Any] = []
    own = randomness.draws
    arrays: Any = {"x": "the data"}

    def draws(workload: Any, seed: int, i: int, given: Any, *, full_only: bool) -> Any:
        assert full_only
        drawn.append((workload.schedule.batch_size, seed, i, given))
        found = own(workload, seed, i, {})
        return {k: v * np.nan for k, v in found.items()} if i == 2 else found

    monkeypatch.setattr(randomness, "draws", draws)
    monkeypatch.setattr(data, "load", lambda workload, folder: arrays)
    assert oracles.train(CRITIC.as_dict(), 9, 60.0) == {"iterations": 3, "left_at": 3}
    assert drawn == [(6, 0, i, arrays) for i in range(3)]
    assert clock.now > 100.0
    assert spec.load(CRITIC.workload).schedule.batch_size == 6


def test_a_number_that_the_precision_lacks_is_not_finite(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Any] = []
    seeds: list[int] = []
    own = oracles.init_state

    def first(workload: Any, seed: int) -> Any:
        seeds.append(seed)
        return own(workload, seed)

    monkeypatch.setattr(oracles, "init_state", first)
    monkeypatch.setattr(oracles, "is_finite", lambda *given: asked.append(given))
    assert oracles.train(CRITIC.as_dict(), 9, 60.0) == {"iterations": 1, "left_at": 1}
    ((values, precision),) = asked
    assert (precision, seeds) == ("float32", [0])
    assert {"iteration", "d_loss", "g_loss"} <= values.keys()
    assert clock.now > 100.0
