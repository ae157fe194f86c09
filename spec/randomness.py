"""The only source of randomness: weights, data order and noise from raw Philox bits.

Bits are keyed by workload, seed and purpose, and addressed by the global index of the sample, so a
sample's numbers depend neither on the batch that it falls in nor on the version of NumPy. Philox
(Salmon et al. 2011, doi:10.1145/2063384.2063405) gives four 64-bit words a counter step; a sample
starts at a fresh step. Normals come by the inverse distribution function.
"""

import hashlib
from collections.abc import Iterator, Mapping
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from spec.network import Network
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
from spec.workload import Workload

Array = NDArray[np.float64]
WORDS_PER_STEP = 4


def raw_words(key: str, start: int, samples: int, words: int) -> NDArray[np.uint64]:
    """Raw bits, shape (samples, words), of samples start, start + 1, ... of the stream `key`."""
    steps = -(-words // WORDS_PER_STEP)
    digest = hashlib.sha256(key.encode()).digest()
    bits = np.random.Philox(key=int.from_bytes(digest[:16], "little"), counter=start * steps)
    drawn = bits.random_raw(samples * steps * WORDS_PER_STEP)
    return drawn.reshape(samples, steps * WORDS_PER_STEP)[:, :words]


def uniform(key: str, start: int, samples: int, shape: tuple[int, ...]) -> Array:
    """U(0, 1), both ends excluded, shape (samples, *shape): the middles of 2^52 equal intervals.

    52 bits, since the middle of the last of 2^53 would be rounded to 1.
    """
    words = raw_words(key, start, samples, prod(shape))
    middles = ((words >> np.uint64(12)).astype(np.float64) + 0.5) * 2.0**-52
    return middles.reshape(samples, *shape)


def normal(key: str, start: int, samples: int, shape: tuple[int, ...]) -> Array:
    """N(0, 1), shape (samples, *shape)."""
    return ndtri(uniform(key, start, samples, shape))


def permutation(key: str, size: int) -> NDArray[np.int64]:
    """A permutation of 0 ... size - 1."""
    return np.argsort(raw_words(key, 0, size, 1)[:, 0], kind="stable")


def blocks(first: int, n: int, length: int) -> Iterator[tuple[int, int, int]]:
    """(number of the block, first iteration within it, and the one behind the last) in order.

    Rows make draws in blocks of `length` iterations at absolute places, of which iterations
    first ... first + n - 1 take their parts: they are the same however a training is cut.
    """
    for number in range(first // length, -(-(first + n) // length)):
        start = number * length
        yield number, max(first - start, 0), min(first + n - start, length)


def batch_rows(
    workload: Workload, source_size: int, batch: int, *, full_only: bool = False
) -> tuple[int, int]:
    """(first global sample, number of rows) of batch number `batch` of an epoch-sampled array.

    The last batch of an epoch is smaller where the batch size does not divide the epoch. It is left
    out where only full ones are asked for, and where a phase repeats: repeated updates see full
    batches. Draws with replacement know no epochs.
    """
    size = workload.schedule.batch_size
    replaced = any(s.sampling == "with_replacement" for s in workload.arrays.values())
    if source_size < size:  # which draws with replacement may be
        return batch * size, size
    if full_only or replaced or any(phase.repeat > 1 for phase in workload.phases):
        full = source_size // size
        return batch // full * source_size + batch % full * size, size
    per_epoch = -(-source_size // size)
    epoch, place = divmod(batch, per_epoch)
    rows = min(size, source_size - place * size)
    return epoch * source_size + place * size, rows


def draws(
    workload: Workload,
    seed: int,
    iteration: int,
    arrays: Mapping[str, NDArray[np.float32]],
    *,
    full_only: bool = False,
) -> dict[str, Array]:
    """What iteration number `iteration` (from 0) is given: key of the draw -> float64 array.

    Shapes are (repeat, batch, *shape of the source); of phases that do not run there is nothing.
    `arrays` holds the real samples by source; `full_only` leaves out the last, smaller batch of
    each epoch, as `run` does.
    """
    drawn = {}
    for key, draw in workload.draw_table().items():
        for run in draw.runs(iteration, 1):
            parts = [
                _draw(workload, seed, draw, run * draw.repeat + i, arrays, full_only)
                for i in range(draw.repeat)
            ]
            drawn[key] = np.stack(parts)
    return drawn


def by_iteration(
    table: Mapping[str, Draw], chunk: Mapping[str, Any], first: int, n: int
) -> list[dict[str, Any]]:
    """A chunk's draws of the n iterations from `first` on, each iteration's apart."""
    rows: list[dict[str, Any]] = [{} for _ in range(n)]
    for key, value in chunk.items():
        for i, run in enumerate(table[key].runs(first, n)):
            rows[run * table[key].every - first][key] = value[i]
    return rows


def within(
    table: Mapping[str, Draw], chunk: Mapping[str, Any], first: int, start: int, n: int
) -> dict[str, Any]:
    """Of draws that begin with iteration `first`, those of the n iterations from `start` on."""
    part = {}
    for key, value in chunk.items():
        before, runs = table[key].runs(first, start - first), table[key].runs(start, n)
        part[key] = value[len(before) : len(before) + len(runs)]
    return part


def whole_periods(iterations: int, period: int) -> int:
    """The least number of whole periods with so many iterations: how long a block of draws is."""
    return -(-iterations // period) * period


def _draw(
    workload: Workload,
    seed: int,
    draw: Draw,
    batch: int,
    arrays: Mapping[str, NDArray[np.float32]],
    full_only: bool,
) -> Array:
    size, source = workload.schedule.batch_size, draw.source
    own = next(iter(arrays.values()), None)
    if isinstance(source, ARRAYS):
        own = arrays.get(draw.name, own)
    start, rows = batch * size, size
    if own is not None:  # noise follows the batch's own size
        start, rows = batch_rows(workload, len(own), batch, full_only=full_only)
    key = f"{workload.name}/{seed}/{draw.order}"
    if isinstance(source, ARRAYS) and source.sampling == "with_replacement":
        array = arrays[draw.name]
        chosen = (uniform(key, batch * size, size, ()) * len(array)).astype(np.int64)
        return _wide(array[chosen])
    if isinstance(source, ARRAYS):
        array = arrays[draw.name]
        epoch, first = divmod(start, len(array))
        order = permutation(f"{key}/epoch {epoch}", len(array))
        return _wide(array[order[first : first + rows]])
    return sample(source, key, start, rows)


def _wide(samples: NDArray[Any]) -> NDArray[Any]:
    """Real numbers in float64; whole ones stay as they are."""
    return samples if samples.dtype.kind == "i" else samples.astype(np.float64)


def masks(network: Network, key: str, rows: int) -> dict[str, Array]:
    """Masks (rows, *shape) for the dropout layers of a network, by name, outside any iteration."""
    return {name: sample(mask, f"{key}/{name}", 0, rows) for name, mask in network.masks().items()}


def inputs(network: Network, key: str, rows: int) -> dict[str, Array]:
    """Standard normal inputs (rows, *shape) of a network by name, outside any iteration.

    Whole numbers are drawn as labels are.
    """
    drawn = {}
    for name, shape in network.taken.items():
        own = key if network.input is not None else f"{key}/{name}"
        classes = network.classes.get(name)
        labels = None if classes is None else Labels(kind="labels", classes=classes)
        drawn[name] = sample(labels, own, 0, rows) if labels else normal(own, 0, rows, shape)
    return drawn


def require_classes(classes: Mapping[str, int], arrays: Mapping[str, NDArray[Any]]) -> None:
    """ValueError for a label outside its classes: on a GPU it would end the process."""
    for name, array in arrays.items():
        known = classes.get(name)
        if known is not None and array.size and not 0 <= array.min() <= array.max() < known:
            raise ValueError(
                f"{name} has labels from {array.min()} to {array.max()}; allowed: 0 to {known - 1}"
            )


def sample(source: Drawn, key: str, start: int, rows: int) -> Array:
    """Rows of a stream: noise, masks, or real samples that are drawn and not stored."""
    match source:
        case UniformNoise(low=low, high=high):
            return low + (high - low) * uniform(key, start, rows, source.shape)
        case NormalNoise(mean=mean, std=std):
            return mean + std * normal(key, start, rows, source.shape)
        case GaussianStream(mean=mean, std=std):
            drawn = mean + std * normal(key, start, rows, source.shape)
            return np.sort(drawn, axis=-1) if source.sorted else drawn
        case Labels(classes=classes):
            return (uniform(key, start, rows, ()) * classes).astype(np.int32)
        case Mask(rate=rate):
            kept = uniform(key, start, rows, source.shape) >= rate
            return kept.astype(np.float64)
        case Slots(classes=classes):
            # Of a whole batch, by its first sample: an order of all places, of which some are used.
            return permutation(f"{key}/{start}", classes)[:rows].astype(np.int32)
    raise TypeError(f"{source.kind} is not a stream")
