"""Loss terms: what each adds to a phase's loss, from what the phase knows."""

from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
import optax
from jax import Array as Tensor
from jax.nn import relu, softplus

from spec.losses import (
    AbsoluteError,
    BinaryCrossEntropy,
    CrossEntropy,
    Hinge,
    LeastSquares,
    LogPartition,
    MeanScore,
    Relativistic,
    SquaredError,
)


def _bce(term: BinaryCrossEntropy, outputs: dict[str, Tensor]) -> Tensor:
    target = term.target if isinstance(term.target, float) else outputs[term.target]
    return term.weight * _softplus_both(outputs[term.logits], target).mean()


def _softplus_both(x: Tensor, target: float | Tensor) -> Tensor:
    return target * softplus(-x) + (1.0 - target) * softplus(x)


def _mean_score(term: MeanScore, outputs: dict[str, Tensor]) -> Tensor:
    return term.weight * outputs[term.scores].mean()


def _least_squares(term: LeastSquares, outputs: dict[str, Tensor]) -> Tensor:
    return term.weight * ((outputs[term.scores] - term.target) ** 2).mean()


def _hinge(term: Hinge, outputs: dict[str, Tensor]) -> Tensor:
    return term.weight * relu(1.0 - term.sign * outputs[term.scores]).mean()


def _absolute_error(term: AbsoluteError, outputs: dict[str, Tensor]) -> Tensor:
    return term.weight * jnp.abs(outputs[term.value] - outputs[term.other]).mean()


def _squared_error(term: SquaredError, outputs: dict[str, Tensor]) -> Tensor:
    return term.weight * ((outputs[term.value] - outputs[term.other]) ** 2).mean()


def _cross_entropy(term: CrossEntropy, outputs: dict[str, Tensor]) -> Tensor:
    logits = outputs[term.logits]
    if isinstance(term.label, int):
        label = jnp.full(logits.shape[:1], term.label, jnp.int32)
    else:
        label = outputs[term.label]
    return term.weight * optax.softmax_cross_entropy_with_integer_labels(logits, label).mean()


def _relativistic(term: Relativistic, outputs: dict[str, Tensor]) -> Tensor:
    scores, against = outputs[term.scores], outputs[term.against]
    x = scores - (against if term.form == "pairs" else against.mean())
    return term.weight * _softplus_both(x, term.target).mean()


def _log_partition(term: LogPartition, outputs: dict[str, Tensor]) -> Tensor:
    total = sum(jnp.exp(-outputs[name]).sum() for name in term.scores)
    return term.weight * jnp.log(total + term.epsilon)


TERMS: dict[str, Callable[..., Any]] = {
    "bce": _bce,
    "mean_score": _mean_score,
    "least_squares": _least_squares,
    "hinge": _hinge,
    "absolute_error": _absolute_error,
    "squared_error": _squared_error,
    "cross_entropy": _cross_entropy,
    "relativistic": _relativistic,
    "log_partition": _log_partition,
}
