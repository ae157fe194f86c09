"""Update rules that trace into one graph: torch's own functional Adam, and SGD written out.

The classes of torch.optim break the graph at `step()`; the functions are what they call.
"""

from collections.abc import Callable
from typing import Literal

import torch
from torch import Tensor
from torch.optim.adam import adam

from spec import optimizers

ORIGIN: dict[str, Literal["native", "own"]] = {"adam": "native", "sgd": "own"}


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
    # Not torch.optim.sgd.sgd: torch.compile (2.13) fuses its `parameter.add_(gradient, alpha=-lr)`
    # with the product that the gradient is into one addmm, and drops alpha (docs/adr/0003).
    for parameter, gradient in zip(parameters, gradients, strict=True):
        parameter.sub_(optimizer.learning_rate * gradient)


RULES: dict[str, Callable[..., None]] = {"adam": _adam, "sgd": _sgd}
