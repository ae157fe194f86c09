"""Update rules that trace into one graph: torch's own functional Adam, and SGD written out.

The classes of torch.optim break the graph at `step()`; the functions are what they call.
"""

import math
from collections.abc import Callable
from typing import Literal

import torch
from torch import Tensor
from torch.optim.adam import adam

from spec import optimizers
from spec.optimizers import Optimizer
from spec.phases import Schedule
from spec.workload import Pace


def origin(optimizer: Optimizer) -> Literal["native", "own"]:
    """Whether the rule is torch's own; with epsilon hat it is ours, whatever kernel applies it."""
    native = optimizer.kind == "adamw" or (optimizer.kind == "adam" and not _hat(optimizer))
    return "native" if native else "own"


def rate_factor(schedule: Schedule, pace: Pace, step: Tensor | None) -> float | Tensor:
    """What the learning rate is multiplied with after `step` steps, in their iteration."""
    if schedule.learning_rate == "constant" or step is None:
        return 1.0
    factor, iterations = schedule.decay
    periods, place = torch.div(step, pace.steps, rounding_mode="floor"), step % pace.steps
    iteration = periods * pace.period
    for reached, further in pace.gaps:
        iteration = iteration + further * (place >= reached)
    share = iteration.to(torch.float64) / iterations
    if schedule.learning_rate == "linear":
        return 1.0 + (factor - 1.0) * torch.clamp(share, max=1.0)
    return torch.pow(factor, share)


def apply(
    optimizer: Optimizer,
    factor: float | Tensor,
    parameters: list[Tensor],
    gradients: list[Tensor],
    slots: dict[str, list[Tensor]],
    step: Tensor | None,
) -> None:
    """One step, in place on parameters, slots and the step counter.

    `factor` multiplies the learning rate.
    """
    with torch.no_grad():
        RULES[optimizer.kind](optimizer, factor, parameters, gradients, slots, step)


def _adam(
    optimizer: optimizers.Adam | optimizers.AdamW,
    factor: float | Tensor,
    parameters: list[Tensor],
    gradients: list[Tensor],
    slots: dict[str, list[Tensor]],
    step: Tensor,
) -> None:
    compiling = torch.compiler.is_compiling()
    if _hat(optimizer) and (compiling or step.is_cuda):
        _adam_hat(optimizer, factor, parameters, gradients, slots, step)
        return
    decay = optimizer.weight_decay if isinstance(optimizer, optimizers.AdamW) else 0.0
    rate = optimizer.learning_rate * factor
    # Eager code gets one fused kernel; the compiler does its own fusing. The fused kernel takes
    # float32 counters (exact up to 2^24) and corrects the bias in double precision. On a GPU it
    # would take a rate that is a tensor in float32 only, which is not what the spec says.
    fused = not compiling and not (isinstance(rate, Tensor) and rate.is_cuda)
    counter = step.to(torch.float32 if fused else torch.float64)
    if compiling:
        counters = [counter.clone() for _ in parameters]
    else:  # views of one tensor: on a GPU each copy would be a launch of its own
        counters = list(counter.repeat(len(parameters)).unbind())
    adam(
        parameters,
        # The fused kernel walks memory and takes no notice of strides: a gradient that is laid out
        # otherwise than its parameter would be applied to the wrong weights.
        [_laid_out(*pair) for pair in zip(gradients, parameters, strict=True)],
        slots["first_moment"],
        slots["second_moment"],
        [],
        counters,
        foreach=not compiling and not fused,
        # On a GPU torch compiles, and keeps on the device, only what could be captured.
        capturable=step.is_cuda,
        differentiable=False,
        fused=fused,
        amsgrad=False,
        beta1=optimizer.beta_1,
        beta2=optimizer.beta_2,
        lr=rate,
        weight_decay=decay,
        decoupled_weight_decay=True,
        eps=_epsilon(optimizer, step),
        maximize=False,
    )
    step.add_(1)


def _laid_out(gradient: Tensor, like: Tensor) -> Tensor:
    """The gradient in the parameter's layout, which its moments have too."""
    last = like.dim() == 4 and not like.is_contiguous()
    layout = torch.channels_last if last else torch.contiguous_format
    return gradient.contiguous(memory_format=layout)


def _epsilon(optimizer: optimizers.Adam | optimizers.AdamW, step: Tensor) -> float:
    """What torch adds to sqrt(v / (1 - beta_2^t)), in this step.

    Epsilon hat is added to sqrt(v), which is the same if it too is divided by sqrt(1 - beta_2^t):
    so one kernel of torch's does what would be a dozen operations for each parameter. The count
    is asked of its tensor; on a GPU that would wait, and a graph would keep the first answer.
    """
    if not _hat(optimizer):
        return optimizer.epsilon
    return optimizer.epsilon / math.sqrt(1.0 - optimizer.beta_2 ** (int(step) + 1))


def _hat(optimizer: Optimizer) -> bool:
    return isinstance(optimizer, optimizers.Adam) and optimizer.epsilon_place == "hat"


def _adam_hat(
    optimizer: optimizers.Adam | optimizers.AdamW,
    factor: float | Tensor,
    parameters: list[Tensor],
    gradients: list[Tensor],
    slots: dict[str, list[Tensor]],
    step: Tensor,
) -> None:
    """Where a step is compiled, which fuses the operations, and on a GPU."""
    step.add_(1)
    b1, b2, t = optimizer.beta_1, optimizer.beta_2, step.to(torch.float64)
    rate = (optimizer.learning_rate * factor * torch.sqrt(1.0 - b2**t) / (1.0 - b1**t)).to(
        parameters[0].dtype
    )
    moments = zip(slots["first_moment"], slots["second_moment"], strict=True)
    for parameter, gradient, (m, v) in zip(parameters, gradients, moments, strict=True):
        m.mul_(b1).add_((1.0 - b1) * gradient)
        v.mul_(b2).add_((1.0 - b2) * gradient**2)
        parameter.sub_(rate * m / (torch.sqrt(v) + optimizer.epsilon))


def _rmsprop(
    optimizer: optimizers.RmsProp,
    factor: float | Tensor,
    parameters: list[Tensor],
    gradients: list[Tensor],
    slots: dict[str, list[Tensor]],
    step: Tensor,
) -> None:
    # torch's own has no epsilon inside the root.
    step.add_(1)
    rate = optimizer.learning_rate * factor
    epsilon, inside = optimizer.epsilon, optimizer.epsilon_place == "inside_root"
    buffers = slots.get("momentum") or [None] * len(parameters)
    rows = zip(parameters, gradients, slots["second_moment"], buffers, strict=True)
    for parameter, gradient, v, buffer in rows:
        v.mul_(optimizer.decay).add_((1.0 - optimizer.decay) * gradient**2)
        root = torch.sqrt(v + epsilon) if inside else torch.sqrt(v) + epsilon
        update = gradient / root
        if buffer is not None:
            update = buffer.mul_(optimizer.momentum).add_(update)
        parameter.sub_(rate * update)


def _sgd(
    optimizer: optimizers.Sgd,
    factor: float | Tensor,
    parameters: list[Tensor],
    gradients: list[Tensor],
    slots: dict[str, list[Tensor]],
    step: Tensor | None,
) -> None:
    # Not torch.optim.sgd.sgd: torch.compile (2.13) fuses its `parameter.add_(gradient, alpha=-lr)`
    # with the product that the gradient is into one addmm, and drops alpha (docs/adr/0003).
    if step is not None:
        step.add_(1)
    rate = optimizer.learning_rate * factor
    buffers = slots.get("momentum") or [None] * len(parameters)
    for parameter, gradient, buffer in zip(parameters, gradients, buffers, strict=True):
        update = gradient
        if buffer is not None:
            buffer.mul_(optimizer.momentum).add_(1.0 * gradient)
            update = gradient + optimizer.momentum * buffer if optimizer.nesterov else buffer
        parameter.sub_(rate * update)


RULES: dict[str, Callable[..., None]] = {
    "adam": _adam,
    "adamw": _adam,
    "rmsprop": _rmsprop,
    "sgd": _sgd,
}
