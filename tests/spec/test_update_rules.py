"""Every update rule of the reference over several steps, against the papers' formulas."""

import tomllib
from collections.abc import Callable, Iterator
from itertools import product
from math import sqrt
from typing import Any

import numpy as np
import pytest

from backends.reference.optimizers import apply
from spec.optimizers import Sgd
from spec.state import init_state
from tests.fuzz.comparison import workload_of
from tests.spec.test_losses import SOURCE

KEY = "discriminator/dense_2/bias"
FIRST = 0.5
GRADIENTS = {
    "ordinary": [1.0, -3.0, 0.25, 0.25],
    "zero": [0.0, 0.0, 0.0, 2.0],
    "tiny": [1e-30, -1e-20, 1e-12, 1e-9],
    "large": [1e12, -1e10, 1.0, 0.0],
    "equal": [0.7, 0.7, 0.7, 0.7],
}
Steps = Iterator[float]


def adam(
    gradients: list[float],
    *,
    lr: float,
    b1: float,
    b2: float,
    eps: float,
    hat: bool = False,
    decay: float = 0.0,
) -> Steps:
    """Kingma and Ba 2015; with `decay`, Loshchilov and Hutter 2019: off the weight itself."""
    p, m, v = FIRST, 0.0, 0.0
    for t, g in enumerate(gradients, 1):
        p -= lr * decay * p
        m, v = b1 * m + (1 - b1) * g, b2 * v + (1 - b2) * g * g
        if hat:
            p -= lr * sqrt(1 - b2**t) / (1 - b1**t) * m / (sqrt(v) + eps)
        else:
            p -= lr * (m / (1 - b1**t)) / (sqrt(v / (1 - b2**t)) + eps)
        yield p


def rmsprop(
    gradients: list[float],
    *,
    lr: float,
    rho: float,
    eps: float,
    inside: bool,
    start: float,
    momentum: float = 0.0,
) -> Steps:
    """Tieleman and Hinton 2012, slide 29; epsilon and momentum as the frameworks add them."""
    p, v, b = FIRST, start, 0.0
    for g in gradients:
        v = rho * v + (1 - rho) * g * g
        b = momentum * b + g / (sqrt(v + eps) if inside else sqrt(v) + eps)
        p -= lr * b
        yield p


def sgd(
    gradients: list[float], *, lr: float, momentum: float = 0.0, nesterov: bool = False
) -> Steps:
    """Polyak 1964; Nesterov's as Sutskever et al. 2013 rewrite it."""
    p, b = FIRST, 0.0
    for g in gradients:
        b = momentum * b + g
        p -= lr * (g + momentum * b if nesterov else b)
        yield p


ADAM: dict[str, Any] = {"learning_rate": 0.01, "beta_1": 0.5, "beta_2": 0.9, "epsilon": 1e-7}
SGD: dict[str, Any] = {"kind": "sgd", "learning_rate": 0.1}
RMS: dict[str, Any] = {"learning_rate": 0.01, "decay": 0.8, "epsilon": 1e-6}
BY_HAND: dict[str, Any] = {"lr": 0.01, "b1": 0.5, "b2": 0.9, "eps": 1e-7}
SLOW: dict[str, Any] = {"lr": 0.01, "rho": 0.8, "eps": 1e-6}
RULES: dict[str, tuple[dict[str, Any], Callable[..., Steps], dict[str, Any]]] = {
    "adam": ({"kind": "adam", "epsilon_place": "outside_root", **ADAM}, adam, BY_HAND),
    "adam, hat": ({"kind": "adam", "epsilon_place": "hat", **ADAM}, adam, BY_HAND | {"hat": True}),
    "adamw": ({"kind": "adamw", "weight_decay": 0.3, **ADAM}, adam, BY_HAND | {"decay": 0.3}),
    "sgd": (SGD, sgd, {"lr": 0.1}),
    "momentum": (SGD | {"momentum": 0.6}, sgd, {"lr": 0.1, "momentum": 0.6}),
    "nesterov": (
        SGD | {"momentum": 0.6, "nesterov": True},
        sgd,
        {"lr": 0.1, "momentum": 0.6, "nesterov": True},
    ),
}
for place, start, momentum in product(("inside", "outside"), (0.0, 0.25), (0.0, 0.7)):
    own = {"kind": "rmsprop", "epsilon_place": f"{place}_root", "momentum": momentum, **RMS}
    own["initial_accumulator"] = start
    numbers = SLOW | {"inside": place == "inside", "start": start, "momentum": momentum}
    RULES[f"rmsprop, {place}, from {start}, momentum {momentum}"] = own, rmsprop, numbers


@pytest.mark.parametrize("gradients", GRADIENTS)
@pytest.mark.parametrize("name", RULES)
def test_rule(name: str, gradients: str) -> None:
    written, rule, numbers = RULES[name]
    raw = tomllib.loads(SOURCE.read_text(encoding="utf-8"))
    raw["optimizers"]["discriminator"] = written
    workload = workload_of(raw)
    state = init_state(workload, 0) | {KEY: np.array([FIRST])}
    others = {key: state[key] for key in state if not key.endswith(KEY)}
    given = GRADIENTS[gradients]
    for g, expected in zip(given, rule(given, **numbers), strict=True):
        state = apply(workload, "discriminator", state, {KEY: np.array([g])})
        assert state[KEY][0] == pytest.approx(expected, rel=1e-12, abs=1e-15)
    moved = {key for key in others if not np.array_equal(state[key], others[key])}
    counted = {"opt_state/discriminator/step"} & set(state)
    assert moved == counted, "a gradient moves its own parameter alone"


def test_sgd_is_plain_unless_a_file_says_otherwise() -> None:
    made = Sgd(kind="sgd", learning_rate=0.1, momentum=0.5)
    assert (made.nesterov, made.slots) == (False, ("momentum",))
    assert Sgd(kind="sgd", learning_rate=0.1).slots == ()
