"""Loss terms: what each adds to a phase's loss, from what the phase knows."""

from collections.abc import Callable
from typing import Any

from keras import ops

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

Tensor = Any
Tensors = dict[str, Tensor]


def _bce(term: BinaryCrossEntropy, outputs: Tensors) -> Tensor:
    target = term.target if isinstance(term.target, float) else outputs[term.target]
    return term.weight * ops.mean(_softplus_both(outputs[term.logits], target))


def _softplus_both(x: Tensor, target: Any) -> Tensor:
    return target * ops.softplus(-x) + (1.0 - target) * ops.softplus(x)


def _mean_score(term: MeanScore, outputs: Tensors) -> Tensor:
    return term.weight * ops.mean(outputs[term.scores])


def _least_squares(term: LeastSquares, outputs: Tensors) -> Tensor:
    return term.weight * ops.mean((outputs[term.scores] - term.target) ** 2)


def _hinge(term: Hinge, outputs: Tensors) -> Tensor:
    return term.weight * ops.mean(ops.relu(1.0 - term.sign * outputs[term.scores]))


def _absolute_error(term: AbsoluteError, outputs: Tensors) -> Tensor:
    return term.weight * ops.mean(ops.abs(outputs[term.value] - outputs[term.other]))


def _squared_error(term: SquaredError, outputs: Tensors) -> Tensor:
    return term.weight * ops.mean((outputs[term.value] - outputs[term.other]) ** 2)


def _cross_entropy(term: CrossEntropy, outputs: Tensors) -> Tensor:
    logits = outputs[term.logits]
    label = term.label if isinstance(term.label, int) else ops.reshape(outputs[term.label], (-1, 1))
    chosen = ops.cast(ops.arange(logits.shape[-1], dtype="int32") == label, logits.dtype)
    losses = ops.logsumexp(logits, axis=-1) - ops.sum(logits * chosen, axis=-1)
    return term.weight * ops.mean(losses)


def _relativistic(term: Relativistic, outputs: Tensors) -> Tensor:
    scores, against = outputs[term.scores], outputs[term.against]
    x = scores - (against if term.form == "pairs" else ops.mean(against))
    return term.weight * ops.mean(_softplus_both(x, term.target))


def _log_partition(term: LogPartition, outputs: Tensors) -> Tensor:
    total = sum(ops.sum(ops.exp(-outputs[name])) for name in term.scores)
    return term.weight * ops.log(total + term.epsilon)


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
