"""The reference's courses and what they are joined to, with programs whose numbers are known."""

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from bench.proof import replay as module
from bench.proof.closeness import Diverges
from bench.proof.replay import Course, Replay, course, is_finite, joined
from bench.proof.replay import replay as replayed

NONE: frozenset[str] = frozenset()
BIAS, OTHER = frozenset({"bias"}), frozenset({"other"})


def end(number: float) -> tuple[dict[str, Any], dict[str, Any]]:
    return {"w": np.array(number)}, {"loss": np.array([number])}


def of(number: float, *undetermined: frozenset[str]) -> Course:
    early, late = undetermined or (NONE, NONE)
    return Course(end(number), end(number + 0.5), (early, late))


def test_a_course_of_one_iteration_is_its_first_end_twice() -> None:
    alone = of(1.0, BIAS, OTHER).alone()
    assert (alone.first, alone.last, alone.undetermined) == (end(1.0), end(1.0), (BIAS, BIAS))
    assert Course(end(1.0), end(2.0)).undetermined == (NONE, NONE)


def test_courses_are_joined_at_both_places() -> None:
    whole, first = joined(of(1.0), of(2.0, BIAS, OTHER), of(3.0, OTHER, BIAS))
    assert first is not None
    assert (whole.state, whole.metrics) == end(1.5)
    assert whole.moved == [end(2.5), end(3.5)]
    assert (first.state, first.metrics) == end(1.0)
    assert first.moved == [end(2.0), end(3.0)]
    assert (whole.undetermined, first.undetermined) == (OTHER, BIAS)


def test_one_way_of_rounding_is_enough_where_all_has_a_gradient() -> None:
    whole, first = joined(of(1.0), of(2.0), None)
    assert first is not None
    assert (len(whole.moved), len(first.moved)) == (1, 1)
    whole, first = joined(of(1.0), of(2.0, BIAS, NONE), None)
    assert (whole.moved, first) == ([end(2.5)], None)


@pytest.mark.parametrize(
    ("late", "ways"), [(NONE, ["exact", "up"]), (BIAS, ["exact", "up", "down"])]
)
def test_the_third_run_is_made_where_a_parameter_follows_rounding(
    late: frozenset[str], ways: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Any] = []

    def run(*given: Any, terms: Any = None, start: int) -> Course:
        asked.append((*given, terms, start))
        return replace(of(float(len(asked)), late, late), terms={"of": {given[4]: 1.0}})

    monkeypatch.setattr(module, "course", run)
    workload: Any = "workload"
    whole, _ = replayed(workload, [{}], "float32", 7, start=5)
    assert [given[:5] for given in asked] == [("workload", [{}], "float32", 7, w) for w in ways]
    assert [given[5:] for given in asked] == [(None, 5), (None, 5), ({"of": {"up": 1.0}}, 5)][
        : len(ways)
    ]
    assert whole.moved == [end(2.5), end(3.5)][: len(ways) - 1]


def test_the_growth_of_a_loss_is_the_largest_so_far_of_any_metric_and_way() -> None:
    exact = {"a": np.array([1.0, 2.0, 4.0]), "b": np.array([0.0, 0.0, 0.0])}
    up = {"a": np.array([1.0, 2.0, 4.4]), "b": np.array([0.01, 0.0, 0.0])}
    down = {"a": np.array([1.0, 2.1, 4.0]), "b": np.array([0.0, 0.0, 0.0])}
    found = Replay({}, exact, [({}, up), ({}, down)], NONE)
    growths = [found.loss_growth({"a": n, "b": n}) for n in (1, 2, 3)]
    assert growths == [pytest.approx(0.01), pytest.approx(0.05), pytest.approx(0.1)]


def test_limits_are_of_the_states_at_the_end() -> None:
    ones = np.ones(4)
    states: Any = [({"a": ones * (1 + far), "b": ones}, {}) for far in (1e-10, 3e-10)]
    found = Replay({"a": ones, "b": ones}, {}, states, BIAS)
    limits = found.limits(["a", "b"], "iteration", "float64")
    assert limits == {"a": pytest.approx(3e-8, rel=1e-4), "b": pytest.approx(3e-8, rel=1e-4)}


class Counting:
    """A program whose weight and loss are the sum of what it was given, and that notes it."""

    def __init__(self, more: float = 0.0) -> None:
        self.given: list[Any] = []
        self.more = more

    def import_state(self, arrays: Any) -> Any:
        """As it is, counted from."""
        return dict(arrays)

    def train_step(self, state: Any, draws: Any, iteration: int) -> Any:
        """One more."""
        self.given.append(draws)
        w = state["w"] + draws["x"].sum() + self.more
        return {"w": w}, {"loss": float(w), "p": 0.5}


ROWS: Any = [{"x": np.array([1, 2], np.float32)}, {"x": np.array([4.0])}, {"x": np.array([8.0])}]


@pytest.fixture(name="program")
def _program(monkeypatch: pytest.MonkeyPatch) -> Counting:
    """The reference that `course` uses, and the state that it starts from."""
    program = Counting()
    state = {"w": np.array(0.1), "iteration": np.array(0)}
    monkeypatch.setattr(module, "oracle", lambda workload: program)
    monkeypatch.setattr(
        module, "proof_state", lambda workload, seed, start: state if seed == 3 else None
    )
    return program


def test_an_exact_course_starts_from_what_the_precision_holds(program: Counting) -> None:
    workload: Any = "workload"
    found = course(workload, ROWS, "float32", 3, "exact")
    start = float(np.float32(0.1))
    assert found.first[0]["w"] == start + 3.0
    assert found.first[1]["loss"].tolist() == [start + 3.0]
    assert found.last[0]["w"] == start + 15.0
    assert found.last[1]["loss"].tolist() == [start + 3.0, start + 7.0, start + 15.0]
    assert found.last[1]["p"].tolist() == [0.5] * 3
    assert found.undetermined == (NONE, NONE)
    assert [row["x"].dtype for row in program.given] == [np.float64] * 3
    single = course(workload, ROWS[:1], "float32", 3, "exact")
    assert single.first == single.last
    assert course(workload, ROWS[:1], "float64", 3, "exact").last[0]["w"] == 3.1


def test_a_moved_course_notes_what_has_no_gradient_at_both_places(
    program: Counting, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[Any] = []

    class Shaken:
        """One way; what has no gradient is fewer with each iteration."""

        def __init__(self, more: float) -> None:
            self.program = Counting(more)
            self.terms = {"d": {"w": more}}

        @property
        def undetermined(self) -> frozenset[str]:
            """Named by the iterations so far."""
            return frozenset({f"after {len(self.program.given)}"})

    def moved(*given: Any) -> Any:
        made.append(given)
        return SimpleNamespace(first={"w": np.array(100.0)}, ways=[Shaken(0.25), Shaken(-0.25)])

    monkeypatch.setattr(module, "Moved", moved)
    workload: Any = "workload"
    known: Any = {"d": {"w": 0.5}}
    for way, sign in (("up", 1), ("down", -1)):
        found = course(workload, ROWS, "float64", 3, way, known)  # type: ignore[arg-type]
        assert found.terms == {"d": {"w": sign * 0.25}}
        assert found.alone().terms == found.terms
        assert found.first[0]["w"] == 103.0 + sign * 0.25
        assert found.last[0]["w"] == 115.0 + sign * 0.75
        assert found.undetermined == (frozenset({"after 1"}), frozenset({"after 3"}))
    assert [(one[0], *one[2:]) for one in made] == [("workload", "float64", 3, known)] * 2
    assert made[0][1]["w"] == 0.1
    assert program.given == []


def test_the_first_iteration_that_is_not_finite_ends_a_course(program: Counting) -> None:
    workload: Any = "workload"
    rows: Any = [ROWS[0], {"x": np.array([1e39])}, ROWS[2]]
    with pytest.raises(Diverges) as raised:
        course(workload, rows, "float32", 3, "exact")
    assert raised.value.iteration == 2
    assert course(workload, rows, "float64", 3, "exact").last[0]["w"] == pytest.approx(1e39)
    with pytest.raises(Diverges) as raised:
        course(workload, [{"x": np.array([np.nan])}], "float64", 3, "exact")
    assert raised.value.iteration == 1


def test_finite_numbers_are_those_of_the_precision() -> None:
    largest = float(np.finfo("float32").max)
    assert is_finite({"a": np.array([largest, -largest]), "n": 3}, "float32")
    for wrong in (np.nextafter(largest, np.inf), -1e39, np.inf, np.nan):
        assert not is_finite({"a": 0.0, "b": np.array([1.0, wrong])}, "float32")
    assert is_finite({"a": 1e39}, "float64")
    assert is_finite({}, "float32")


def test_whole_numbers_stay_whole() -> None:
    labels = np.array([3, 0], np.int32)
    found = module._in_float64({"x": np.array([0.5], np.float32), "x.label": labels})
    assert found["x"].dtype == np.float64
    assert found["x.label"] is labels
