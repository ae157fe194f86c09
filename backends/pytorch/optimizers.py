"""Update rules: torch's own functional optimizers, which trace into one graph.

The classes of torch.optim break the graph at `step()`; these functions are what they call.
"""

from collections.abc import Callable
from typing import Literal

import torch
from torch import Tensor
from torch.optim.adam import adam
from torch.optim.sgd import sgd

from spec import optimizers

ORIGIN: dict[str, Literal["native", "own"]] = {"adam": "native", "sgd": "native"}


def apply(
    optimizer: optimizers.Adam | optimizers.Sgd,
    parameters: list[Tensor],
    gradients: list[Tensor],
    slots: dict[str, list[Tensor]],
    step: Tensor | None,
) -> None:
    """One step, in place on parameters, slots and the step counter."""
    with torch.no_grad():
        RULES[optimizer.kind](optimizer, parameters, gradients, slots, step)


def _adam(
    optimizer: optimizers.Adam,
    parameters: list[Tensor],
    gradients: list[Tensor],
    slots: dict[str, list[Tensor]],
    step: Tensor,
) -> None:
    # Eager code gets one fused kernel; the compiler does its own fusing. The fused kernel takes
    # float32 counters (exact up to 2^24) and corrects the bias in double precision.
    fused = not torch.compiler.is_compiling()
    counter = torch.float32 if fused else torch.float64
    adam(
        parameters,
        # The fused kernel walks memory and takes no notice of strides: a gradient laid out
        # channels-last would be applied to the wrong weights.
        [gradient.contiguous() for gradient in gradients],
        slots["first_moment"],
        slots["second_moment"],
        [],
        [step.to(counter) for _ in parameters],
        foreach=False,
        capturable=False,
        differentiable=False,
        fused=fused,
        amsgrad=False,
        beta1=optimizer.beta_1,
        beta2=optimizer.beta_2,
        lr=optimizer.learning_rate,
        weight_decay=0.0,
        eps=optimizer.epsilon,
        maximize=False,
    )
    step.add_(1)


def _sgd(
    optimizer: optimizers.Sgd,
    parameters: list[Tensor],
    gradients: list[Tensor],
    slots: dict[str, list[Tensor]],
    step: None,
) -> None:
    sgd(
        parameters,
        [gradient.contiguous() for gradient in gradients],
        [None for _ in parameters],
        has_sparse_grad=False,
        foreach=False,
        fused=not torch.compiler.is_compiling(),
        weight_decay=0.0,
        momentum=0.0,
        lr=optimizer.learning_rate,
        dampening=0.0,
        nesterov=False,
        maximize=False,
    )


RULES: dict[str, Callable[..., None]] = {"adam": _adam, "sgd": _sgd}
