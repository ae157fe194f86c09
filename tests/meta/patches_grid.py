"""Planted faults that only some combinations of a layer's options or an image's sides show."""

from importlib import import_module
from typing import Any

from tests.meta.patches import Patch


def growth_at_the_near_side(folder: str) -> list[Patch]:
    """Keras: the row that a transposed convolution grows by lies before the first one."""
    layers = import_module(f"backends.{folder}.networks").keras.layers
    real = layers.ZeroPadding2D

    def padding(given: Any, **options: Any) -> Any:
        return real(((1, 0), (1, 0)) if given == ((0, 1), (0, 1)) else given, **options)

    return [(layers, "ZeroPadding2D", padding)]


def images_on_two_axes(folder: str) -> list[Patch]:
    """PyTorch: instance norm as torch has it for images; see backends/pytorch/networks.py."""
    networks = import_module(f"backends.{folder}.networks")
    return [(networks, "_InstanceNorm", networks.nn.InstanceNorm2d)]


def upsampled_by_height(folder: str) -> list[Patch]:
    """An image as wide as it is high, whatever its width is."""
    networks = import_module(f"backends.{folder}.networks")
    make: Any
    if folder == "pytorch":

        def make(layer: Any, shape: Any) -> Any:
            side = shape[0] * layer.factor
            return networks.nn.Upsample(size=(side, side), mode="nearest")

    elif folder == "keras3":

        def make(layer: Any, name: str) -> Any:
            def square(x: Any) -> Any:
                return x[:, :, : x.shape[1]]

            cut = networks._Function(square, **networks._options(f"{name}_cut"))
            return [cut, *networks._upsample(layer, name)]

    else:

        def make(layer: Any, shape: Any, dtype: Any) -> Any:
            real = networks._upsample(layer, shape, dtype).function
            return networks._Function(lambda x: real(x[:, :, : x.shape[1]]))

    return [(networks.LAYERS, "upsample", make)]
