"""Layers that give images another size, as functions or Keras's own layers; (n, h, w, c)."""

from collections.abc import Callable
from typing import Any

import numpy as np
from keras import ops

from spec import resampling

Tensor = Any
Function = Callable[[Tensor], Tensor]


def _pad(layer: resampling.Pad) -> Function:
    top, bottom, left, right = layer.sides
    added = [(max(a, 0), max(b, 0)) for a, b in ((top, bottom), (left, right))]
    cut = [max(-side, 0) for side in layer.sides]

    def pad(x: Tensor) -> Tensor:
        mode = "constant" if layer.mode == "zero" else "reflect"
        if any(map(any, added)):
            x = ops.pad(x, ((0, 0), *added, (0, 0)), mode=mode)
        return x[:, cut[0] : x.shape[1] - cut[1], cut[2] : x.shape[2] - cut[3]]

    return pad


def _bilinear(layer: resampling.Upsample) -> Function:
    """By two products with what each new pixel has of the old: TensorFlow resizes in float32."""

    def upsample(x: Tensor) -> Tensor:
        rows, columns = (_between(size, layer.factor) for size in x.shape[1:3])
        rows, columns = (ops.convert_to_tensor(m, dtype=x.dtype) for m in (rows, columns))
        return ops.einsum("jw,niwc->nijc", columns, ops.einsum("ih,nhwc->niwc", rows, x))

    return upsample


def _between(size: int, factor: int) -> np.ndarray:
    """(factor size, size): linear interpolation at the middles of the new pixels."""
    middles = np.clip((np.arange(size * factor) + 0.5) / factor - 0.5, 0.0, size - 1.0)
    return np.maximum(0.0, 1.0 - np.abs(middles[:, None] - np.arange(size)))


def _pixel_shuffle(layer: resampling.PixelShuffle) -> Function:
    r = layer.factor

    def shuffle(x: Tensor) -> Tensor:
        _, h, w, channels = x.shape
        parts = ops.reshape(x, (-1, h, w, channels // r**2, r, r))
        squares = ops.transpose(parts, (0, 1, 4, 2, 5, 3))
        return ops.reshape(squares, (-1, h * r, w * r, channels // r**2))

    return shuffle


FUNCTIONS: dict[str, Callable[[Any], Function]] = {
    "pad": _pad,
    "upsample": _bilinear,
    "pixel_shuffle": _pixel_shuffle,
}
