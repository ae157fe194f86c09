"""Planted faults that only some combinations of a layer's options or an image's sides show."""

from importlib import import_module
from typing import Any

import numpy as np

from tests.meta.patches import Patch


def growth_at_the_near_side(folder: str) -> list[Patch]:
    """Keras: the row that a transposed convolution grows by lies before the first one."""
    layers = import_module(f"backends.{folder}.networks").keras.layers
    real = layers.ZeroPadding2D

    def padding(given: Any, **options: Any) -> Any:
        grown = list(given) == [(0, 1), (0, 1)]
        return real([(1, 0), (1, 0)] if grown else given, **options)

    return [(layers, "ZeroPadding2D", padding)]


def images_on_two_axes(folder: str) -> list[Patch]:
    """PyTorch: instance norm as torch has it for images; see backends/pytorch/networks.py."""
    networks = import_module(f"backends.{folder}.networks")
    return [(networks, "_InstanceNorm", networks.nn.InstanceNorm2d)]


def upsampled_by_height(folder: str) -> list[Patch]:
    """An image as wide as it is high, whatever its width is."""
    networks = import_module(f"backends.{folder}.networks")
    make: Any
    honest = networks.LAYERS["upsample"]
    if folder == "pytorch":

        def make(layer: Any, shape: Any) -> Any:
            side = shape[0] * layer.factor
            return networks.nn.Upsample(size=(side, side), mode="nearest")

    elif folder == "keras3":

        def make(layer: Any, name: str) -> Any:
            def square(x: Any) -> Any:
                return x[:, :, : x.shape[1]]

            cut = networks._Function(square, **networks._options(f"{name}_cut"))
            return [cut, *honest(layer, name)]

    else:

        def make(layer: Any, shape: Any, dtype: Any) -> Any:
            real = honest(layer, shape, dtype).function
            return networks._Function(lambda x: real(x[:, :, : x.shape[1]]))

    return [(networks.LAYERS, "upsample", make)]


def shuffled_as_keras_does(folder: str) -> list[Patch]:
    """Channel (i r + j) C + c goes where channel c r^2 + i r + j should."""
    networks = import_module(f"backends.{folder}.networks")
    honest = networks.LAYERS["pixel_shuffle"]

    def order(layer: Any, channels: int) -> list[int]:
        squares, r = channels // layer.factor**2, layer.factor**2
        return [place * squares + c for c in range(squares) for place in range(r)]

    make: Any
    if folder == "pytorch":

        class Shuffle(networks.nn.Module):  # type: ignore[misc,name-defined]
            def __init__(self, layer: Any, shape: Any) -> None:
                super().__init__()
                self.order, self.own = order(layer, shape[-1]), honest(layer, shape)

            def forward(self, x: Any) -> Any:
                return self.own(x[:, self.order])

        make = Shuffle

    elif folder == "keras3":

        def make(layer: Any, name: str) -> Any:
            def swap(x: Any) -> Any:
                return networks.ops.take(x, order(layer, x.shape[-1]), axis=-1)

            moved = networks._Function(swap, **networks._options(f"{name}_order"))
            return [moved, *honest(layer, name)]

    else:

        def make(layer: Any, shape: Any, dtype: Any) -> Any:
            places, own = np.array(order(layer, shape[-1])), honest(layer, shape, dtype).function
            return networks._Function(lambda x: own(x[..., places]))

    return [(networks.LAYERS, "pixel_shuffle", make)]


def dropped_by_pixel(folder: str) -> list[Patch]:
    """Every second row of an image drops the channels that its sample's other rows keep."""
    networks = import_module(f"backends.{folder}.networks")
    kind, axis = networks._ChannelDropout, 2 if folder == "pytorch" else 1
    name = {"pytorch": "forward", "keras3": "call"}.get(folder, "__call__")

    def call(self: Any, x: Any, mask: Any = None, **options: Any) -> Any:
        if folder == "keras3":
            mask = self.mask if options.get("training") else None
        if mask is None:
            return x
        shape = [1] * 4
        shape[axis] = x.shape[axis]
        odd = np.reshape(np.arange(x.shape[axis]) % 2, shape)
        if folder == "pytorch":
            wide, odd = mask[:, :, None, None], networks.torch.tensor(odd)
        else:
            wide = mask[:, None, None, :]
        kept = wide * (1 - odd) + (1 - wide) * odd
        return x * kept / (1.0 - self.rate)

    return [(kind, name, call)]
