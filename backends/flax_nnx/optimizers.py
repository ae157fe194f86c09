"""Update rules: optax's own, on whole trees; the counter and the moments are the caller's."""

from collections.abc import Callable
from typing import Any, Literal

import optax
from jax import Array

from spec import optimizers

ORIGIN: dict[str, Literal["native", "own"]] = {"adam": "native", "sgd": "native"}

Tree = Any
"""A pytree of arrays, like the parameters."""


def apply(
    optimizer: optimizers.Adam | optimizers.Sgd,
    parameters: Tree,
    gradients: Tree,
    slots: dict[str, Tree],
    step: Array | None,
) -> tuple[Tree, dict[str, Tree], Array | None]:
    """One step: new parameters, slots and step counter."""
    updates, slots, step = RULES[optimizer.kind](optimizer, parameters, gradients, slots, step)
    return optax.apply_updates(parameters, updates), slots, step


def _adam(
    optimizer: optimizers.Adam,
    parameters: Tree,
    gradients: Tree,
    slots: dict[str, Tree],
    step: Array,
) -> tuple[Tree, dict[str, Tree], Array]:
    # The two parts of optax.adam, whose state would be a chain of theirs.
    direction = optax.scale_by_adam(
        b1=optimizer.beta_1,
        b2=optimizer.beta_2,
        eps=optimizer.epsilon,
        eps_root=0.0,
        mu_dtype=None,
        nesterov=False,
    )
    state = optax.ScaleByAdamState(step, slots["first_moment"], slots["second_moment"])
    directions, state = direction.update(gradients, state, parameters)
    descent = optax.scale_by_learning_rate(optimizer.learning_rate, flip_sign=True)
    updates, _ = descent.update(directions, descent.init(parameters), parameters)
    return updates, {"first_moment": state.mu, "second_moment": state.nu}, state.count


def _sgd(
    optimizer: optimizers.Sgd,
    parameters: Tree,
    gradients: Tree,
    slots: dict[str, Tree],
    step: None,
) -> tuple[Tree, dict[str, Tree], None]:
    rule = optax.sgd(optimizer.learning_rate, momentum=None, nesterov=False, accumulator_dtype=None)
    updates, _ = rule.update(gradients, rule.init(parameters), parameters)
    return updates, slots, step


RULES: dict[str, Callable[..., tuple[Tree, dict[str, Tree], Array | None]]] = {
    "adam": _adam,
    "sgd": _sgd,
}
