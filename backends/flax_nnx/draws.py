"""Randomness of the timed path: JAX draws it on the device, a chunk at a time.

Whatever changes from chunk to chunk is an argument on the device, never a shape or a constant, so
that every chunk but a last, shorter one runs the same compiled functions.
"""

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from math import prod
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax
from numpy.typing import NDArray

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

PIECE, LARGE = 100_000, 1_000_000
"""How many numbers are drawn at a time on a CPU, where there are at least so many."""


def chunks(
    table: Mapping[str, Draw],
    data: dict[str, Array],
    batch: int,
    seed: int,
    first: int,
    n: int,
    chunk: int,
    like: Array,
) -> Iterator[dict[str, Array]]:
    """Draws of n iterations from `first` on: `<phase>/<source>` (iterations, repeat, batch, *).

    Of what is not drawn in each iteration there are as many as it has runs. `chunk` at a time,
    counted from iteration 0. `like` gives the dtype and the device. Epochs are shuffled anew; only
    their full batches count.
    """
    orders: dict[str, dict[int, Array]] = {key: {} for key in table}
    streams = {key: number for number, key in enumerate(table)}
    for number, low, high in blocks(first, n, chunk):
        drawn = {}
        with jax.default_device(like.device):
            for key, draw in table.items():
                source, name, order = draw.source, draw.name, draw.order
                lead, stream = (chunk // draw.every, draw.repeat, batch), streams[order]
                if isinstance(source, ARRAYS) and source.sampling == "with_replacement":
                    place = _place(seed, stream, number)
                    drawn[key] = _choose(data[name], place, lead=lead)
                elif isinstance(source, ARRAYS):
                    array = data[name]
                    drawn[key] = _rows(array, orders[order], number, lead, (seed, stream))
                else:
                    place = _place(seed, stream, number)
                    shape = (*lead, *source.shape)
                    drawn[key] = _sample(place, source=source, shape=shape, dtype=like.dtype)
            if (low, high) != (0, chunk):
                drawn = within(table, drawn, 0, low, high - low)
        yield drawn


def _rows(
    array: Array,
    orders: dict[int, Array],
    number: int,
    lead: tuple[int, int, int],
    stream: tuple[int, int],
) -> Array:
    """Samples (*lead, *sample) of a chunk; `orders` keeps those of the epochs that it touches."""
    size, needed = len(array), prod(lead)
    full = size // lead[2] * lead[2]
    first, used = divmod(number * needed, full)
    # As many epochs as the rows can touch, wherever in the first they start: always one shape.
    touched = range(first, first + (needed - 1) // full + 2)
    for epoch in touched:
        if epoch not in orders:
            orders[epoch] = _epoch(_place(*stream, epoch), size=size, full=full)
    for epoch in [epoch for epoch in orders if epoch < first]:
        del orders[epoch]
    epochs = tuple(orders[epoch] for epoch in touched)
    return _take(array, epochs, _place(used), lead=lead)


@partial(jax.jit, static_argnames="lead")
def _choose(array: Array, place: Array, *, lead: tuple[int, int, int]) -> Array:
    return array[jax.random.randint(_key(place), lead, 0, len(array), dtype=jnp.int32)]


@partial(jax.jit, static_argnames="lead")
def _take(
    array: Array, epochs: tuple[Array, ...], used: Array, *, lead: tuple[int, int, int]
) -> Array:
    rows = lax.dynamic_slice_in_dim(jnp.concatenate(epochs), used[0], prod(lead))
    return array[rows.reshape(lead)]


@partial(jax.jit, static_argnames=("size", "full"))
def _epoch(place: Array, *, size: int, full: int) -> Array:
    return jax.random.permutation(_key(place), size, axis=0, independent=False)[:full]


@partial(jax.jit, static_argnames=("source", "shape", "dtype"))
def _sample(place: Array, *, source: Drawn, shape: tuple[int, ...], dtype: Any) -> Array:
    uniform, normal = (
        partial(jax.random.uniform, dtype=dtype),
        partial(jax.random.normal, dtype=dtype),
    )
    match source:
        case Labels(classes=classes):
            return jax.random.randint(_key(place), shape, 0, classes, dtype=jnp.int32)
        case Slots(classes=classes):
            order = jnp.argsort(uniform(_key(place), (*shape[:-1], classes)), axis=-1)
            return order[..., : shape[-1]].astype(jnp.int32)
        case Mask(rate=rate):
            return (_in_pieces(uniform, _key(place), shape) >= rate).astype(dtype)
        case UniformNoise(low=low, high=high):
            return _in_pieces(partial(uniform, minval=low, maxval=high), _key(place), shape)
        case NormalNoise(mean=mean, std=std):
            return mean + std * _in_pieces(normal, _key(place), shape)
        case GaussianStream(mean=mean, std=std):
            drawn = mean + std * _in_pieces(normal, _key(place), shape)
            return jnp.sort(drawn, axis=-1) if source.sorted else drawn
    raise TypeError(f"{source.kind} is not a stream")


def _in_pieces(draw: Callable[..., Array], key: Array, shape: tuple[int, ...]) -> Array:
    """Numbers of this shape; many of them on a CPU in pieces that stay in its cache.

    A large call walks memory for each of threefry's operations. On a GPU nothing was
    measured, so there it is one call.
    """
    size = prod(shape)
    if size < LARGE:
        return draw(key, shape)
    pieces = -(-size // PIECE)
    length = -(-size // (2 * pieces)) * 2  # threefry makes two at a time; odd sizes are slow

    def one_by_one(key: Array) -> Array:
        drawn = lax.map(lambda own: draw(own, (length,)), jax.random.split(key, pieces))
        return drawn.reshape(-1)[:size].reshape(shape)

    return lax.platform_dependent(key, cpu=one_by_one, default=lambda key: draw(key, shape))


def _key(place: Array) -> Array:
    """The key of (seed, stream, number of the chunk or epoch)."""
    key = jax.random.key(place[0], impl="threefry2x32")
    return jax.random.fold_in(jax.random.fold_in(key, place[1]), place[2])


def _place(*numbers: int) -> NDArray[np.uint32]:
    """The numbers as an argument: a compiled function takes them faster than `device_put` does."""
    return np.array(numbers, np.uint32)
