"""Layers that give images another size, as `networks` has the others."""

from collections.abc import Callable
from typing import Any

import autograd.numpy as np
from autograd.tracer import getval

from spec import resampling

Array = Any
Arrays = dict[str, Array]


def _pad(layer: resampling.Pad, own: Arrays, x: Array, train: bool) -> tuple[Array, Arrays]:
    """Each side's new rows are zeros, or those that lie as far on the other side of its edge."""
    top, bottom, left, right = layer.sides
    x = _on_axis(x, 1, (top, bottom), layer.mode)
    return _on_axis(x, 2, (left, right), layer.mode), {}


def _on_axis(x: Array, axis: int, sides: tuple[int, int], mode: str) -> Array:
    size = x.shape[axis]
    if mode == "reflect":
        places = np.abs(np.arange(-sides[0], size + sides[1]))
        mirrored = (size - 1) - np.abs((size - 1) - places)
        return x[:, mirrored] if axis == 1 else x[:, :, mirrored]
    width = [(0, 0)] * x.ndim
    width[axis] = (max(sides[0], 0), max(sides[1], 0))
    padded = np.pad(x, width, mode="constant")
    cut = slice(max(-sides[0], 0), padded.shape[axis] - max(-sides[1], 0))
    return padded[:, cut] if axis == 1 else padded[:, :, cut]


def _upsample(
    layer: resampling.Upsample, own: Arrays, x: Array, train: bool
) -> tuple[Array, Arrays]:
    if layer.interpolation == "nearest":
        return np.repeat(np.repeat(x, layer.factor, axis=1), layer.factor, axis=2), {}
    rows, columns = (_between(size, layer.factor) for size in x.shape[1:3])
    return np.einsum("ih,jw,nhwc->nijc", rows, columns, x), {}


def _between(size: int, factor: int) -> Array:
    """(factor size, size): how much of each pixel there is in each new one."""
    matrix = np.zeros((size * factor, size))
    for i in range(size * factor):
        at = min(max((i + 0.5) / factor - 0.5, 0.0), size - 1.0)
        low = min(int(at), size - 1)
        matrix[i, low] += 1.0 - (at - low)
        matrix[i, min(low + 1, size - 1)] += at - low
    return matrix


def _average_pool(
    layer: resampling.AveragePool, own: Arrays, x: Array, train: bool
) -> tuple[Array, Arrays]:
    n, height, width, channels = x.shape
    k, h, w = layer.size, height // layer.size, width // layer.size
    squares = np.reshape(x[:, : h * k, : w * k], (n, h, k, w, k, channels))
    return np.mean(squares, axis=(2, 4)), {}


def _max_pool(
    layer: resampling.MaxPool, own: Arrays, x: Array, train: bool
) -> tuple[Array, Arrays]:
    """Every pixel of a square beside each other; of the largest the first alone is taken."""
    h, w, s, p = layer.side(x.shape[1]), layer.side(x.shape[2]), layer.stride, layer.padding
    x = np.pad(x, ((0, 0), (p, p), (p, p), (0, 0)), mode="constant", constant_values=-np.inf)
    taps = np.stack(
        [
            x[:, a : a + (h - 1) * s + 1 : s, b : b + (w - 1) * s + 1 : s]
            for a in range(layer.size)
            for b in range(layer.size)
        ]
    )
    largest = np.argmax(getval(taps), axis=0)
    chosen = np.arange(len(taps)).reshape(-1, 1, 1, 1, 1) == largest
    return np.sum(np.where(chosen, taps, 0.0), axis=0), {}


def _pixel_shuffle(
    layer: resampling.PixelShuffle, own: Arrays, x: Array, train: bool
) -> tuple[Array, Arrays]:
    n, h, w, channels = x.shape
    r = layer.factor
    parts = np.reshape(x, (n, h, w, channels // r**2, r, r))
    squares = np.transpose(parts, (0, 1, 4, 2, 5, 3))
    return np.reshape(squares, (n, h * r, w * r, channels // r**2)), {}


LAYERS: dict[str, Callable[..., tuple[Array, Arrays]]] = {
    "pad": _pad,
    "upsample": _upsample,
    "average_pool": _average_pool,
    "max_pool": _max_pool,
    "pixel_shuffle": _pixel_shuffle,
}
