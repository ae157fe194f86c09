"""Loss terms: what each adds to a phase's loss, from what the phase knows."""

from collections.abc import Callable
from typing import Any

import autograd.numpy as np
from autograd.tracer import getval

from backends.protocol import Array, Arrays
from backends.reference.networks import softplus
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


def _bce(term: BinaryCrossEntropy, outputs: Arrays) -> Array:
    x = outputs[term.logits]
    target = term.target if isinstance(term.target, float) else outputs[term.target]
    return term.weight * np.mean(_softplus_both(x, target))


def _softplus_both(x: Array, target: Any) -> Array:
    return target * softplus(-x) + (1.0 - target) * softplus(x)


def _mean_score(term: MeanScore, outputs: Arrays) -> Array:
    return term.weight * np.mean(outputs[term.scores])


def _least_squares(term: LeastSquares, outputs: Arrays) -> Array:
    return term.weight * np.mean((outputs[term.scores] - term.target) ** 2)


def _hinge(term: Hinge, outputs: Arrays) -> Array:
    margin = 1.0 - term.sign * outputs[term.scores]
    return term.weight * np.mean(np.where(margin > 0, margin, 0.0))


def _absolute_error(term: AbsoluteError, outputs: Arrays) -> Array:
    return term.weight * np.mean(np.abs(outputs[term.value] - outputs[term.other]))


def _squared_error(term: SquaredError, outputs: Arrays) -> Array:
    return term.weight * np.mean((outputs[term.value] - outputs[term.other]) ** 2)


def _cross_entropy(term: CrossEntropy, outputs: Arrays) -> Array:
    logits = outputs[term.logits]
    label = term.label if isinstance(term.label, int) else outputs[term.label]
    chosen = np.arange(logits.shape[-1]) == np.reshape(label, (-1, 1))
    largest = np.max(getval(logits), axis=-1, keepdims=True)
    log_sum = np.log(np.sum(np.exp(logits - largest), axis=-1)) + largest[:, 0]
    return term.weight * np.mean(log_sum - np.sum(logits * chosen, axis=-1))


def _relativistic(term: Relativistic, outputs: Arrays) -> Array:
    scores, against = outputs[term.scores], outputs[term.against]
    x = scores - (against if term.form == "pairs" else np.mean(against))
    return term.weight * np.mean(_softplus_both(x, term.target))


def _log_partition(term: LogPartition, outputs: Arrays) -> Array:
    total = sum(np.sum(np.exp(-outputs[name])) for name in term.scores)
    return term.weight * np.log(total + term.epsilon)


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
