"""Phases that hang together: what may be, and what the reference makes of it, by hand."""

import copy
import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tomli_w

import spec
from backends import ORACLE, load
from backends.protocol import Arrays, Settings
from spec import data, randomness
from spec.errors import SpecError
from spec.flow import groups, units
from spec.state import init_state, parameters
from spec.work import iteration_multiply_adds
from spec.workload import Workload

FILE = Path(__file__).parent.parent / "meta" / "workloads" / "chain.toml"
GOOD = tomllib.loads(FILE.read_text(encoding="utf-8"))
D, G, OLD, FIRST, THEN = range(5)
GRAPH = {"phase": "first", "output": "made", "form": "graph"}
REPEATS = (
    "given graph, but phase '{}' has repeat = {} and every = {}; from phase '{}' to this one each "
    "has to run once an iteration. Give this phase a forward of its own; a value has no gradient"
)
DETACHED = (
    "What is behind a forward with detach = true has no gradient; without a gradient the form is "
    "value"
)
SINCE = "since its forward; take the gradients together, or give this phase a forward of its own"
NO_GRADIENT = (
    "to which no loss of this phase has a gradient: no loss names what it makes, or a forward on "
    "the way has detach = true, or the phase reuses it in the form value"
)
REFUSED: dict[str, list[tuple[str, Any]]] = {
    "phases[0].together: given true, but no phase is before this one": [
        ("phases.0.together", True)
    ],
    "phases[1].together: given true, but phase 'g' has repeat = 2 and every = 1, this one 2 and 1; "
    "phases are taken together once each, in the same iterations": [("phases.1.repeat", 2)],
    "phases[3].together: given true, but phase 'old' has repeat = 2 and every = 1, this one 1 and "
    "1; phases are taken together once each, in the same iterations": [("phases.3.together", True)],
    "phases[3].together: given true, but phase 'old' moves 'critic' too; what is taken together "
    "moves different networks": [("phases.3.together", True), ("phases.2.repeat", 1)],
    "phases[1].reuse.score.phase: no earlier phase is called 'then'; allowed: d": [
        ("phases.1.reuse.score.phase", "then")
    ],
    "phases[1].reuse.score.output: no draw or output is called 'before'; allowed: x, z, made, "
    "real, fake": [("phases.1.reuse.score.output", "before")],
    "phases[2].reuse.x: a draw has this name; take another": [
        ("phases.2.reuse", {"x": {"phase": "d", "output": "made", "form": "value"}})
    ],
    "phases[3].reuse.more.phase: phase 'old' repeats, so it has no one output of this name": [
        ("phases.3.reuse", {"more": {"phase": "old", "output": "fake", "form": "value"}})
    ],
    f"phases[2].reuse.before.form: {REPEATS.format('old', 2, 1, 'd')}": [
        ("phases.2.reuse.before.form", "graph")
    ],
    f"phases[5].reuse.again.form: {REPEATS.format('then', 2, 1, 'first')}": [
        ("phases.4.reuse.same.form", "value"),
        ("phases.4.repeat", 2),
        ("phases.5.together", False),
        ("phases.5.reuse", {"again": GRAPH}),
    ],
    f"phases[5].reuse.again.form: {REPEATS.format('then', 1, 2, 'first')}": [
        ("phases.4.reuse.same.form", "value"),
        ("phases.4.every", 2),
        ("phases.5.together", False),
        ("phases.5.reuse", {"again": GRAPH}),
    ],
    "phases[4].reuse.same.form: given graph, but 'x' of phase 'first' was drawn or is detached, "
    f"and this phase moves generator. {DETACHED}": [("phases.4.reuse.same.output", "x")],
    "phases[4].reuse.same.form: given graph, but 'fake' of phase 'first' goes back to critic, and "
    f"this phase moves generator. {DETACHED}": [
        ("phases.4.reuse.same.output", "fake"),
        ("phases.4.forwards", []),
        ("phases.4.losses.0.logits", "same"),
        ("phases.4.losses.1.logits", "same"),
    ],
    f"phases[1].reuse.score.form: given graph, but phase 'd' has moved 'critic' {SINCE}": [
        ("phases.1.together", False)
    ],
    f"phases[5].reuse.seen.form: given graph, but phase 'first' has moved 'critic' {SINCE}": [
        ("phases.4.together", True),
        ("phases.4.reuse.same.form", "value"),
        ("phases.5.together", False),
        ("phases.5.reuse", {"seen": {"phase": "then", "output": "other", "form": "graph"}}),
    ],
    f"phases[0].updates[0]: given 'critic', {NO_GRADIENT}": [
        ("phases.0.forwards.1.detach", True),
    ],
    f"phases[1].updates[0]: given 'generator', {NO_GRADIENT}": [
        ("phases.1.reuse.score.form", "value"),
        ("phases.1.together", False),
    ],
    "phases[0].forwards[1].outputs: 'real' is already a draw or an earlier output; take another "
    "name": [("phases.0.forwards.1.outputs", ["real", "real"])],
    "phases[0].forwards[0].outputs: 'z' is already a draw or an earlier output; take another "
    "name": [("phases.0.forwards.0.outputs", ["z"])],
    "phases[0].metrics.d_x: 'y' has 10 classes; a metric is the mean of sigmoid(logits)": [
        ("sources.y", {"kind": "labels", "classes": 10}),
        ("phases.0.draws", ["x", "z", "y"]),
        ("phases.0.metrics.d_x", "y"),
    ],
    "phases[1].reuse.score.phase: phase 'd' comes every 2 iterations and this one every 1; there "
    "has to be one each time": [
        ("phases.0.every", 2),
        ("phases.1.together", False),
        ("phases.1.reuse.score.form", "value"),
    ],
}


@pytest.mark.parametrize("message", REFUSED)
def test_refused(message: str, tmp_path: Path) -> None:
    raw = copy.deepcopy(GOOD)
    for place, value in REFUSED[message]:
        *parents, last = place.split(".")
        spot: Any = raw
        for part in parents:
            spot = spot[int(part) if part.isdigit() else part]
        spot[last] = value
    path = tmp_path / "gan.toml"
    path.write_text(tomli_w.dumps(raw), encoding="utf-8")
    with pytest.raises(SpecError) as refusal:
        spec.load(str(path))
    assert str(refusal.value) == f"{path}: {message}"


def test_what_is_taken_together_and_what_a_gradient_joins() -> None:
    phases = spec.load(str(FILE)).phases
    named = [[phase.name for phase in group] for group in groups(phases)]
    assert named == [["d", "g"], ["old"], ["first"], ["then", "beside"]]
    named = [[phase.name for phase in unit] for unit in units(phases)]
    assert named == [["d", "g"], ["old"], ["first", "then", "beside"]]


def test_work_counts_the_way_back_through_what_is_reused() -> None:
    """Of a sample, by hand: multiply-adds forward, to kernels and to inputs, phase by phase."""
    g, d = 12 * 30 + 30 * 64, 64 * 20 + 20
    to_g, d_alone = g + 30 * 64, 2 * d + 20  # nobody asks for the gradient of noise or of samples
    phases = {
        "d": g + 2 * d_alone,
        "g": 2 * d + to_g,  # both batches passed together
        "old": 2 * 2 * d_alone,
        "first": g + 2 * d_alone,
        "then": to_g + 2 * d + g + to_g + 2 * d,
        "beside": g + 2 * d_alone,
    }
    workload = spec.load(str(FILE))
    assert iteration_multiply_adds(workload) == workload.schedule.batch_size * sum(phases.values())


def made() -> tuple[Workload, Any, Arrays, Arrays]:
    """(workload, the reference, a first state, an iteration's draws)."""
    workload = spec.load(str(FILE))
    program = load(ORACLE).program(workload, Settings("eager", "float64", "cpu", 2))
    draws = randomness.draws(workload, 1, 0, data.synthetic(workload, 1))
    return workload, program, init_state(workload, 5), draws


def softplus(x: np.ndarray) -> np.ndarray:
    return np.logaddexp(0.0, x)


def masks(draws: Arrays, *keys: str) -> Arrays:
    return {"dropout_0": np.concatenate([draws[key][0] for key in keys])}


def test_gradients_taken_together_see_the_old_parameters() -> None:
    """G's gradient by finite differences, with D as it was and the masks of D's pass."""
    workload, program, state, draws = made()
    metrics, gradients = program.losses_and_gradients(state, "g", draws)

    def loss(values: Arrays) -> float:
        fake = program.apply(values, "generator", draws["d/z"][0], train=True)
        both = np.concatenate([draws["d/x"][0], fake])
        given = masks(draws, "d/1.dropout_0.x", "d/1.dropout_0.made")
        scores = program.apply(values, "critic", both, train=True, masks=given)[len(fake) :]
        return float(np.mean(softplus(-scores)))

    assert metrics["g_loss"] == pytest.approx(loss(state), rel=1e-12)
    assert set(gradients) == set(parameters(workload, ("generator",)))
    slopes(loss, state, gradients)


def slopes(loss: Any, state: Arrays, gradients: Arrays) -> None:
    """Each gradient along a random direction is the loss's slope."""
    random = np.random.default_rng(3)
    for key, gradient in gradients.items():
        direction = random.standard_normal(gradient.shape)
        ends = [loss(state | {key: state[key] + sign * 1e-6 * direction}) for sign in (1, -1)]
        found = float(np.sum(gradient * direction))
        assert found == pytest.approx((ends[0] - ends[1]) / 2e-6, rel=1e-5, abs=1e-9), key


def until(program: Any, state: Arrays, draws: Arrays, phase: str) -> Arrays:
    """The state after a phase of an iteration, by the program's own phases one by one."""
    found = {}
    for one in program._through(state, draws, 0, phase):
        found = one.state
    return found


def test_a_graph_goes_back_through_the_fakes_of_the_phase_before() -> None:
    """Through G as it made them, and through D after its step: PyTorch's own DCGAN."""
    workload, program, state, draws = made()
    metrics, gradients = program.losses_and_gradients(state, "then", draws)
    after = until(program, state, draws, "first")
    before = until(program, state, draws, "old")
    for key in parameters(workload, ("generator",)):
        np.testing.assert_array_equal(after[key], before[key])

    def loss(values: Arrays) -> float:
        fake = program.apply(before | values, "generator", draws["first/z"][0], train=True)
        more = program.apply(before | values, "generator", draws["then/z"][0], train=True)
        moved = before | {key: after[key] for key in parameters(workload, ("critic",))}
        scores = [
            program.apply(moved, "critic", made, train=True, masks=masks(draws, key))
            for made, key in ((fake, "then/0.dropout_0.same"), (more, "then/2.dropout_0.more"))
        ]
        same, other = (float(np.mean(softplus(-score))) for score in scores)
        return same + 0.5 * other

    own = {key: before[key] for key in gradients}
    assert metrics["then_loss"] == pytest.approx(loss(own), rel=1e-12)
    slopes(loss, own, gradients)


def test_fakes_made_before_g_moved_stay_what_they_were() -> None:
    """The phase that has them again, after both networks have moved."""
    _, program, state, draws = made()
    fakes = program.apply(state, "generator", draws["d/z"][0], train=True)
    moved = until(program, state, draws, "g")
    others = program.apply(moved, "generator", draws["d/z"][0], train=True)
    assert np.abs(fakes - others).max() > 1e-4

    def loss(values: Arrays) -> float:
        both = np.concatenate([draws["old/x"][0], fakes])
        given = masks(draws, "old/0.dropout_0.x", "old/0.dropout_0.before")
        scores = program.apply(values, "critic", both, train=True, masks=given)
        real, fake = scores[: len(fakes)], scores[len(fakes) :]
        return 0.5 * float(np.mean(softplus(-real)) + np.mean(softplus(fake)))

    own = {key: value[0] for key, value in draws.items() if key.startswith("old/")}
    metrics, gradients = program.losses_and_gradients(moved, "old", own, {"before": fakes})
    first = next(f for f in program._through(state, draws, 0) if "old_loss" in f.metrics)
    assert metrics["old_loss"] == pytest.approx(loss(moved), rel=1e-12)
    assert first.metrics["old_loss"] == metrics["old_loss"]
    slopes(loss, moved, gradients)


def test_steps_follow_when_all_gradients_are_known() -> None:
    """And a forward that two phases use moves the running statistics once."""
    workload, program, state, draws = made()
    _, of_d = program.losses_and_gradients(
        state, "d", {key: value[0] for key, value in draws.items() if key.startswith("d/")}
    )
    _, of_g = program.losses_and_gradients(state, "g", draws)
    expected = program.update(program.update(state, "d", of_d), "g", of_g)
    found = until(program, state, draws, "g")
    for key in parameters(workload):
        np.testing.assert_array_equal(found[key], expected[key])
    kernel, bias = (state[f"generator/dense_0/{name}"] for name in ("kernel", "bias"))
    hidden = draws["d/z"][0] @ kernel + bias
    mean = 0.1 * hidden.mean(axis=0)
    variance = 0.9 + 0.1 * hidden.var(axis=0, ddof=1)
    np.testing.assert_allclose(found["generator/batch_norm_0/mean"], mean, rtol=1e-12)
    np.testing.assert_allclose(found["generator/batch_norm_0/variance"], variance, rtol=1e-12)
