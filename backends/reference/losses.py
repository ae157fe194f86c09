"""Loss terms: what each adds to a phase's loss, from what the phase knows."""

from collections.abc import Callable
from typing import Any

import autograd.numpy as np

from backends.protocol import Array, Arrays
from backends.reference.networks import softplus
from spec.phases import BinaryCrossEntropy, Hinge, LeastSquares, MeanScore


def _bce(term: BinaryCrossEntropy, outputs: Arrays) -> Array:
    x = outputs[term.logits]
    return term.weight * np.mean(term.target * softplus(-x) + (1.0 - term.target) * softplus(x))


def _mean_score(term: MeanScore, outputs: Arrays) -> Array:
    return term.weight * np.mean(outputs[term.scores])


def _least_squares(term: LeastSquares, outputs: Arrays) -> Array:
    return term.weight * np.mean((outputs[term.scores] - term.target) ** 2)


def _hinge(term: Hinge, outputs: Arrays) -> Array:
    margin = 1.0 - term.sign * outputs[term.scores]
    return term.weight * np.mean(np.where(margin > 0, margin, 0.0))


TERMS: dict[str, Callable[..., Any]] = {
    "bce": _bce,
    "mean_score": _mean_score,
    "least_squares": _least_squares,
    "hinge": _hinge,
}
