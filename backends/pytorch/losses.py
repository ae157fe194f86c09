"""Loss terms: what each adds to a phase's loss, from what the phase knows."""

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, softplus

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


def _bce(term: BinaryCrossEntropy, outputs: Mapping[str, Tensor]) -> Tensor:
    target = term.target if isinstance(term.target, float) else outputs[term.target]
    return term.weight * _softplus_both(outputs[term.logits], target).mean()


def _softplus_both(x: Tensor, target: float | Tensor) -> Tensor:
    # threshold: torch's softplus turns linear beyond it; at 50 the difference is below 1e-21.
    loss = target * softplus(-x, beta=1.0, threshold=50.0)
    return loss + (1.0 - target) * softplus(x, beta=1.0, threshold=50.0)


def _mean_score(term: MeanScore, outputs: Mapping[str, Tensor]) -> Tensor:
    return term.weight * outputs[term.scores].mean()


def _least_squares(term: LeastSquares, outputs: Mapping[str, Tensor]) -> Tensor:
    return term.weight * ((outputs[term.scores] - term.target) ** 2).mean()


def _hinge(term: Hinge, outputs: Mapping[str, Tensor]) -> Tensor:
    return term.weight * torch.relu(1.0 - term.sign * outputs[term.scores]).mean()


def _absolute_error(term: AbsoluteError, outputs: Mapping[str, Tensor]) -> Tensor:
    return term.weight * (outputs[term.value] - outputs[term.other]).abs().mean()


def _squared_error(term: SquaredError, outputs: Mapping[str, Tensor]) -> Tensor:
    return term.weight * ((outputs[term.value] - outputs[term.other]) ** 2).mean()


def _cross_entropy(term: CrossEntropy, outputs: Mapping[str, Tensor]) -> Tensor:
    logits = outputs[term.logits]
    if isinstance(term.label, int):
        label = torch.full(logits.shape[:1], term.label, device=logits.device)
    else:
        label = outputs[term.label].long()
    return term.weight * cross_entropy(logits, label, reduction="mean", label_smoothing=0.0)


def _relativistic(term: Relativistic, outputs: Mapping[str, Tensor]) -> Tensor:
    scores, against = outputs[term.scores], outputs[term.against]
    x = scores - (against if term.form == "pairs" else against.mean())
    return term.weight * _softplus_both(x, term.target).mean()


def _log_partition(term: LogPartition, outputs: Mapping[str, Tensor]) -> Tensor:
    total = sum(torch.exp(-outputs[name]).sum() for name in term.scores)
    return term.weight * torch.log(total + term.epsilon)


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
