"""First states and draws, by SciPy's distributions and bounds that were worked out by hand.

A distribution is compared by Kolmogorov and Smirnov's test at 1e-6. Draws are the same in every
run, so nothing here fails by chance: 1e-6 is the chance that a right program was refused when the
seed was chosen.
"""

import tomllib
from math import sqrt
from typing import Any

import numpy as np
import pytest
from scipy.stats import kstest, norm, uniform

from spec import layers, randomness, sources
from spec.initialisers import Parameter
from spec.state import _initial, init_state
from spec.workload import Workload
from tests.fuzz.comparison import workload_of
from tests.spec.test_losses import LOSSES, SOURCE

ALARM = 1e-6
BIAS = {"bias": True, "bias_init": {"kind": "torch_uniform"}}
SQUARE = {"kernel": 3, "stride": 1, "padding": 1}
BIG = {"kernel": 7, "stride": 1, "padding": 3}
LAYERS: dict[str, tuple[dict[str, Any], tuple[int, ...], tuple[int, int, int]]] = {
    "dense": ({"kind": "dense", "units": 300}, (80,), (80, 300, 80)),
    "conv": ({"kind": "conv", "filters": 40, **SQUARE}, (9, 6, 50), (450, 360, 450)),
    "conv 7x7": ({"kind": "conv", "filters": 20, **BIG}, (9, 6, 25), (1225, 980, 1225)),
    "conv_transpose": (
        {"kind": "conv_transpose", "filters": 40, **SQUARE},
        (9, 6, 50),
        (450, 360, 360),
    ),
}
"""Layer, input shape; and by hand fan_in, fan_out, and the fan that torch's rule divides by."""


def parameters_of(layer: dict[str, Any], shape: tuple[int, ...]) -> dict[str, Parameter]:
    kinds: dict[str, Any] = {
        "dense": layers.Dense,
        "conv": layers.Conv,
        "conv_transpose": layers.ConvTranspose,
    }
    made = kinds[layer["kind"]].model_validate(layer)
    found: dict[str, Parameter] = made.parameters(shape)
    return found


def fits(values: np.ndarray, distribution: Any) -> None:
    assert kstest(values.ravel(), distribution.cdf).pvalue > ALARM


@pytest.mark.parametrize("name", LAYERS)
def test_torch_uniform(name: str) -> None:
    layer, shape, (*_, fan) = LAYERS[name]
    own = {**layer, "kernel_init": {"kind": "torch_uniform"}, **BIAS}
    bound = 1 / sqrt(fan)
    for key, parameter in parameters_of(own, shape).items():
        values = _initial(parameter, f"a test/{name}/{key}")
        assert values.shape == parameter.shape
        assert (0.98 if key == "kernel" else 0.8) * bound < abs(values).max() < bound
        fits(values, uniform(-bound, 2 * bound))


@pytest.mark.parametrize("name", LAYERS)
@pytest.mark.parametrize("kind", ["glorot", "he", "lecun"])
def test_scaled_rules(name: str, kind: str) -> None:
    """Glorot and Bengio 2010, equation 16 for the uniform one; He et al. 2015, equation 10."""
    layer, shape, (fan_in, fan_out, _) = LAYERS[name]
    std = {
        "glorot": sqrt(2 / (fan_in + fan_out)),
        "he": sqrt(2 / fan_in),
        "lecun": sqrt(1 / fan_in),
    }[kind]
    for distribution in ("normal", "uniform"):
        rule = {"kind": kind, "distribution": distribution}
        own = {**layer, "kernel_init": rule, "bias": False}
        (parameter,) = parameters_of(own, shape).values()
        values = _initial(parameter, f"a test/{name}/{kind}/{distribution}")
        if distribution == "normal":
            fits(values, norm(0.0, std))
            assert abs(values).max() > 3.5 * std, "not truncated"
        else:
            bound = sqrt(3) * std
            fits(values, uniform(-bound, 2 * bound))
            assert 0.98 * bound < abs(values).max() < bound


def test_normal_and_constant() -> None:
    layer, shape, _ = LAYERS["dense"]
    own = {**layer, "kernel_init": {"kind": "normal", "mean": 0.5, "std": 0.02}, "bias": True}
    own["bias_init"] = {"kind": "constant", "value": -0.25}
    found = parameters_of(own, shape)
    fits(_initial(found["kernel"], "a test"), norm(0.5, 0.02))
    np.testing.assert_array_equal(_initial(found["bias"], "a test"), np.full(300, -0.25))


def _workload(**optimizer: Any) -> Workload:
    raw = tomllib.loads(SOURCE.read_text(encoding="utf-8"))
    rest = {key: raw["steps"][key] for key in ("d_steps", "g_steps", "g_noise", "d_update")}
    raw["steps"] = rest | LOSSES["hinge"]
    del raw["stopping"]["discriminator_won"]  # of beliefs, which scores are not
    raw["optimizers"]["discriminator"] = optimizer
    return workload_of(raw)


@pytest.mark.parametrize("accumulator", [0.0, 0.125])
def test_an_rmsprop_starts_from_its_accumulator(accumulator: float) -> None:
    workload = _workload(
        kind="rmsprop",
        learning_rate=1e-3,
        decay=0.9,
        epsilon=1e-8,
        epsilon_place="outside_root",
        initial_accumulator=accumulator,
        momentum=0.5,
    )
    state = init_state(workload, 0)
    own = {k: v for k, v in state.items() if k.startswith("opt_state/discriminator/second_moment/")}
    parameters = {k for k in state if k.startswith("discriminator/")}
    assert {k.partition("second_moment/")[2] for k in own} == parameters
    assert all((value == accumulator).all() for value in own.values())
    others = [k for k in state if k.startswith("opt_state/") and k not in own]
    assert {k.split("/")[2] for k in others} == {
        "momentum",
        "first_moment",
        "second_moment",
        "step",
    }
    assert not any(state[key].any() for key in others)
    assert state["iteration"] == 0


def test_first_states_differ_by_seed_and_by_array() -> None:
    workload = _workload(kind="sgd", learning_rate=0.1)
    one, other = init_state(workload, 0), init_state(workload, 1)
    drawn = [key for key in one if key.split("/")[0] in ("generator", "discriminator")]
    rows = [state[key].ravel()[:1].tobytes() for state in (one, other) for key in drawn]
    assert len(set(rows)) == 2 * len(drawn) == 24
    again = init_state(workload, 0)
    assert all((again[key] == one[key]).all() for key in one)


@pytest.mark.parametrize("shape", [(1,), (7,), (5, 3), (3, 5, 2)])
def test_every_stream_has_its_distribution(shape: tuple[int, ...]) -> None:
    rows = 20_000 // int(np.prod(shape))
    drawn: dict[str, tuple[dict[str, Any], Any]] = {
        "uniform": ({"low": -3.0, "high": 5.0}, uniform(-3.0, 8.0)),
        "normal": ({"mean": 2.0, "std": 0.25}, norm(2.0, 0.25)),
        "gaussian_stream": ({"mean": -4.0, "std": 1.5, "sampling": "stream"}, norm(-4.0, 1.5)),
    }
    kinds: dict[str, Any] = {
        "uniform": sources.UniformNoise,
        "normal": sources.NormalNoise,
        "gaussian_stream": sources.GaussianStream,
    }
    for kind, (own, distribution) in drawn.items():
        source = kinds[kind].model_validate({"kind": kind, "shape": shape, **own})
        values = randomness.sample(source, f"a test/{kind}", 0, rows)
        assert values.shape == (rows, *shape)
        fits(values, distribution)
        np.testing.assert_array_equal(
            values[3:], randomness.sample(source, f"a test/{kind}", 3, rows - 3)
        )


def test_sorted_rows_hold_the_same_numbers_in_rising_order() -> None:
    own = {
        "kind": "gaussian_stream",
        "mean": 4.0,
        "std": 1.25,
        "shape": (50,),
        "sampling": "stream",
    }
    plain, risen = (
        randomness.sample(
            sources.GaussianStream.model_validate({**own, "sorted": flag}), "a test", 0, 400
        )
        for flag in (False, True)
    )
    assert (np.diff(risen, axis=1) >= 0).all()
    assert not (np.diff(plain, axis=1) >= 0).all(axis=1).any()
    np.testing.assert_array_equal(np.sort(plain, axis=1), risen)
    fits(risen, norm(4.0, 1.25))


@pytest.mark.parametrize("rate", [0.1, 0.5, 0.75])
def test_masks_keep_what_they_should(rate: float) -> None:
    """The number of ones is binomial: within 5 of its standard deviations, 6e-7 by chance."""
    mask = sources.Mask(kind="mask", rate=rate, shape=(40,))
    values = randomness.sample(mask, f"a test/{rate}", 0, 1000)
    assert set(np.unique(values)) == {0.0, 1.0}
    assert abs(values.mean() - (1 - rate)) < 5 * sqrt(rate * (1 - rate) / values.size)
