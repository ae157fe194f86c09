"""Networks as torch modules; each layer of the vocabulary is one entry in LAYERS.

Images are (n, channels, height, width) inside, as torch has them. Flatten and reshape go by the
canonical order (height, width, channels), so that a dense layer behind them means the same.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from spec import layers, workload


class Network(nn.Module):
    """The layers of a network in a row; (n, *input) -> (n, *output)."""

    def __init__(self, network: workload.Network) -> None:
        super().__init__()
        rows = network.named_layers()
        self.layers = nn.ModuleList([LAYERS[layer.kind](layer, shape) for _, layer, shape in rows])
        # A name may be anything, and so cannot be a module's attribute.
        self.places = {name: i for i, (name, _, _) in enumerate(rows)}

    def forward(self, x: Tensor) -> Tensor:
        for layer in self.layers:
            x = layer(x)
        return x


class _Flatten(nn.Module):
    """(n, c, h, w) -> (n, h * w * c)."""

    def forward(self, x: Tensor) -> Tensor:
        return _nhwc(x).reshape(x.shape[0], -1)


class _Reshape(nn.Module):
    """(n, ...) -> (n, *shape), a canonical shape."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        super().__init__()
        self.shape = shape

    def forward(self, x: Tensor) -> Tensor:
        return _nchw(_nhwc(x).reshape(x.shape[0], *self.shape))


class _Moments(nn.Module):
    """(n, features) -> (n, 2): mean and population standard deviation."""

    def __init__(self, epsilon: float) -> None:
        super().__init__()
        self.epsilon = epsilon

    def forward(self, x: Tensor) -> Tensor:
        mean = x.mean(dim=1, keepdim=True)
        variance = ((x - mean) ** 2).mean(dim=1, keepdim=True)
        return torch.cat([mean, torch.sqrt(variance + self.epsilon)], dim=1)


def _nhwc(x: Tensor) -> Tensor:
    """(n, c, h, w) -> (n, h, w, c); anything else as it is."""
    return x.permute(0, 2, 3, 1) if x.dim() == 4 else x


def _nchw(x: Tensor) -> Tensor:
    """(n, h, w, c) -> (n, c, h, w); anything else as it is."""
    return x.permute(0, 3, 1, 2) if x.dim() == 4 else x


def _dense(layer: layers.Dense, shape: tuple[int, ...]) -> nn.Module:
    return nn.Linear(shape[0], layer.units, bias=layer.bias)


def _conv(layer: layers.Conv, shape: tuple[int, ...]) -> nn.Module:
    return nn.Conv2d(
        shape[2],
        layer.filters,
        kernel_size=layer.kernel,
        stride=layer.stride,
        padding=layer.padding,
        dilation=1,
        groups=1,
        bias=layer.bias,
        padding_mode="zeros",
    )


def _conv_transpose(layer: layers.ConvTranspose, shape: tuple[int, ...]) -> nn.Module:
    return nn.ConvTranspose2d(
        shape[2],
        layer.filters,
        kernel_size=layer.kernel,
        stride=layer.stride,
        padding=layer.padding,
        output_padding=0,
        groups=1,
        bias=layer.bias,
        dilation=1,
        padding_mode="zeros",
    )


def _batch_norm(layer: layers.BatchNorm, shape: tuple[int, ...]) -> nn.Module:
    kind = nn.BatchNorm2d if len(shape) == 3 else nn.BatchNorm1d
    # torch's momentum is the share of the new value; its running variance is the unbiased one.
    module = kind(
        shape[-1],
        eps=layer.epsilon,
        momentum=1.0 - layer.keep,
        affine=True,
        track_running_stats=True,
    )
    module.num_batches_tracked = None  # only a cumulative average would need the count
    return module


LAYERS: dict[str, Callable[[Any, tuple[int, ...]], nn.Module]] = {
    "dense": _dense,
    "conv": _conv,
    "conv_transpose": _conv_transpose,
    "batch_norm": _batch_norm,
    "relu": lambda layer, shape: nn.ReLU(inplace=False),
    "leaky_relu": lambda layer, shape: nn.LeakyReLU(negative_slope=layer.slope, inplace=False),
    "tanh": lambda layer, shape: nn.Tanh(),
    "sigmoid": lambda layer, shape: nn.Sigmoid(),
    "flatten": lambda layer, shape: _Flatten(),
    "reshape": lambda layer, shape: _Reshape(layer.shape),
    "moments": lambda layer, shape: _Moments(layer.epsilon),
}
