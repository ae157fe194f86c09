"""Limits come from how far rounding alone moves the reference; a wrong program is beyond them."""

import tomllib
from collections.abc import Mapping
from math import inf
from typing import Any

import autograd.numpy as anp
import numpy as np
import pytest

import spec
from backends.protocol import Arrays, Program
from bench.proof import rounding
from bench.proof.closeness import CheckFailed, Measured
from bench.proof.sensitivity import Shaken, limits, oracle, parameter_of
from bench.proof.timed_path import prove_run
from bench.workers.pool import ROOT
from spec import data, randomness, tolerances
from spec.state import init_state
from spec.workload import Workload
from tests.fuzz.comparison import workload_of

CRITIC = str(ROOT / "tests" / "meta" / "workloads" / "critic.toml")
DEAD_CHANNEL = ROOT / "tests" / "fuzz" / "found" / "dead_channel.toml"
WITHOUT_GRADIENT = {
    "discriminator/dense_0/bias",  # real and generated scores move alike
    "discriminator/conv_0/bias",  # batch norm takes the mean away
    "generator/dense_0/bias",
}


@pytest.fixture(scope="module")
def critic() -> Workload:
    return spec.load(CRITIC)


def test_parameters_without_a_gradient_are_found(critic: Workload) -> None:
    shaken = Shaken(critic, "float64", 1.0, {})
    shaken.program.train_step(init_state(critic, 1), randomness.draws(critic, 1, 0, {}))
    assert shaken.undetermined == WITHOUT_GRADIENT


def test_a_gradient_is_measured_by_the_largest_that_its_phase_has_had() -> None:
    workload = spec.load(CRITIC, {"steps.clip.limit": 1e-4})
    shaken, state = Shaken(workload, "float64", 1.0, {}), init_state(workload, 1)
    for i in range(4):
        state, _ = shaken.program.train_step(state, randomness.draws(workload, 1, i, {}))
    assert shaken.undetermined >= WITHOUT_GRADIENT - {"generator/dense_0/bias"}


def test_every_parameter_of_a_cross_entropy_gan_has_a_gradient() -> None:
    workload = spec.load("mlp_square", {"schedule.batch_size": 8})
    shaken, arrays = Shaken(workload, "float64", 1.0, {}), data.synthetic(workload, 1)
    shaken.program.train_step(init_state(workload, 1), randomness.draws(workload, 1, 0, arrays))
    assert shaken.undetermined == frozenset()


def test_entries_of_the_state_belong_to_a_parameter() -> None:
    key = "discriminator/dense_0/bias"
    assert parameter_of(key) == key
    assert parameter_of(f"average/{key}") == key
    assert parameter_of(f"opt_state/discriminator/second_moment/{key}") == key


def test_what_has_no_gradient_does_not_widen_the_limits_of_the_others() -> None:
    expected = {"a": np.ones(4), "b": np.ones(4)}
    moved = {"a": np.ones(4) * (1 + 1e-12), "b": np.ones(4) * 7.0}
    found = limits(expected, [moved], ["a", "b"], "iteration", "float64", frozenset({"b"}))
    assert found["a"] == pytest.approx(1e-10, rel=0.01)
    assert found["b"] > 100


@pytest.mark.parametrize(("growth", "expected"), [(0.9, 2.7), (1.1, inf)])
def test_what_has_no_gradient_is_not_compared_where_float32_leaves_nothing(
    growth: float, expected: float
) -> None:
    states = {"a": np.ones(4)}, {"a": np.ones(4) * (1 + growth)}
    found = limits(states[0], [states[1]], ["a"], "moment", "float32", frozenset({"a"}))
    assert found["a"] == pytest.approx(expected)


def test_beyond_the_ceiling_only_where_rounding_is_and_never_in_float64() -> None:
    ceiling = tolerances.ceiling("float32", "statistic")
    assert tolerances.trajectory_limit("float32", "statistic", 0.9 * ceiling) == ceiling
    assert tolerances.trajectory_limit("float32", "statistic", 2 * ceiling) > ceiling
    assert not tolerances.is_beyond("float32", "statistic", ceiling)
    assert tolerances.is_beyond("float32", "statistic", 1.1 * ceiling)
    assert not tolerances.is_beyond("float64", "statistic", 1.0)
    assert tolerances.trajectory_limit("float64", "statistic", 1.0) == 1e-7


def test_rounding_is_as_large_as_the_terms_that_cancel() -> None:
    """The gradient of b2/bias, 1e-4, adds up terms of the order of 10; D's first one has none."""
    workload = workload_of(tomllib.loads(DEAD_CHANNEL.read_text("utf-8")))
    shaken, draws = Shaken(workload, "float64", 1.0, {}), randomness.draws(workload, 30, 0, {})
    start, given = init_state(workload, 30), {key: value[0] for key, value in draws.items()}
    state, _ = shaken.program.train_step(start, draws)
    bias, scale = "generator/b2/bias", "discriminator/c0/scale"
    exact, of = oracle(workload).losses_and_gradients, shaken.program.losses_and_gradients
    gradient = exact(state, "g", given)[1][bias]
    assert 1e5 < shaken.terms["g"][bias] / rounding.rms(gradient) < 1e6
    moved = of(state, "g", given)[1][bias] - gradient
    assert rounding.rms(moved) > 1e-12 * rounding.rms(gradient)
    gradient = exact(start, "d_real", given)[1][scale]
    assert 0.1 < shaken.terms["d_real"][scale] / rounding.rms(gradient) < 10


def test_what_an_operation_only_hands_on_is_not_rounded() -> None:
    def loss(parameters: Arrays) -> Any:
        return anp.sum(anp.reshape(parameters["w"] ** 2, (2, 3)))

    gradient = rounding.value_and_grads(loss, {"w": np.full(6, 0.5)})[2]["w"]
    steps = np.rint((gradient - 1.0) / rounding.STEP)
    assert set(steps) <= {-2.0, 0.0, 2.0}, "the sum and the square, not the reshape between them"
    assert len(set(steps)) > 1


def _otherwise_rounded(workload: Workload, size: float) -> Program:
    """A right program: the reference, its gradients off by other rounding."""
    program, random = oracle(workload), np.random.default_rng(3)
    exact = program.update

    def update(state: Arrays, phase: str, gradients: Mapping[str, Any]) -> Arrays:
        largest = max(float(np.sqrt(np.mean(g**2))) for g in gradients.values())
        off = {k: size * largest * random.standard_normal(g.shape) for k, g in gradients.items()}
        return exact(state, phase, {k: g + off[k] for k, g in gradients.items()})

    program.update = update  # type: ignore[method-assign]
    return program


@pytest.mark.parametrize(
    ("precision", "size", "clip"),
    [("float64", 1e-16, 0.1), ("float64", 1e-16, 1e-4), ("float32", 1e-7, 0.1)],
)
def test_another_rounding_passes_and_another_number_does_not(
    precision: str, size: float, clip: float
) -> None:
    """Cut to 1e-4, the critic's batch norm meets no kink, and rounding is its whole gradient."""
    critic, measured = spec.load(CRITIC, {"steps.clip.limit": clip}), Measured()
    right = _otherwise_rounded(critic, size)
    prove_run(right, critic, {}, precision=precision, seed=1, n=4, measured=measured)
    assert 0 < measured.share < 1
    assert measured.sensitive  # the last bias takes steps of rounding
    optimizers = {
        name: optimizer.model_copy(update={"momentum": 0.8})
        for name, optimizer in critic.optimizers.items()
    }
    wrong = _otherwise_rounded(critic.model_copy(update={"optimizers": optimizers}), size)
    with pytest.raises(CheckFailed):
        prove_run(wrong, critic, {}, precision=precision, seed=1, n=4)
