"""Randomness of the timed path: keras.random draws it on the device, a chunk at a time.

Whatever changes from chunk to chunk is an argument on the device, never a shape or a constant, so
that every chunk but a last, shorter one runs the same functions, compiled where the engine may.
"""

import hashlib
from collections.abc import Iterator, Mapping
from functools import partial
from math import prod
from typing import Any

import keras
import numpy as np
from keras import ops
from numpy.typing import NDArray

from backends.keras3.device import engine
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

Tensor = Any
_GENERATOR = keras.random.SeedGenerator(seed=0)
"""Its state is never its own: each draw puts the seed of its place there."""


def chunks(
    table: Mapping[str, Draw],
    data: dict[str, Tensor],
    batch: int,
    seed: int,
    first: int,
    n: int,
    chunk: int,
    device: str,
) -> Iterator[dict[str, Tensor]]:
    """Draws of n iterations from `first` on: `<phase>/<source>` (iterations, repeat, batch, *).

    Of what is not drawn in each iteration there are as many as it has runs. `chunk` at a time,
    counted from iteration 0. Epochs are shuffled anew; only their full batches count.
    """
    orders: dict[str, dict[int, Tensor]] = {key: {} for key in table}
    for number, low, high in blocks(first, n, chunk):
        drawn = {}
        with keras.device(device):
            for key, draw in table.items():
                source, name, order = draw.source, draw.name, draw.order
                lead, stream = (chunk // draw.every, draw.repeat, batch), f"{seed}/{order}"
                if isinstance(source, ARRAYS) and source.sampling == "with_replacement":
                    place = _place(f"{stream}/{number}")
                    drawn[key] = _choose(data[name], place, lead=lead)
                elif isinstance(source, ARRAYS):
                    array = data[name]
                    drawn[key] = _rows(array, orders[order], number, lead, stream)
                else:
                    place, shape = _place(f"{stream}/{number}"), (*lead, *source.shape)
                    dtype = keras.config.floatx()
                    drawn[key] = _sample(place, source=source, shape=shape, dtype=dtype)
            if (low, high) != (0, chunk):
                drawn = within(table, drawn, 0, low, high - low)
        yield drawn


def _rows(
    array: Tensor,
    orders: dict[int, Tensor],
    number: int,
    lead: tuple[int, int, int],
    stream: str,
) -> Tensor:
    """Samples (*lead, *sample) of a chunk; `orders` keeps those of the epochs that it touches."""
    size, needed = len(array), prod(lead)
    full = size // lead[2] * lead[2]
    first, used = divmod(number * needed, full)
    # As many epochs as the rows can touch, wherever in the first they start: always one shape.
    touched = range(first, first + (needed - 1) // full + 2)
    for epoch in touched:
        if epoch not in orders:
            orders[epoch] = _epoch(_place(f"{stream}/epoch/{epoch}"), size=size, full=full)
    for epoch in [epoch for epoch in orders if epoch < first]:
        del orders[epoch]
    epochs = tuple(orders[epoch] for epoch in touched)
    return _take(array, epochs, np.array([used], np.int32), lead=lead)


@partial(engine.drawing, static=("lead",))
def _choose(array: Tensor, place: Tensor, *, lead: tuple[int, int, int]) -> Tensor:
    with _seeded(place):
        rows = keras.random.randint(lead, 0, len(array), dtype="int32", seed=_GENERATOR)
    return ops.take(array, rows, axis=0)


@partial(engine.drawing, static=("lead",))
def _take(
    array: Tensor, epochs: tuple[Tensor, ...], used: Tensor, *, lead: tuple[int, int, int]
) -> Tensor:
    rows = ops.slice(ops.concatenate(epochs, axis=0), used, (prod(lead),))
    return ops.take(array, ops.reshape(rows, lead), axis=0)


@partial(engine.drawing, static=("size", "full"))
def _epoch(place: Tensor, *, size: int, full: int) -> Tensor:
    with _seeded(place):
        index = ops.arange(size, dtype="int32")
        return keras.random.shuffle(index, axis=0, seed=_GENERATOR)[:full]


@partial(engine.drawing, static=("source", "shape", "dtype"))
def _sample(place: Tensor, *, source: Drawn, shape: tuple[int, ...], dtype: str) -> Tensor:
    match source:
        case Labels(classes=classes):
            with _seeded(place):
                return keras.random.randint(shape, 0, classes, dtype="int32", seed=_GENERATOR)
        case Slots(classes=classes):
            order = ops.argsort(_uniform(place, (*shape[:-1], classes), dtype), axis=-1)
            return ops.cast(order[..., : shape[-1]], "int32")
        case Mask(rate=rate):
            return ops.cast(_uniform(place, shape, dtype) >= rate, dtype)
        case UniformNoise(low=low, high=high):
            return _uniform(place, shape, dtype) * (high - low) + low
        case NormalNoise(mean=mean, std=std):
            return _normal(place, shape, mean, std, dtype)
        case GaussianStream(mean=mean, std=std):
            drawn = _normal(place, shape, mean, std, dtype)
            return ops.sort(drawn, axis=-1) if source.sorted else drawn
    raise TypeError(f"{source.kind} is not a stream")


def _uniform(place: Tensor, shape: tuple[int, ...], dtype: str) -> Tensor:
    def draw(place: Tensor, shape: tuple[int, ...]) -> Tensor:
        with _seeded(place):
            return keras.random.uniform(shape, minval=0.0, maxval=1.0, dtype=dtype, seed=_GENERATOR)

    return engine.in_pieces(draw, place, shape)


def _normal(place: Tensor, shape: tuple[int, ...], mean: float, std: float, dtype: str) -> Tensor:
    def draw(place: Tensor, shape: tuple[int, ...]) -> Tensor:
        with _seeded(place):
            return keras.random.normal(shape, mean=mean, stddev=std, dtype=dtype, seed=_GENERATOR)

    return engine.in_pieces(draw, place, shape)


def _seeded(place: Tensor) -> keras.StatelessScope:
    """Where keras.random draws from this seed: a tensor, as compiled code needs it."""
    return keras.StatelessScope(state_mapping=[(_GENERATOR.state, place)])


def _place(stream: str) -> NDArray[Any]:
    """The stream's seed, as keras.random makes one of an integer: 31 bits, which engines take."""
    seed = int.from_bytes(hashlib.sha256(stream.encode()).digest()[:4], "big") >> 1
    return np.array([seed, 0], _GENERATOR.state.dtype)
