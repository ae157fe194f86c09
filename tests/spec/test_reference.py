"""The oracle itself, checked from outside: finite differences, closed forms, textbook numbers."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import spec
from backends import ORACLE, load
from backends.protocol import Program, Settings
from backends.reference.networks import LAYERS, sigmoid, softplus
from backends.reference.optimizers import apply
from spec import data, initialisers, layers, randomness
from spec.flow import needs_iteration
from spec.state import init_state
from spec.workload import Workload

INIT = initialisers.Constant(kind="constant", value=0.0)
SMALL = {
    "mlp_square": {"schedule.batch_size": 4},
    "dcgan_32": {"schedule.batch_size": 4},
    "gaussian": {"schedule.batch_size": 4},
    # As published: of four images some values lie within h of a kink of relu or of |x|.
    "cyclegan_64": {"schedule.batch_size": 1},
}


def program_of(workload: Workload) -> Program:
    return load(ORACLE).program(workload, Settings("eager", "float64", "cpu", 1))


VOCABULARY = sorted(str(p) for p in (Path(__file__).parent.parent / "meta").rglob("*.toml"))
"""Workloads of what no built-in one has."""


@pytest.mark.parametrize("name", [*spec.names(), *VOCABULARY], ids=lambda name: Path(name).stem)
def test_gradients_against_finite_differences(name: str) -> None:
    """A central difference along a random direction of length 1, in two step sizes."""
    workload = spec.load(name, SMALL.get(name, {"schedule.batch_size": 4}))
    program = program_of(workload)
    state = program.import_state(init_state(workload, 1))
    draws = randomness.draws(workload, 1, 0, data.synthetic(workload, 1))
    given = {key: value[0] for key, value in draws.items()}
    for phase in workload.phases:
        if needs_iteration(phase, None):
            continue  # what is moved here would move the phases before it too: test_flow.py
        _, gradients = program.losses_and_gradients(state, phase.name, given)
        direction = _unit(
            {k: randomness.normal(k, 0, *_flat(v)).reshape(v.shape) for k, v in gradients.items()}
        )
        exact = sum(float((gradients[key] * direction[key]).sum()) for key in gradients)
        loss = f"{phase.name}_loss"
        h = 1e-6
        up, down = (
            program.losses_and_gradients(_moved(state, direction, sign * h), phase.name, given)[0][
                loss
            ]
            for sign in (1, -1)
        )
        assert (up - down) / (2 * h) == pytest.approx(exact, rel=1e-5, abs=1e-8)


def test_convolution_against_its_definition() -> None:
    layer = layers.Conv(
        kind="conv", filters=3, kernel=4, stride=2, padding=1, bias=False, kernel_init=INIT
    )
    x, w = randomness.normal("x", 0, 2, (7, 6, 2)), randomness.normal("w", 0, 4, (4, 2, 3))
    y, _ = LAYERS["conv"](layer, {"kernel": w}, x, True)
    padded = np.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)))
    for i in range(y.shape[1]):
        for j in range(y.shape[2]):
            window = padded[:, 2 * i : 2 * i + 4, 2 * j : 2 * j + 4, :]
            np.testing.assert_allclose(y[:, i, j], np.einsum("nabc,abco->no", window, w))


@pytest.mark.parametrize(
    ("kernel", "stride", "padding"), [(4, 2, 1), (4, 1, 0), (3, 2, 1), (5, 3, 2)]
)
def test_transposed_convolution_is_the_adjoint_of_convolution(
    kernel: int, stride: int, padding: int
) -> None:
    """<conv(u), v> = <u, conv_transpose(v)> for all u and v, with the same kernel."""
    shape: dict[str, Any] = {
        "kernel": kernel,
        "stride": stride,
        "padding": padding,
        "bias": False,
        "kernel_init": INIT,
    }
    transposed = layers.ConvTranspose(kind="conv_transpose", filters=2, **shape)
    v = randomness.normal("v", 0, 2, (3, 4, 5))
    w = randomness.normal("w", 0, kernel, (kernel, 5, 2))
    back, _ = LAYERS["conv_transpose"](transposed, {"kernel": w}, v, True)
    u = randomness.normal("u", 0, 2, back.shape[1:])
    forward = layers.Conv(kind="conv", filters=5, **shape)
    there, _ = LAYERS["conv"](forward, {"kernel": w.transpose(0, 1, 3, 2)}, u, True)
    assert back.shape[1:] == transposed.output_shape((3, 4, 5))
    assert (there * v).sum() == pytest.approx((u * back).sum(), rel=1e-12)


def test_batch_norm_against_its_definition() -> None:
    layer = layers.BatchNorm(
        kind="batch_norm",
        epsilon=1e-5,
        keep=0.9,
        running_variance="unbiased",
        scale_init=INIT,
        bias_init=INIT,
    )
    x = randomness.normal("x", 0, 5, (3, 2, 2))
    own = {
        "scale": np.array([2.0, 3.0]),
        "bias": np.array([1.0, -1.0]),
        "mean": np.zeros(2),
        "variance": np.ones(2),
    }
    y, kept = LAYERS["batch_norm"](layer, own, x, True)
    rows = x.reshape(-1, 2)
    expected = (rows - rows.mean(0)) / np.sqrt(rows.var(0) + 1e-5) * own["scale"] + own["bias"]
    np.testing.assert_allclose(y.reshape(-1, 2), expected, rtol=1e-12)
    np.testing.assert_allclose(kept["mean"], 0.1 * rows.mean(0), rtol=1e-12)
    np.testing.assert_allclose(kept["variance"], 0.9 + 0.1 * rows.var(0, ddof=1), rtol=1e-12)


def test_adam_against_numbers_by_hand() -> None:
    """Two steps with gradients 1 and 3: m, v and the corrected step, worked out on paper."""
    workload = spec.load("mlp_square")
    key = "discriminator/dense_2/bias"
    state = init_state(workload, 0) | {key: np.array([0.0])}
    for gradient in (1.0, 3.0):
        state = apply(workload, "discriminator", state, {key: np.array([gradient])})
    m, v = 0.9 * 0.1 + 0.1 * 3, 0.999 * 0.001 + 0.001 * 9
    second = m / (1 - 0.81) / (np.sqrt(v / (1 - 0.998001)) + 1e-8)
    expected = -2e-4 * (1 / (1 + 1e-8)) - 2e-4 * second
    assert state[key][0] == pytest.approx(expected, rel=1e-12)
    assert state["opt_state/discriminator/step"] == 2


def test_dropout_against_its_definition() -> None:
    """What is kept grows so that the mean over all masks is the input."""
    layer = layers.Dropout(kind="dropout", rate=0.25)
    x, mask = np.array([[1.0, 2.0, 4.0]]), np.array([[1.0, 0.0, 1.0]])
    y, _ = LAYERS["dropout"](layer, {"mask": mask}, x, True)
    np.testing.assert_allclose(y, [[4 / 3, 0.0, 16 / 3]], rtol=1e-15)
    np.testing.assert_array_equal(LAYERS["dropout"](layer, {}, x, False)[0], x)


@pytest.mark.parametrize(
    ("kind", "expected"), [("linear", [1.0, 0.75, 0.5, 0.5]), ("exponential", [1, 0.5**0.5, 0.5])]
)
def test_learning_rates_by_hand(kind: str, expected: list[float]) -> None:
    """SGD on a gradient of 1, two steps an iteration, decay to one half over two iterations."""
    put = {"learning_rate": kind, "decay_factor": 0.5, "decay_iterations": 2}
    overrides = {f"schedule.{name}": value for name, value in put.items()}
    workload = spec.load("gaussian", overrides | {"steps.d_steps": 2})
    key = "discriminator/dense_0/bias"
    state, rate = init_state(workload, 0), workload.optimizers["discriminator"].learning_rate
    for factor in expected:
        for _ in range(2):
            before = state[key]
            state = apply(workload, "discriminator", state, {key: np.ones_like(before)})
            np.testing.assert_allclose(before - state[key], rate * factor, rtol=1e-9)


def test_averages_by_hand() -> None:
    """They start at the parameters, move once an iteration, and make the samples."""
    workload = spec.load("gaussian", {**SMALL["gaussian"], "averages": {"generator": 0.75}})
    program, key = program_of(workload), "generator/dense_0/bias"
    first = init_state(workload, 0)
    np.testing.assert_array_equal(first[f"average/{key}"], first[key])
    after, _ = program.train_step(first, randomness.draws(workload, 0, 0, {}))
    expected = 0.75 * first[key] + 0.25 * after[key]
    np.testing.assert_allclose(after[f"average/{key}"], expected, rtol=1e-14)
    z = randomness.normal("z", 0, 3, workload.networks["generator"].taken["input"])
    averaged = {k: after[f"average/{k}"] for k in after if f"average/{k}" in after}
    np.testing.assert_array_equal(
        program.generate(after, "generator", z),
        program.apply(after | averaged, "generator", z, train=False),
    )


def test_loss_at_rest_and_at_the_ends() -> None:
    assert softplus(0.0) == pytest.approx(np.log(2))
    assert softplus(800.0) == 800.0
    assert softplus(-800.0) == 0.0
    assert sigmoid(np.array([-800.0, 0.0, 800.0])).tolist() == [0.0, 0.5, 1.0]


def _moved(state: dict, direction: dict, h: float) -> dict:
    return state | {key: state[key] + h * value for key, value in direction.items()}


def _flat(value: np.ndarray) -> tuple[int, tuple[int, ...]]:
    return value.size, ()


def _unit(direction: dict) -> dict:
    length = np.sqrt(sum((v**2).sum() for v in direction.values()))
    return {key: value / length for key, value in direction.items()}
