"""The oracle's own checks bite: each fault planted in the reference is caught from outside it.

The backends cannot tell a fault of the reference from one of their own, so what holds it are
definitions, closed forms, finite differences, and the losses that it once wrote down.
"""

from collections.abc import Callable
from typing import Any, NamedTuple
from unittest.mock import patch

import autograd.numpy as anp
import numpy as np
import pytest
from autograd.tracer import getval

from backends.reference import losses, networks, optimizers
from tests.spec import test_reference as held
from tests.spec.test_workloads import test_golden_losses_are_current as golden_losses

Patch = tuple[dict[str, Any], str, Any]


class Fault(NamedTuple):
    """A fault, and the test of the reference that must fail."""

    name: str
    patches: Callable[[], Patch]
    caught_by: Callable[[], None]


def layer(kind: str, change: Callable[..., Any]) -> Callable[[], Patch]:
    """The layer runs on changed arguments (layer, parameters, x, train)."""
    real = networks.LAYERS[kind]
    return lambda: (networks.LAYERS, kind, lambda *given: real(*change(*given)))


def with_numbers(kind: str, **update: Any) -> Callable[[], Patch]:
    """The layer runs with other numbers than it has."""
    return layer(kind, lambda built, *rest: (built.model_copy(update=update), *rest))


def optimizer(kind: str, change: Callable[[Any], dict[str, Any]]) -> Callable[[], Patch]:
    """The update rule runs with other numbers than the workload says."""
    return _first_changed(optimizers.RULES, kind, change)


def term(kind: str, change: Callable[[Any], dict[str, Any]]) -> Callable[[], Patch]:
    """The loss is computed with other numbers than the workload says."""
    return _first_changed(losses.TERMS, kind, change)


def _first_changed(
    table: dict[str, Any], kind: str, change: Callable[[Any], dict[str, Any]]
) -> Callable[[], Patch]:
    real = table[kind]
    return lambda: (
        table,
        kind,
        lambda first, *rest: real(first.model_copy(update=change(first)), *rest),
    )


def flipped(built: Any, own: dict[str, Any], x: Any, train: bool) -> tuple[Any, ...]:
    """Kernels upside down."""
    return built, own | {"kernel": own["kernel"][::-1, ::-1]}, x, train


def half_the_derivative() -> Patch:
    """tanh is right, and its derivative half of what it should be."""

    def tanh(built: Any, own: Any, x: Any, train: bool) -> Any:
        y = anp.tanh(x)
        return 0.5 * (y + getval(y)), {}

    return networks.LAYERS, "tanh", tanh


def no_gradient_of_the_mean() -> Patch:
    """Moments whose mean passes no gradient."""
    real = networks.LAYERS["moments"]

    def moments(*given: Any) -> Any:
        y, kept = real(*given)
        return anp.concatenate([getval(y[:, :1]), y[:, 1:]], axis=1), kept

    return networks.LAYERS, "moments", moments


def finite_differences(name: str) -> Callable[[], None]:
    """The gradients of a workload against differences of its losses."""
    return lambda: held.test_gradients_against_finite_differences(name)


FAULTS = (
    Fault(
        "conv: kernel flipped", layer("conv", flipped), held.test_convolution_against_its_definition
    ),
    Fault(
        "conv_transpose: kernel flipped",
        layer("conv_transpose", flipped),
        lambda: held.test_transposed_convolution_is_the_adjoint_of_convolution(4, 2, 1),
    ),
    Fault(
        "batch norm: epsilon 1e-3",
        with_numbers("batch_norm", epsilon=1e-3),
        held.test_batch_norm_against_its_definition,
    ),
    Fault(
        "batch norm: running variance biased",
        with_numbers("batch_norm", running_variance="biased"),
        held.test_batch_norm_against_its_definition,
    ),
    Fault(
        "batch norm: momentum mirrored",
        with_numbers("batch_norm", keep=0.1),
        held.test_batch_norm_against_its_definition,
    ),
    Fault(
        "dropout not scaled up",
        with_numbers("dropout", rate=0.0),
        held.test_dropout_against_its_definition,
    ),
    Fault(
        "Adam: betas swapped",
        optimizer("adam", lambda o: {"beta_1": o.beta_2, "beta_2": o.beta_1}),
        held.test_adam_against_numbers_by_hand,
    ),
    Fault(
        "Adam: the other place for epsilon",
        optimizer("adam", lambda o: {"epsilon_place": "hat", "epsilon": 1e-4}),
        held.test_adam_against_numbers_by_hand,
    ),
    Fault(
        "SGD: rate 1 % too high",
        optimizer("sgd", lambda o: {"learning_rate": 1.01 * o.learning_rate}),
        lambda: held.test_learning_rates_by_hand("linear", [1.0, 0.75]),
    ),
    Fault("tanh: half the derivative", half_the_derivative, finite_differences("mlp_square")),
    Fault(
        "moments: no gradient of the mean", no_gradient_of_the_mean, finite_differences("gaussian")
    ),
    Fault(
        "LeakyReLU: slope 0.01",
        with_numbers("leaky_relu", slope=0.01),
        lambda: golden_losses("mlp_square"),
    ),
    Fault(
        "cross entropy: labels exchanged",
        term("bce", lambda t: {"target": 1.0 - t.target}),
        lambda: golden_losses("mlp_square"),
    ),
    Fault(
        "cross entropy: half the weight",
        term("bce", lambda t: {"weight": 0.5 * t.weight}),
        lambda: golden_losses("mlp_square"),
    ),
)


@pytest.mark.parametrize("fault", FAULTS, ids=[fault.name for fault in FAULTS])
def test_fault_in_the_reference(fault: Fault) -> None:
    """The check passes without the fault and fails with it."""
    fault.caught_by()
    table, key, replacement = fault.patches()
    with patch.dict(table, {key: replacement}), pytest.raises(AssertionError):
        fault.caught_by()


def test_a_softplus_that_overflows_is_noticed() -> None:
    with (
        patch.object(held, "softplus", lambda x: np.log(1.0 + np.exp(x))),
        np.errstate(over="ignore"),
        pytest.raises(AssertionError),
    ):
        held.test_loss_at_rest_and_at_the_ends()
