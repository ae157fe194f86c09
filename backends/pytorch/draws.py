"""Randomness of the timed path: torch draws it on the device, a chunk at a time."""

from collections.abc import Iterator, Mapping

import torch
from torch import Tensor

from spec.sources import ARRAYS, Drawn, GaussianStream, Mask, NormalNoise, UniformNoise


def chunks(
    table: Mapping[str, tuple[int, Drawn]],
    data: dict[str, Tensor],
    batch: int,
    seed: int,
    n: int,
    chunk: int,
    like: Tensor,
) -> Iterator[dict[str, Tensor]]:
    """n iterations of draws, `chunk` at a time: arrays (iterations, repeat, batch, *shape).

    `like` gives the dtype and the device. Epochs are shuffled anew; only their full batches count.
    """
    generator = torch.Generator(like.device).manual_seed(seed)
    orders: dict[str, Tensor] = {}
    for start in range(0, n, chunk):
        drawn = {}
        for key, (repeat, source) in table.items():
            lead = (min(chunk, n - start), repeat, batch)
            if isinstance(source, ARRAYS) and source.sampling == "with_replacement":
                array = data[key.split("/")[1]]
                on = like.device
                drawn[key] = _take(
                    array, torch.randint(len(array), lead, generator=generator, device=on)
                )
            elif isinstance(source, ARRAYS):
                array = data[key.split("/")[1]]
                rows, orders[key] = _rows(orders.get(key), len(array), batch, lead, generator)
                drawn[key] = _take(array, rows)
            else:
                *size, channels = source.shape
                shape = (channels, *size) if len(size) == 2 else source.shape
                drawn[key] = _sample(source, (*lead, *shape), generator, like)
        yield drawn


def _take(array: Tensor, rows: Tensor) -> Tensor:
    """Samples (*rows, ...) in the layout that the array has: images on a CPU are channels-last."""
    if array.dim() != 4 or not array.is_cpu:
        return array[rows]
    return array.permute(0, 2, 3, 1)[rows].movedim(-1, -3)


def _rows(
    order: Tensor | None,
    size: int,
    batch: int,
    lead: tuple[int, int, int],
    generator: torch.Generator,
) -> tuple[Tensor, Tensor]:
    """(indices of shape `lead`, what is left of the order)."""
    needed = lead[0] * lead[1] * lead[2]
    if order is None:
        order = torch.empty(0, dtype=torch.int64, device=generator.device)
    while len(order) < needed:
        epoch = torch.randperm(size, generator=generator, device=generator.device)
        order = torch.cat([order, epoch[: size // batch * batch]])
    return order[:needed].reshape(lead), order[needed:]


def _sample(
    source: Drawn, shape: tuple[int, ...], generator: torch.Generator, like: Tensor
) -> Tensor:
    options = {"generator": generator, "dtype": like.dtype, "device": like.device}
    match source:
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
