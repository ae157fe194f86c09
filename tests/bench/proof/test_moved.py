"""How far the reference is moved: weights, gradients, and which of them follow rounding."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from bench.proof import sensitivity
from bench.proof.sensitivity import (
    ZERO_GRADIENT,
    Moved,
    Shaken,
    limits,
    parameter_of,
    perturbed,
    rounded,
)
from spec import tolerances

WORKLOAD: Any = "workload"


class Plain:
    """A reference that hands back the gradients that it was updated with."""

    def __init__(self) -> None:
        self.exact = {"a": np.full(64, 2.0), "b": np.full(64, 0.5)}
        self.differentiated: list[Any] = []

    def _differentiate(self, phase: Any, *given: Any) -> Any:
        self.differentiated.append((phase.name, given))
        return 1.0, self.exact, {}

    def losses_and_gradients(self, state: Any, phase: str, draws: Any, reused: Any = None) -> Any:
        """What the phase is told."""
        self.differentiated.append((state, phase, draws))
        return {"loss": 1.0}, self.exact

    def update(self, state: Any, phase: str, gradients: Any) -> Any:
        """The very gradients."""
        return state, phase, gradients


@pytest.fixture(name="plain")
def _plain(monkeypatch: pytest.MonkeyPatch) -> Plain:
    plain = Plain()
    monkeypatch.setattr(sensitivity, "oracle", lambda workload: plain)
    return plain


def test_values_are_rounded_to_the_precision_and_counters_stay() -> None:
    state = {"w": np.array([0.1, 1.0]), "n": np.array(3)}
    found = rounded(state, "float32")
    assert found["w"].dtype == np.float64
    assert found["w"].tolist() == [float(np.float32(0.1)), 1.0]
    assert found["n"] is state["n"]
    assert rounded(state, "float64")["w"].tolist() == [0.1, 1.0]


def test_every_weight_is_moved_up_or_down_and_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sensitivity, "parameters", lambda workload: ["w", "v"])
    state = {"w": np.full((40, 50), 2.0), "v": np.full((40, 50), 2.0), "mean": np.ones(3)}
    sets = [perturbed(WORKLOAD, state, "float32", seed) for seed in (1, 1, 2)]
    size = tolerances.PERTURBATION["float32"]
    for name in ("w", "v"):
        moved = sets[0][name] / 2.0 - 1.0
        assert np.abs(moved) == pytest.approx(size, rel=1e-6)
        assert abs(np.mean(moved > 0) - 0.5) < 0.06
    assert sets[0]["mean"] is state["mean"]
    assert state["w"].tolist() == np.full((40, 50), 2.0).tolist()
    assert np.array_equal(sets[0]["w"], sets[1]["w"])
    assert not np.array_equal(sets[0]["w"], sets[2]["w"])
    assert not np.array_equal(sets[0]["w"], sets[0]["v"])
    exact = perturbed(WORKLOAD, state, "float64", 1)["w"]
    assert set(exact.ravel().tolist()) == {2.0 + 2.0**-51, 2.0 - 2.0**-51}


def shaken(way: float = 1.0, precision: str = "float32", **terms: dict[str, float]) -> Any:
    return Shaken(WORKLOAD, precision, way, dict(terms))


def steps_of(moved: Any, plain: Plain) -> dict[str, np.ndarray]:
    """How far each gradient went, in parts of the precision's noise."""
    noise = tolerances.GRADIENT_NOISE["float32"]
    return {key: (moved[key] - plain.exact[key]) / noise for key in moved}


def test_a_step_s_gradients_are_off_by_the_phase_s_largest_or_by_their_terms(plain: Plain) -> None:
    one = shaken(d={"b": 64.0, "a": 0.25})
    assert one.program is plain
    state, phase, moved = one.program.update("state", "d", plain.exact)
    assert (state, phase) == ("state", "d")
    steps = steps_of(moved, plain)
    assert np.abs(steps["a"]).tolist() == [2.0] * 64
    assert np.abs(steps["b"]).tolist() == [64.0] * 64
    assert 0 < np.sum(steps["a"] > 0) < 64
    assert (np.sign(steps["a"]) != np.sign(steps["b"])).any()
    again = steps_of(one.program.update("state", "g", plain.exact)[2], plain)
    assert np.abs(again["b"]).tolist() == [2.0] * 64, "of another phase, whose terms are not known"
    assert np.sign(again["b"]).tolist() == np.sign(steps["b"]).tolist()


def test_the_other_way_is_the_mirror(plain: Plain) -> None:
    up, down = (shaken(way) for way in (1.0, -1.0))
    programs = [Plain(), Plain()]
    for one, program in zip((up, down), programs, strict=True):
        one._updated = program.update
    steps = [steps_of(one._update({}, "d", plain.exact)[2], plain) for one in (up, down)]
    for key in plain.exact:
        assert steps[0][key].tolist() == (-steps[1][key]).tolist()


def test_what_is_told_is_off_by_terms_alone(plain: Plain) -> None:
    one = shaken(d={"b": 8.0})
    metrics, moved = one.program.losses_and_gradients("state", "d", "draws")
    assert metrics == {"loss": 1.0}
    assert plain.differentiated == [("state", "d", "draws")]
    steps = steps_of(moved, plain)
    assert np.abs(steps["b"]).tolist() == [8.0] * 64
    assert steps["a"].tolist() == [0.0] * 64


def update(one: Any, phase: str = "d", **sizes: float) -> frozenset[str]:
    one.program.update({}, phase, {key: np.full(4, size) for key, size in sizes.items()})
    found: frozenset[str] = one.undetermined
    return found


def test_a_gradient_is_nothing_but_rounding_by_the_largest_of_its_phase(plain: Plain) -> None:
    one = shaken()
    assert update(one, a=1.0, b=0.9 * ZERO_GRADIENT, c=1.1 * ZERO_GRADIENT) == {"b"}
    assert update(one, "g", z=1e-20) == {"b"}, "the largest of a phase of its own"
    assert update(one, a=1e-13, b=5e-13, c=0.0) == {"b"}, "what the phase once had counts"
    assert update(shaken(), a=1.0, b=ZERO_GRADIENT) == frozenset()
    assert update(one, b=2 * ZERO_GRADIENT) == frozenset(), "once is enough"
    assert update(one, b=0.0) == frozenset()
    assert update(shaken(), a=0.0) == {"a"}
    assert update(shaken(), a=1e-100) == frozenset()
    assert plain.differentiated == []


def test_or_by_the_terms_that_add_up_to_it(plain: Plain) -> None:
    assert update(shaken(d={"b": 1e3}), a=1.0, b=1e-10) == {"b"}
    assert update(shaken(d={"b": 1e-3}), a=1.0, b=1e-10) == frozenset()
    assert update(shaken(g={"b": 1e3}), a=1.0, b=1e-10) == frozenset()
    assert len(plain.exact) == 2


def test_terms_are_measured_at_a_phase_s_first_gradient_alone(plain: Plain) -> None:
    """With autograd's own function back in its place afterwards."""
    right = object()
    plain.value_and_grad = right  # type: ignore[attr-defined]
    one = shaken(d={"a": 1.0})
    seen: list[Any] = []
    one._differentiated = lambda phase, *given: seen.append(
        (phase.name, given, plain.value_and_grad is right)  # type: ignore[attr-defined]
    )
    for name in ("d", "g"):
        plain._differentiate(SimpleNamespace(name=name), "state", "draws")
    assert seen == [("d", ("state", "draws"), True), ("g", ("state", "draws"), False)]
    assert plain.value_and_grad is right  # type: ignore[attr-defined]


def test_terms_are_noted_as_large_as_they_are(plain: Plain) -> None:
    """Of a product with no sum in it about the gradient itself."""
    one = shaken()
    value, gradients = one._note(SimpleNamespace(name="g"), lambda p: 3.0 * (p["w"] ** 2).sum())(
        {"w": np.full(500, 2.0)}
    )
    assert float(value) == 6000.0
    assert gradients["w"].tolist() == [12.0] * 500
    assert 6.0 < one.terms["g"]["w"] < 30.0
    assert plain.differentiated == []


def test_both_ways_share_their_terms_and_start(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[Any] = []

    def fake(*given: Any) -> Any:
        left = frozenset({"bias"}) if given[2] == 1.0 and given[1] == "float32" else frozenset()
        made.append(given)
        return SimpleNamespace(program=f"program {given[2]}", undetermined=left)

    monkeypatch.setattr(sensitivity, "Shaken", fake)
    monkeypatch.setattr(sensitivity, "perturbed", lambda *given: given)
    first: Any = "first"
    both = Moved(WORKLOAD, first, "float32", 5)
    assert both.first == (WORKLOAD, "first", "float32", 5)
    assert [one[:3] for one in made] == [(WORKLOAD, "float32", way) for way in (1.0, -1.0)]
    assert made[0][3] is made[1][3]
    run = lambda program, state: (program, state)  # noqa: E731
    assert both.each(run) == [("program 1.0", both.first), ("program -1.0", both.first)]
    known: Any = {"d": {"w": 0.5}}
    one = Moved(WORKLOAD, first, "float64", 5, known)
    assert made[2][3] is made[3][3] is known
    assert one.each(run) == [("program 1.0", one.first)]
    assert (both.undetermined, one.undetermined) == ({"bias"}, frozenset())


def test_limits_are_shared_but_for_what_has_no_gradient() -> None:
    slot = "opt_state/d/second_moment/d/b"
    ones = np.ones(4)
    expected = dict.fromkeys(("a", "c", slot), ones)
    moved = [expected | {"a": ones * (1 + far), slot: ones * (1 + 2 * far)} for far in (1e-3, 1e-4)]
    found = limits(expected, moved, list(expected), "moment", "float32", frozenset({"d/b"}))
    assert found == {k: pytest.approx(v) for k, v in {"a": 3e-3, "c": 3e-3, slot: 6e-3}.items()}
    still = limits(expected, [expected], list(expected), "moment", "float32", frozenset({"d/b"}))
    assert set(still.values()) == {tolerances.limit("float32", "moment")}
    alone = limits(expected, moved, [slot], "moment", "float32", frozenset({"d/b"}))
    assert alone == {slot: pytest.approx(6e-3)}
    assert limits(expected, moved, [], "moment", "float32", frozenset()) == {}


def test_slots_and_averages_belong_to_their_parameter() -> None:
    assert (
        parameter_of("opt_state/d/first_moment/generator/dense/kernel") == "generator/dense/kernel"
    )
    assert parameter_of("average/generator/dense/kernel") == "generator/dense/kernel"
    assert parameter_of("generator/average/kernel") == "generator/average/kernel"
