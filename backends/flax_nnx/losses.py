"""Loss terms: what each adds to a phase's loss, from what the phase knows."""

from collections.abc import Callable
from typing import Any

from jax import Array as Tensor
from jax.nn import relu, softplus

from spec.phases import BinaryCrossEntropy, Hinge, LeastSquares, MeanScore


def _bce(term: BinaryCrossEntropy, outputs: dict[str, Tensor]) -> Tensor:
    x = outputs[term.logits]
    loss = term.target * softplus(-x) + (1.0 - term.target) * softplus(x)
    return term.weight * loss.mean()


def _mean_score(term: MeanScore, outputs: dict[str, Tensor]) -> Tensor:
    return term.weight * outputs[term.scores].mean()


def _least_squares(term: LeastSquares, outputs: dict[str, Tensor]) -> Tensor:
    return term.weight * ((outputs[term.scores] - term.target) ** 2).mean()


def _hinge(term: Hinge, outputs: dict[str, Tensor]) -> Tensor:
    return term.weight * relu(1.0 - term.sign * outputs[term.scores]).mean()


TERMS: dict[str, Callable[..., Any]] = {
    "bce": _bce,
    "mean_score": _mean_score,
    "least_squares": _least_squares,
    "hinge": _hinge,
}
