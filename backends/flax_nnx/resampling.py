"""Layers that give images another size, as functions; (n, h, w, c)."""

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from flax import nnx
from jax import Array, lax

from spec import resampling

Function = Callable[[Array], Array]


def _pad(layer: resampling.Pad, x: Array) -> Array:
    top, bottom, left, right = layer.sides
    if layer.mode == "zero":
        sides = ((0, 0, 0), (top, bottom, 0), (left, right, 0), (0, 0, 0))
        return lax.pad(x, jnp.zeros((), x.dtype), sides)
    added = [(max(a, 0), max(b, 0)) for a, b in ((top, bottom), (left, right))]
    x = jnp.pad(x, ((0, 0), *added, (0, 0)), mode="reflect")
    cut = [max(-side, 0) for side in layer.sides]
    return x[:, cut[0] : x.shape[1] - cut[1], cut[2] : x.shape[2] - cut[3]]


def _upsample(layer: resampling.Upsample, x: Array) -> Array:
    if layer.interpolation == "nearest":
        return x.repeat(layer.factor, axis=1).repeat(layer.factor, axis=2)
    n, height, width, channels = x.shape
    shape = (n, height * layer.factor, width * layer.factor, channels)
    return jax.image.resize(
        x, shape, method="bilinear", antialias=False, precision=lax.Precision.HIGHEST
    )


def _average_pool(layer: resampling.AveragePool, x: Array) -> Array:
    square = (layer.size, layer.size)
    return nnx.avg_pool(x, square, strides=square, padding="VALID", count_include_pad=False)


def _max_pool(layer: resampling.MaxPool, x: Array) -> Array:
    return nnx.max_pool(
        x,
        (layer.size, layer.size),
        strides=(layer.stride, layer.stride),
        padding=((layer.padding, layer.padding),) * 2,
    )


def _pixel_shuffle(layer: resampling.PixelShuffle, x: Array) -> Array:
    n, h, w, channels = x.shape
    r = layer.factor
    squares = x.reshape(n, h, w, channels // r**2, r, r).transpose(0, 1, 4, 2, 5, 3)
    return squares.reshape(n, h * r, w * r, channels // r**2)


def _of(function: Callable[[Any, Array], Array]) -> Callable[[Any], Function]:
    return lambda layer: partial(function, layer)


LAYERS: dict[str, Callable[[Any], Function]] = {
    "pad": _of(_pad),
    "upsample": _of(_upsample),
    "average_pool": _of(_average_pool),
    "max_pool": _of(_max_pool),
    "pixel_shuffle": _of(_pixel_shuffle),
}
