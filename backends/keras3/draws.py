"""Randomness of the timed path: keras.random draws it on the device, a chunk at a time.

Every draw has a seed of its own, an integer, so nothing is carried from one to the next. Nothing
here is compiled: TensorFlow's normal numbers under XLA are others than outside.
"""

import hashlib
from collections.abc import Iterator
from math import prod
from typing import Any

import keras
from keras import ops

from spec.sources import ARRAYS, Drawn, GaussianStream, Mask, NormalNoise, UniformNoise
from spec.workload import Workload

Tensor = Any


def chunks(
    workload: Workload, data: dict[str, Tensor], seed: int, n: int, chunk: int, device: str
) -> Iterator[dict[str, Tensor]]:
    """n iterations of draws, `chunk` at a time: `<phase>/<source>` (iterations, repeat, batch, ..).

    Epochs are shuffled anew; only their full batches count.
    """
    batch = workload.schedule.batch_size
    orders: dict[str, dict[int, Tensor]] = {}
    for start in range(0, n, chunk):
        drawn = {}
        for key, (repeat, source) in workload.draw_table().items():
            lead = (min(chunk, n - start), repeat, batch)
            with keras.device(device):
                if isinstance(source, ARRAYS) and source.sampling == "with_replacement":
                    array = data[key.split("/")[1]]
                    own = _seed(f"{seed}/{key}/{start}")
                    rows = keras.random.randint(lead, 0, len(array), dtype="int32", seed=own)
                    drawn[key] = ops.take(array, rows, axis=0)
                elif isinstance(source, ARRAYS):
                    array = data[key.split("/")[1]]
                    seen, order = start * repeat * batch, orders.setdefault(key, {})
                    rows = _rows(order, seen, len(array), batch, lead, f"{seed}/{key}")
                    drawn[key] = ops.take(array, rows, axis=0)
                else:
                    drawn[key] = _sample(
                        source, (*lead, *source.shape), _seed(f"{seed}/{key}/{start}")
                    )
        yield drawn


def _rows(
    order: dict[int, Tensor],
    seen: int,
    size: int,
    batch: int,
    lead: tuple[int, int, int],
    stream: str,
) -> Tensor:
    """Indices of shape `lead`, the next after those seen; `order` holds the epochs in use.

    Whole epochs are kept, not what is left of them, so that shapes recur: JAX compiles each shape.
    """
    usable, needed = size // batch * batch, prod(lead)
    first, last = seen // usable, (seen + needed - 1) // usable
    for epoch in range(first, last + 1):
        if epoch not in order:
            index = ops.arange(size, dtype="int32")
            shuffled = keras.random.shuffle(index, axis=0, seed=_seed(f"{stream}/epoch/{epoch}"))
            order[epoch] = shuffled[:usable]
    joined = ops.concatenate([order[epoch] for epoch in range(first, last + 1)], axis=0)
    for epoch in [epoch for epoch in order if epoch < last]:
        del order[epoch]
    return ops.reshape(ops.slice(joined, (seen - first * usable,), (needed,)), lead)


def _sample(source: Drawn, shape: tuple[int, ...], seed: int) -> Tensor:
    dtype = keras.config.floatx()
    match source:
        case Mask(rate=rate):
            unit = keras.random.uniform(shape, minval=0.0, maxval=1.0, dtype=dtype, seed=seed)
            return ops.cast(unit >= rate, dtype)
        case UniformNoise(low=low, high=high):
            unit = keras.random.uniform(shape, minval=0.0, maxval=1.0, dtype=dtype, seed=seed)
            return unit * (high - low) + low
        case NormalNoise(mean=mean, std=std):
            return keras.random.normal(shape, mean=mean, stddev=std, dtype=dtype, seed=seed)
        case GaussianStream(mean=mean, std=std):
            drawn = keras.random.normal(shape, mean=mean, stddev=std, dtype=dtype, seed=seed)
            return ops.sort(drawn, axis=-1) if source.sorted else drawn
    raise TypeError(f"{source.kind} is not a stream")


def _seed(stream: str) -> int:
    """31 bits, which both engines take as they are."""
    return int.from_bytes(hashlib.sha256(stream.encode()).digest()[:4], "big") >> 1
