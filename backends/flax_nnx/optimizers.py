"""Update rules: optax's own, on whole trees; the counter and the moments are the caller's."""

from collections.abc import Callable
from typing import Any, Literal

import jax
import jax.numpy as jnp
import optax
from jax import Array

from spec import optimizers
from spec.optimizers import Optimizer
from spec.phases import Schedule
from spec.workload import Pace

Tree = Any
"""A pytree of arrays, like the parameters."""


def origin(optimizer: Optimizer) -> Literal["native", "own"]:
    """Whether the rule is optax's own."""
    hat = isinstance(optimizer, optimizers.Adam) and optimizer.epsilon_place == "hat"
    return "own" if hat else "native"


def rate_factor(schedule: Schedule, pace: Pace, step: Array | None, dtype: Any) -> float | Array:
    """What the learning rate is multiplied with after `step` steps, in their iteration."""
    if schedule.learning_rate == "constant" or step is None:
        return 1.0
    factor, iterations = schedule.decay
    periods, place = step // pace.steps, step % pace.steps
    passed = periods * pace.period
    for reached, further in pace.gaps:
        passed += further * (place >= reached)
    iteration = passed.astype(dtype)
    if schedule.learning_rate == "linear":
        return optax.linear_schedule(
            init_value=1.0,
            end_value=factor,
            transition_steps=iterations,
            transition_begin=0,
        )(iteration)
    return optax.exponential_decay(
        init_value=1.0,
        transition_steps=iterations,
        decay_rate=factor,
        transition_begin=0,
        staircase=False,
        end_value=None,
    )(iteration)


def apply(
    optimizer: Optimizer,
    factor: float | Array,
    parameters: Tree,
    gradients: Tree,
    slots: dict[str, Tree],
    step: Array | None,
) -> tuple[Tree, dict[str, Tree], Array | None]:
    """One step: new parameters, slots and step counter. `factor` multiplies the learning rate."""
    updates, slots, step = RULES[optimizer.kind](
        optimizer, factor, parameters, gradients, slots, step
    )
    return optax.apply_updates(parameters, updates), slots, step


def _adam(
    optimizer: optimizers.Adam | optimizers.AdamW,
    factor: float | Array,
    parameters: Tree,
    gradients: Tree,
    slots: dict[str, Tree],
    step: Array,
) -> tuple[Tree, dict[str, Tree], Array]:
    if origin(optimizer) == "own":
        return _adam_hat(optimizer, factor, parameters, gradients, slots, step)
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
    if isinstance(optimizer, optimizers.AdamW):
        decay = optax.add_decayed_weights(optimizer.weight_decay, mask=None)
        directions, _ = decay.update(directions, decay.init(parameters), parameters)
    updates = _descend(optimizer.learning_rate * factor, directions, parameters)
    return updates, {"first_moment": state.mu, "second_moment": state.nu}, state.count


def _adam_hat(
    optimizer: optimizers.Adam | optimizers.AdamW,
    factor: float | Array,
    parameters: Tree,
    gradients: Tree,
    slots: dict[str, Tree],
    step: Array,
) -> tuple[Tree, dict[str, Tree], Array]:
    b1, b2, count = optimizer.beta_1, optimizer.beta_2, step + 1
    m = jax.tree.map(lambda m, g: b1 * m + (1 - b1) * g, slots["first_moment"], gradients)
    v = jax.tree.map(lambda v, g: b2 * v + (1 - b2) * g**2, slots["second_moment"], gradients)

    def direction(m: Array, v: Array) -> Array:
        t = count.astype(m.dtype)
        return jnp.sqrt(1 - b2**t) / (1 - b1**t) * m / (jnp.sqrt(v) + optimizer.epsilon)

    updates = _descend(optimizer.learning_rate * factor, jax.tree.map(direction, m, v), parameters)
    return updates, {"first_moment": m, "second_moment": v}, count


def _rmsprop(
    optimizer: optimizers.RmsProp,
    factor: float | Array,
    parameters: Tree,
    gradients: Tree,
    slots: dict[str, Tree],
    step: Array,
) -> tuple[Tree, dict[str, Tree], Array]:
    scale = optax.scale_by_rms(
        decay=optimizer.decay,
        eps=optimizer.epsilon,
        initial_scale=optimizer.initial_accumulator,
        eps_in_sqrt=optimizer.epsilon_place == "inside_root",
        bias_correction=False,
    )
    state = optax.ScaleByRmsState(nu=slots["second_moment"])
    directions, state = scale.update(gradients, state, parameters)
    kept = {"second_moment": state.nu}
    if optimizer.momentum:
        directions, kept["momentum"] = _trace(optimizer.momentum, False, directions, slots)
    return _descend(optimizer.learning_rate * factor, directions, parameters), kept, step + 1


def _sgd(
    optimizer: optimizers.Sgd,
    factor: float | Array,
    parameters: Tree,
    gradients: Tree,
    slots: dict[str, Tree],
    step: Array | None,
) -> tuple[Tree, dict[str, Tree], Array | None]:
    if not optimizer.momentum:
        updates = _descend(optimizer.learning_rate * factor, gradients, parameters)
        return updates, slots, None if step is None else step + 1
    directions, trace = _trace(optimizer.momentum, optimizer.nesterov, gradients, slots)
    updates = _descend(optimizer.learning_rate * factor, directions, parameters)
    return updates, {"momentum": trace}, None if step is None else step + 1


def _trace(
    momentum: float, nesterov: bool, directions: Tree, slots: dict[str, Tree]
) -> tuple[Tree, Tree]:
    """(directions with momentum, the buffer after them)."""
    rule = optax.trace(decay=momentum, nesterov=nesterov, accumulator_dtype=None)
    directions, state = rule.update(directions, optax.TraceState(trace=slots["momentum"]))
    return directions, state.trace


def _descend(learning_rate: float | Array, directions: Tree, parameters: Tree) -> Tree:
    """-learning_rate * directions."""
    rule = optax.scale_by_learning_rate(learning_rate, flip_sign=True)
    return rule.update(directions, rule.init(parameters), parameters)[0]


RULES: dict[str, Callable[..., tuple[Tree, dict[str, Tree], Array | None]]] = {
    "adam": _adam,
    "adamw": _adam,
    "rmsprop": _rmsprop,
    "sgd": _sgd,
}
