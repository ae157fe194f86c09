"""Randomness of the timed path: torch draws it on the device, a chunk at a time."""

import hashlib
from collections.abc import Iterator, Mapping
from math import prod

import torch
from torch import Tensor

from spec.randomness import blocks, within
from spec.sources import (
    ARRAYS,
    Draw,
    Drawn,
    GaussianStream,
    Labels,
    Mask,
    NormalNoise,
    Slots,
    UniformNoise,
)


def chunks(
    table: Mapping[str, Draw],
    data: dict[str, Tensor],
    batch: int,
    seed: int,
    first: int,
    n: int,
    chunk: int,
    like: Tensor,
) -> Iterator[dict[str, Tensor]]:
    """Draws of n iterations from `first` on: arrays (iterations, repeat, batch, *shape).

    Of what is not drawn in each iteration there are as many as it has runs. `chunk` at a time,
    counted from iteration 0. `like` gives the dtype and the device. Epochs are shuffled anew; only
    their full batches count.
    """
    generator = torch.Generator(like.device)
    orders: dict[str, dict[int, Tensor]] = {key: {} for key in table}
    for number, low, high in blocks(first, n, chunk):
        drawn = {}
        for key, draw in table.items():
            source, name, order = draw.source, draw.name, draw.order
            lead, stream = (chunk // draw.every, draw.repeat, batch), f"{seed}/{order}"
            if isinstance(source, ARRAYS) and source.sampling == "with_replacement":
                array, own = data[name], _seeded(generator, f"{stream}/{number}")
                rows = torch.randint(len(array), lead, generator=own, device=like.device)
                drawn[key] = _take(array, rows)
            elif isinstance(source, ARRAYS):
                array = data[name]
                rows = _rows(orders[order], len(array), number, lead, generator, stream)
                drawn[key] = _take(array, rows)
            else:
                shape = source.shape
                shape = (shape[-1], *shape[:-1]) if len(shape) == 3 else shape
                own = _seeded(generator, f"{stream}/{number}")
                drawn[key] = _sample(source, (*lead, *shape), own, like)
        yield within(table, drawn, 0, low, high - low)


def _seeded(generator: torch.Generator, place: str) -> torch.Generator:
    """The generator at the start of this place's numbers."""
    return generator.manual_seed(
        int.from_bytes(hashlib.sha256(place.encode()).digest()[:8], "big") >> 1
    )


def _take(array: Tensor, rows: Tensor) -> Tensor:
    """Samples (*rows, ...) in the layout that the array has: images on a CPU are channels-last."""
    if array.dim() != 4 or not array.is_cpu:
        return array[rows]
    return array.permute(0, 2, 3, 1)[rows].movedim(-1, -3)


def _rows(
    orders: dict[int, Tensor],
    size: int,
    number: int,
    lead: tuple[int, int, int],
    generator: torch.Generator,
    stream: str,
) -> Tensor:
    """Indices of shape `lead` of a chunk; `orders` keeps those of the epochs that it touches."""
    full, needed = size // lead[2] * lead[2], prod(lead)
    start = number * needed
    touched = range(start // full, (start + needed - 1) // full + 1)
    for epoch in touched:
        if epoch not in orders:
            own = _seeded(generator, f"{stream}/epoch/{epoch}")
            orders[epoch] = torch.randperm(size, generator=own, device=own.device)[:full]
    for epoch in [epoch for epoch in orders if epoch < touched[0]]:
        del orders[epoch]
    order = torch.cat([orders[epoch] for epoch in touched])
    return order[start % full :][:needed].reshape(lead)


def _sample(
    source: Drawn, shape: tuple[int, ...], generator: torch.Generator, like: Tensor
) -> Tensor:
    options = {"generator": generator, "dtype": like.dtype, "device": like.device}
    match source:
        case Labels(classes=classes):
            return torch.randint(classes, shape, **(options | {"dtype": torch.int32}))
        case Slots(classes=classes):
            order = torch.rand((*shape[:-1], classes), **options).argsort(dim=-1)
            return order[..., : shape[-1]].to(torch.int32)
        case Mask(rate=rate):
            return (torch.rand(shape, **options) >= rate).to(like.dtype)
        case UniformNoise(low=low, high=high):
            return torch.rand(shape, **options).mul_(high - low).add_(low)
        case NormalNoise(mean=mean, std=std):
            return torch.randn(shape, **options).mul_(std).add_(mean)
        case GaussianStream(mean=mean, std=std):
            drawn = torch.randn(shape, **options).mul_(std).add_(mean)
            # The canonical last axis, which images have third from the end.
            axis = -3 if len(source.shape) == 3 else -1
            return drawn.sort(dim=axis).values if source.sorted else drawn
    raise TypeError(f"{source.kind} is not a stream")
