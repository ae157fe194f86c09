"""Layers that give images another size, as `networks` has the others; (n, c, h, w)."""

from collections.abc import Callable
from typing import Any

from torch import Tensor, nn
from torch.nn.functional import interpolate, pad

from spec import resampling


class _Pad(nn.Module):
    """torch's own, on both axes; what is cut off has to be cut first where the rest is mirrored."""

    def __init__(self, layer: resampling.Pad) -> None:
        super().__init__()
        self.sides = layer.sides
        self.mode = "constant" if layer.mode == "zero" else "reflect"

    def forward(self, x: Tensor) -> Tensor:
        top, bottom, left, right = self.sides
        if self.mode == "constant":
            return pad(x, (left, right, top, bottom), mode="constant", value=0.0)
        added = [max(side, 0) for side in (left, right, top, bottom)]
        x = pad(x, added, mode="reflect")
        cut = [max(-side, 0) for side in (top, bottom, left, right)]
        return x[..., cut[0] : x.shape[-2] - cut[1], cut[2] : x.shape[-1] - cut[3]]


class _Bilinear(nn.Module):
    """torch's own, with pixels for points in the middle of squares."""

    def __init__(self, factor: int) -> None:
        super().__init__()
        self.factor = factor

    def forward(self, x: Tensor) -> Tensor:
        return interpolate(
            x,
            size=(x.shape[-2] * self.factor, x.shape[-1] * self.factor),
            mode="bilinear",
            align_corners=False,
            antialias=False,
        )


def _upsample(layer: resampling.Upsample, shape: tuple[int, ...]) -> nn.Module:
    if layer.interpolation == "bilinear":
        return _Bilinear(layer.factor)
    return nn.Upsample(scale_factor=layer.factor, mode="nearest")


def _average_pool(layer: resampling.AveragePool, shape: tuple[int, ...]) -> nn.Module:
    return nn.AvgPool2d(
        layer.size,
        stride=layer.size,
        padding=0,
        ceil_mode=False,
        count_include_pad=False,
        divisor_override=None,
    )


def _max_pool(layer: resampling.MaxPool, shape: tuple[int, ...]) -> nn.Module:
    return nn.MaxPool2d(
        layer.size,
        stride=layer.stride,
        padding=layer.padding,
        dilation=1,
        return_indices=False,
        ceil_mode=False,
    )


LAYERS: dict[str, Callable[[Any, tuple[int, ...]], nn.Module]] = {
    "pad": lambda layer, shape: _Pad(layer),
    "upsample": _upsample,
    "average_pool": _average_pool,
    "max_pool": _max_pool,
    "pixel_shuffle": lambda layer, shape: nn.PixelShuffle(layer.factor),
}
