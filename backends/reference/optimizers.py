"""Update rules in NumPy: each is one function (optimizer, state, prefix, key, gradient, step)."""

from collections.abc import Callable, Mapping

import numpy as np

from backends.protocol import Array, Arrays
from spec import optimizers
from spec.state import optimized
from spec.workload import Workload


def apply(workload: Workload, name: str, state: Arrays, gradients: Mapping[str, Array]) -> Arrays:
    """The state after one step of optimizer `name` on the gradients given, by parameter key."""
    optimizer, new = workload.optimizers[name], dict(state)
    prefix = f"opt_state/{name}"
    if optimizer.slots:
        new[f"{prefix}/step"] = state[f"{prefix}/step"] + 1
    for key in optimized(workload, name):
        if key in gradients:
            new |= RULES[optimizer.kind](optimizer, new, prefix, key, gradients[key])
    return new


def _adam(
    optimizer: optimizers.Adam, state: Arrays, prefix: str, key: str, gradient: Array
) -> Arrays:
    """Kingma and Ba 2015 (arXiv 1412.6980), algorithm 1, epsilon outside the root."""
    t = int(state[f"{prefix}/step"])
    b1, b2 = optimizer.beta_1, optimizer.beta_2
    m = b1 * state[f"{prefix}/first_moment/{key}"] + (1 - b1) * gradient
    v = b2 * state[f"{prefix}/second_moment/{key}"] + (1 - b2) * gradient**2
    m_hat, v_hat = m / (1 - b1**t), v / (1 - b2**t)
    return {
        key: state[key] - optimizer.learning_rate * m_hat / (np.sqrt(v_hat) + optimizer.epsilon),
        f"{prefix}/first_moment/{key}": m,
        f"{prefix}/second_moment/{key}": v,
    }


def _sgd(
    optimizer: optimizers.Sgd, state: Arrays, prefix: str, key: str, gradient: Array
) -> Arrays:
    return {key: state[key] - optimizer.learning_rate * gradient}


RULES: dict[str, Callable[..., Arrays]] = {"adam": _adam, "sgd": _sgd}
