"""Update rules in NumPy: each is one function (optimizer, state, prefix, key, gradient, step)."""

from collections.abc import Callable, Mapping

import numpy as np

from backends.protocol import Array, Arrays
from spec import optimizers
from spec.phases import Schedule
from spec.state import optimized
from spec.workload import Workload


def apply(workload: Workload, name: str, state: Arrays, gradients: Mapping[str, Array]) -> Arrays:
    """The state after one step of optimizer `name` on the gradients given, by parameter key."""
    optimizer, new = workload.optimizers[name], dict(state)
    prefix = f"opt_state/{name}"
    if workload.counts(name):
        step = int(state[f"{prefix}/step"])
        new[f"{prefix}/step"] = state[f"{prefix}/step"] + 1
        factor = rate_factor(workload.schedule, _iteration(workload, name, step))
        rate = optimizer.learning_rate * factor
        optimizer = optimizer.model_copy(update={"learning_rate": rate})
    for key in optimized(workload, name):
        if key in gradients:
            new |= RULES[optimizer.kind](optimizer, new, prefix, key, gradients[key])
    return new


def _iteration(workload: Workload, name: str, step: int) -> int:
    """The number of the iteration that an optimizer's step, counted from 0, belongs to."""
    counts = workload.pace(name).counts
    owners = [i for i, count in enumerate(counts) for _ in range(count)]
    periods, place = divmod(step, len(owners))
    return periods * len(counts) + owners[place]


def rate_factor(schedule: Schedule, iteration: int) -> float:
    """What every learning rate is multiplied with in an iteration, from 0."""
    if schedule.learning_rate == "constant":
        return 1.0
    factor, iterations = schedule.decay
    if schedule.learning_rate == "linear":
        return 1.0 + (factor - 1.0) * min(iteration / iterations, 1.0)
    return float(factor ** (iteration / iterations))


def _adam(
    optimizer: optimizers.Adam, state: Arrays, prefix: str, key: str, gradient: Array
) -> Arrays:
    """Kingma and Ba 2015 (arXiv 1412.6980), algorithm 1, or the form at the end of section 2."""
    t = int(state[f"{prefix}/step"])
    b1, b2 = optimizer.beta_1, optimizer.beta_2
    m = b1 * state[f"{prefix}/first_moment/{key}"] + (1 - b1) * gradient
    v = b2 * state[f"{prefix}/second_moment/{key}"] + (1 - b2) * gradient**2
    m_hat, correction = m / (1 - b1**t), np.sqrt(1 - b2**t)
    if optimizer.epsilon_place == "hat":
        step = m_hat * correction / (np.sqrt(v) + optimizer.epsilon)
    else:
        step = m_hat / (np.sqrt(v) / correction + optimizer.epsilon)
    return {
        key: state[key] - optimizer.learning_rate * step,
        f"{prefix}/first_moment/{key}": m,
        f"{prefix}/second_moment/{key}": v,
    }


def _adamw(
    optimizer: optimizers.AdamW, state: Arrays, prefix: str, key: str, gradient: Array
) -> Arrays:
    """Loshchilov and Hutter 2019 (arXiv 1711.05101), algorithm 2, decay scaled by the rate."""
    shrunk = state[key] * (1 - optimizer.learning_rate * optimizer.weight_decay)
    plain = optimizers.Adam(
        kind="adam",
        epsilon_place="outside_root",
        **optimizer.model_dump(exclude={"kind", "weight_decay"}),
    )
    return _adam(plain, state | {key: shrunk}, prefix, key, gradient)


def _rmsprop(
    optimizer: optimizers.RmsProp, state: Arrays, prefix: str, key: str, gradient: Array
) -> Arrays:
    decay, epsilon = optimizer.decay, optimizer.epsilon
    v = decay * state[f"{prefix}/second_moment/{key}"] + (1 - decay) * gradient**2
    inside = optimizer.epsilon_place == "inside_root"
    step = gradient / (np.sqrt(v + epsilon) if inside else np.sqrt(v) + epsilon)
    new = {f"{prefix}/second_moment/{key}": v}
    if optimizer.momentum:
        step = optimizer.momentum * state[f"{prefix}/momentum/{key}"] + step
        new[f"{prefix}/momentum/{key}"] = step
    return new | {key: state[key] - optimizer.learning_rate * step}


def _sgd(
    optimizer: optimizers.Sgd, state: Arrays, prefix: str, key: str, gradient: Array
) -> Arrays:
    new, mu = {}, optimizer.momentum
    if mu:
        buffer = mu * state[f"{prefix}/momentum/{key}"] + gradient
        new[f"{prefix}/momentum/{key}"] = buffer
        gradient = gradient + mu * buffer if optimizer.nesterov else buffer
    return new | {key: state[key] - optimizer.learning_rate * gradient}


RULES: dict[str, Callable[..., Arrays]] = {
    "adam": _adam,
    "adamw": _adamw,
    "rmsprop": _rmsprop,
    "sgd": _sgd,
}
