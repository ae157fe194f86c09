"""Networks as torch modules; each layer of the vocabulary is one entry in LAYERS.

Images are (n, channels, height, width) inside, as torch has them. Flatten and reshape go by the
canonical order (height, width, channels), so that a dense layer behind them means the same.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import batch_norm, pad

from backends.pytorch import resampling
from spec import layers
from spec import network as networks


class Network(nn.Module):
    """The layers of a network in a row; inputs (n, *shape) by name -> outputs by name.

    In train mode with a mask (n, *shape) for each dropout layer, by name.
    """

    def __init__(self, network: networks.Network) -> None:
        super().__init__()
        rows = network.named_layers()
        self.layers = nn.ModuleList([LAYERS[layer.kind](layer, shape) for _, layer, shape in rows])
        # A name may be anything, and so cannot be a module's attribute.
        self.places = {name: i for i, (name, _, _) in enumerate(rows)}
        self.wiring, named = network.wiring(), network.named_inputs()
        self.inputs = [name for name in network.taken if name in named]
        self.kept = [name in named for name, _, _ in rows]
        self.heads = network.heads()
        self.names = [name for name, _, _ in rows]
        self.drops = set(network.masks())

    def forward(self, inputs: dict[str, Tensor], masks: dict[str, Tensor]) -> dict[str, Tensor]:
        seen = {name: inputs[name] for name in self.inputs}
        x = next(iter(inputs.values()))  # the only one, where the first layer names none
        for i, layer in enumerate(self.layers):
            given = [x if source is None else seen[source] for source in self.wiring[i]]
            if self.training and self.names[i] in self.drops:
                given.append(masks[self.names[i]])
            x = layer(*given)
            if self.kept[i]:
                seen[self.names[i]] = x
        return {head: x if of is None else seen[of] for head, of in self.heads.items()}


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
        x = _nhwc(x)
        if self.shape[:-1] == (1, 1):
            # One pixel is in either order. Permuted, its strides would say channels-last, and so
            # all layers behind it would be.
            return x.reshape(x.shape[0], self.shape[-1], 1, 1)
        return _nchw(x.reshape(x.shape[0], *self.shape))


class _Moments(nn.Module):
    """(n, features) -> (n, 2): mean and population standard deviation."""

    def __init__(self, epsilon: float) -> None:
        super().__init__()
        self.epsilon = epsilon

    def forward(self, x: Tensor) -> Tensor:
        mean = x.mean(dim=1, keepdim=True)
        variance = ((x - mean) ** 2).mean(dim=1, keepdim=True)
        return torch.cat([mean, torch.sqrt(variance + self.epsilon)], dim=1)


class _BatchNorm1d(nn.BatchNorm1d):
    """torch's own; in eval mode its way back is by the statistics of then."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x) if self.training else _by_running(self, x)


class _BatchNorm2d(nn.BatchNorm2d):
    """The same on images."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x) if self.training else _by_running(self, x)


class _Biased1d(nn.BatchNorm1d):
    """Normalises as torch does, but keeps the biased variance."""

    def forward(self, x: Tensor) -> Tensor:
        return _biased(self, x) if self.training else _by_running(self, x)


class _Biased2d(nn.BatchNorm2d):
    """The same on images."""

    def forward(self, x: Tensor) -> Tensor:
        return _biased(self, x) if self.training else _by_running(self, x)


def _by_running(norm: nn.BatchNorm1d | nn.BatchNorm2d, x: Tensor) -> Tensor:
    """Eval mode. torch goes back by the statistics as they are by then, and says nothing: a forward
    in train mode that follows moves them in place (torch 2.13, found by random GANs)."""
    assert norm.running_mean is not None
    assert norm.running_var is not None
    mean, variance = norm.running_mean, norm.running_var
    if torch.is_grad_enabled():
        mean, variance = mean.clone(), variance.clone()
    return batch_norm(
        x, mean, variance, norm.weight, norm.bias, training=False, momentum=0.0, eps=norm.eps
    )


class _GroupNorm(nn.GroupNorm):
    """torch's own, on (n, channels, pixels).

    On a CPU its backward pass reads beyond its arrays where input and gradient are laid out
    differently: one channels-last, or of a single channel, whose strides look like both (found by
    random GANs; the family of pytorch issues 92166 and 115940). Three axes have one layout.
    """

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x.reshape(*x.shape[:2], -1)).reshape(x.shape)


class _InstanceNorm(nn.InstanceNorm1d):
    """torch's own, on (n, channels, pixels).

    On images its backward pass reads a channels-last gradient in the wrong order where the batch is
    one (torch 2.13 on a CPU, found by tests/conformance/grid.py): it takes the samples' channels
    for those of one, and with one sample the view still looks channels-last.
    """

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x.reshape(*x.shape[:2], -1)).reshape(x.shape)


class _Dropout(nn.Module):
    """torch's own draws its mask itself; this one is given it in train mode."""

    def __init__(self, rate: float) -> None:
        super().__init__()
        self.rate = rate

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        return x if mask is None else x * mask / (1.0 - self.rate)


class _ChannelDropout(nn.Module):
    """The same with one number a channel; masks are (n, c)."""

    def __init__(self, rate: float) -> None:
        super().__init__()
        self.rate = rate

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        return x if mask is None else x * mask[:, :, None, None] / (1.0 - self.rate)


class _Softmax(nn.Module):
    """Along the canonical last axis, which images have second here."""

    def __init__(self, temperature: float) -> None:
        super().__init__()
        self.temperature = temperature

    def forward(self, x: Tensor) -> Tensor:
        return torch.softmax(x / self.temperature, dim=1)


class _Scale(nn.Module):
    """factor * x + offset; a list has a number for each channel."""

    def __init__(self, layer: layers.Scale, shape: tuple[int, ...]) -> None:
        super().__init__()
        axes = [1] * (len(shape) - 1)
        for name, number in (("factor", layer.factor), ("offset", layer.offset)):
            if isinstance(number, float):
                setattr(self, name, number)
            else:  # on the device once: made anew, it would wait for the device in each forward
                values = torch.tensor(number, dtype=torch.float64).reshape(-1, *axes)
                self.register_buffer(name, values, persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        return x * self.factor + self.offset


class _Product(nn.Module):
    """The product of its inputs; what has fewer axes than the first is repeated over pixels."""

    def forward(self, *x: Tensor) -> Tensor:
        y = x[0]
        for factor in x[1:]:
            y = y * factor.reshape(*factor.shape, *[1] * (y.dim() - factor.dim()))
        return y


class _Conv(nn.Conv2d):
    """torch's own pads both ends of an axis alike."""

    sides: tuple[tuple[int, int], tuple[int, int]]

    def forward(self, x: Tensor) -> Tensor:
        (top, bottom), (left, right) = self.sides
        return super().forward(pad(x, (left, right, top, bottom), mode="constant", value=0.0))


class _ConvTranspose(nn.ConvTranspose2d):
    """torch's own cuts both ends of an axis alike."""

    sides: tuple[tuple[int, int], tuple[int, int]]

    def forward(self, x: Tensor, output_size: None = None) -> Tensor:
        y, ((top, bottom), (left, right)) = super().forward(x), self.sides
        return y[..., top : y.shape[-2] - bottom, left : y.shape[-1] - right]


class _Add(nn.Module):
    """The sum of its inputs."""

    def forward(self, *x: Tensor) -> Tensor:
        return sum(x[1:], x[0])


class _Concatenate(nn.Module):
    """Inputs beside each other along the canonical last axis, which images have second here."""

    def forward(self, *x: Tensor) -> Tensor:
        return torch.cat(x, dim=1)


def _biased(norm: _Biased1d | _Biased2d, x: Tensor) -> Tensor:
    """Train mode."""
    assert norm.running_var is not None
    # Autograd keeps the tensor that torch writes to, so that is a copy.
    variance = norm.running_var.clone()
    y = batch_norm(
        x,
        norm.running_mean,
        variance,
        norm.weight,
        norm.bias,
        training=True,
        momentum=norm.momentum,
        eps=norm.eps,
    )
    n = x.numel() // x.shape[1]
    with torch.no_grad():  # torch has just added its share of the unbiased one
        kept = (1.0 - norm.momentum) * norm.running_var
        norm.running_var.copy_(kept + (variance - kept) * ((n - 1) / n))
    return y


def _nhwc(x: Tensor) -> Tensor:
    """(n, c, h, w) -> (n, h, w, c); anything else as it is."""
    return x.permute(0, 2, 3, 1) if x.dim() == 4 else x


def _nchw(x: Tensor) -> Tensor:
    """(n, h, w, c) -> (n, c, h, w); anything else as it is."""
    return x.permute(0, 3, 1, 2) if x.dim() == 4 else x


def _dense(layer: layers.Dense, shape: tuple[int, ...]) -> nn.Module:
    return nn.Linear(shape[0], layer.units, bias=layer.bias)


def _conv(layer: layers.Conv, shape: tuple[int, ...]) -> nn.Module:
    kind = nn.Conv2d if isinstance(layer.padding, int) else _Conv
    module = kind(
        shape[2],
        layer.filters,
        kernel_size=layer.kernel,
        stride=layer.stride,
        padding=layer.padding if isinstance(layer.padding, int) else 0,
        dilation=1,
        groups=1,
        bias=layer.bias,
        padding_mode="zeros",
    )
    module.sides = layer.sides
    return module


def _conv_transpose(layer: layers.ConvTranspose, shape: tuple[int, ...]) -> nn.Module:
    kind = nn.ConvTranspose2d if isinstance(layer.padding, int) else _ConvTranspose
    module = kind(
        shape[2],
        layer.filters,
        kernel_size=layer.kernel,
        stride=layer.stride,
        padding=layer.padding if isinstance(layer.padding, int) else 0,
        output_padding=layer.output_padding,
        groups=1,
        bias=layer.bias,
        dilation=1,
        padding_mode="zeros",
    )
    module.sides = layer.sides
    return module


def _batch_norm(layer: layers.BatchNorm, shape: tuple[int, ...]) -> nn.Module:
    # torch's momentum is the share of the new value; its running variance is the unbiased one.
    unbiased = layer.running_variance == "unbiased"
    plain = _BatchNorm2d if len(shape) == 3 else _BatchNorm1d
    kind = plain if unbiased else _Biased2d if len(shape) == 3 else _Biased1d
    module = kind(
        shape[-1],
        eps=layer.epsilon,
        momentum=1.0 - layer.keep,
        affine=layer.affine,
        track_running_stats=True,
    )
    module.num_batches_tracked = None  # only a cumulative average would need the count
    return module


def _layer_norm(layer: layers.LayerNorm, shape: tuple[int, ...]) -> nn.Module:
    # nn.LayerNorm has a scale for every number; one group of all channels has one by channel.
    return _GroupNorm(1, shape[-1], eps=layer.epsilon, affine=layer.affine)


def _instance_norm(layer: layers.InstanceNorm, shape: tuple[int, ...]) -> nn.Module:
    return _InstanceNorm(
        shape[-1], eps=layer.epsilon, momentum=0.0, affine=layer.affine, track_running_stats=False
    )


def _group_norm(layer: layers.GroupNorm, shape: tuple[int, ...]) -> nn.Module:
    return _GroupNorm(layer.groups, shape[-1], eps=layer.epsilon, affine=layer.affine)


def _gelu(layer: layers.Gelu, shape: tuple[int, ...]) -> nn.Module:
    return nn.GELU(approximate="none" if layer.form == "erf" else "tanh")


def _embedding(layer: layers.Embedding, shape: tuple[int, ...]) -> nn.Module:
    return nn.Embedding(
        layer.classes,
        layer.width,
        padding_idx=None,
        max_norm=None,
        norm_type=2.0,
        scale_grad_by_freq=False,
        sparse=False,
    )


def _prelu(layer: layers.Prelu, shape: tuple[int, ...]) -> nn.Module:
    return nn.PReLU(num_parameters=1 if layer.slopes == "one" else shape[-1], init=layer.slope)


LAYERS: dict[str, Callable[[Any, tuple[int, ...]], nn.Module]] = {
    "dense": _dense,
    "conv": _conv,
    "conv_transpose": _conv_transpose,
    "batch_norm": _batch_norm,
    "layer_norm": _layer_norm,
    "instance_norm": _instance_norm,
    "group_norm": _group_norm,
    "relu": lambda layer, shape: nn.ReLU(inplace=False),
    "leaky_relu": lambda layer, shape: nn.LeakyReLU(negative_slope=layer.slope, inplace=False),
    "elu": lambda layer, shape: nn.ELU(alpha=layer.alpha, inplace=False),
    "gelu": _gelu,
    "tanh": lambda layer, shape: nn.Tanh(),
    "sigmoid": lambda layer, shape: nn.Sigmoid(),
    "silu": lambda layer, shape: nn.SiLU(inplace=False),
    "softplus": lambda layer, shape: nn.Softplus(beta=1.0, threshold=50.0),
    "softmax": lambda layer, shape: _Softmax(layer.temperature),
    "prelu": _prelu,
    "scale": _Scale,
    "flatten": lambda layer, shape: _Flatten(),
    "reshape": lambda layer, shape: _Reshape(layer.shape),
    "moments": lambda layer, shape: _Moments(layer.epsilon),
    "dropout": lambda layer, shape: _Dropout(layer.rate),
    "channel_dropout": lambda layer, shape: _ChannelDropout(layer.rate),
    "embedding": _embedding,
    "add": lambda layer, shape: _Add(),
    "product": lambda layer, shape: _Product(),
    "concatenate": lambda layer, shape: _Concatenate(),
    **resampling.LAYERS,
}
