"""Loss terms: what each adds to a phase's loss, from what the phase knows."""

from collections.abc import Callable
from typing import Any

from keras import ops

from spec.phases import BinaryCrossEntropy, Hinge, LeastSquares, MeanScore

Tensor = Any
Tensors = dict[str, Tensor]


def _bce(term: BinaryCrossEntropy, outputs: Tensors) -> Tensor:
    x = outputs[term.logits]
    loss = term.target * ops.softplus(-x) + (1.0 - term.target) * ops.softplus(x)
    return term.weight * ops.mean(loss)


def _mean_score(term: MeanScore, outputs: Tensors) -> Tensor:
    return term.weight * ops.mean(outputs[term.scores])


def _least_squares(term: LeastSquares, outputs: Tensors) -> Tensor:
    return term.weight * ops.mean((outputs[term.scores] - term.target) ** 2)


def _hinge(term: Hinge, outputs: Tensors) -> Tensor:
    return term.weight * ops.mean(ops.relu(1.0 - term.sign * outputs[term.scores]))


TERMS: dict[str, Callable[..., Any]] = {
    "bce": _bce,
    "mean_score": _mean_score,
    "least_squares": _least_squares,
    "hinge": _hinge,
}
