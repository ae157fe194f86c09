"""Forward passes in NumPy float64, written so that HIPS autograd can differentiate them.

Each layer is one function (layer, parameters, x, train) -> (y, new statistics). Arrays are
canonical: images (n, height, width, channels), kernels (height, width, in, out).
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import autograd.numpy as np
from autograd.extend import defvjp, primitive
from autograd.tracer import getval
from scipy import special

from backends.reference import resampling
from spec import layers
from spec.network import Network

Array = Any
Arrays = dict[str, Array]


def forward(
    network: Network,
    values: Mapping[str, Array],
    inputs: Mapping[str, Array],
    masks: Mapping[str, Array],
    *,
    train: bool,
) -> tuple[Arrays, Arrays]:
    """(outputs, new running statistics) for inputs (n, *shape), both by name.

    Values are keyed `<layer>/<array>`. In train mode batch normalisation uses the batch's own
    statistics, and dropout the masks by name; in eval mode the running ones, no new ones come back,
    and nothing is dropped.
    """
    kept: Arrays = {}
    named, seen = network.named_inputs(), dict(inputs)
    x = next(iter(inputs.values()))  # the only one, where the first layer names none
    for (name, layer, _), sources in zip(network.named_layers(), network.wiring(), strict=True):
        own = {
            key.removeprefix(f"{name}/"): v
            for key, v in values.items()
            if key.startswith(f"{name}/")
        }
        if name in masks:
            own["mask"] = masks[name]
        given = [x if source is None else seen[source] for source in sources]
        x = given[0] if len(given) == 1 else given
        x, statistics = LAYERS[layer.kind](layer, own, x, train)
        kept |= {f"{name}/{key}": v for key, v in statistics.items()}
        if name in named:
            seen[name] = x
    return {head: x if of is None else seen[of] for head, of in network.heads().items()}, kept


def _dense(layer: layers.Dense, own: Arrays, x: Array, train: bool) -> tuple[Array, Arrays]:
    return np.dot(x, own["kernel"]) + own.get("bias", 0.0), {}


def _conv(layer: layers.Conv, own: Arrays, x: Array, train: bool) -> tuple[Array, Arrays]:
    """Every output pixel is the product of its k x k taps with the kernel (column form)."""
    columns = _gather(x, layer, layer.size(*x.shape[1:3]))
    y = _matrix_product(columns, np.reshape(own["kernel"], (-1, layer.filters)))
    return y + own.get("bias", 0.0), {}


def _conv_transpose(
    layer: layers.ConvTranspose, own: Arrays, x: Array, train: bool
) -> tuple[Array, Arrays]:
    """Each input pixel spreads its k x k taps over the output, stride apart (column form)."""
    matrix = np.reshape(np.transpose(own["kernel"], (2, 0, 1, 3)), (x.shape[3], -1))
    columns = _matrix_product(x, matrix)
    y = _scatter(columns, layer, layer.size(*x.shape[1:3]))
    return y + own.get("bias", 0.0), {}


@primitive
def _gather(x: Array, layer: layers.Convolution, small: tuple[int, int]) -> Array:
    """Taps of x (n, H, W, c) at every pixel of the small side: (n, h, w, k * k * c)."""
    n, _, _, channels = x.shape
    x = np.pad(x, ((0, 0), *layer.sides, (0, 0)), mode="constant")
    columns = np.empty((n, *small, layer.kernel**2, channels))
    for tap, (rows, cols) in enumerate(_taps(layer, small)):
        columns[:, :, :, tap] = x[:, rows, cols]
    return np.reshape(columns, (n, *small, -1))


@primitive
def _scatter(columns: Array, layer: layers.Convolution, large: tuple[int, int]) -> Array:
    """The transpose of `_gather`: taps (n, h, w, k * k * c) added up where they belong."""
    n, h, w, _ = columns.shape
    ((top, bottom), (left, right)), (height, width) = layer.sides, large
    columns = np.reshape(columns, (n, h, w, layer.kernel**2, -1))
    whole = np.zeros((n, height + top + bottom, width + left + right, columns.shape[-1]))
    for tap, (rows, cols) in enumerate(_taps(layer, (h, w))):
        whole[:, rows, cols] += columns[:, :, :, tap]
    return whole[:, top : top + height, left : left + width]


def _taps(layer: layers.Convolution, small: tuple[int, int]) -> Iterator[tuple[slice, slice]]:
    """Rows and columns of the padded large side that each tap of the kernel meets."""
    (h, w), s = small, layer.stride
    for a in range(layer.kernel):
        for b in range(layer.kernel):
            yield slice(a, a + (h - 1) * s + 1, s), slice(b, b + (w - 1) * s + 1, s)


# autograd.scipy has these, and imports all of scipy.stats and scipy.signal with them: two seconds
# of every process of the reference.
erf, expit = primitive(special.erf), primitive(special.expit)
defvjp(erf, lambda _, x: lambda g: g * 2.0 / np.sqrt(np.pi) * np.exp(-(x**2)))
defvjp(expit, lambda y, _: lambda g: g * y * (1.0 - y))

# Each is the other's derivative; autograd's own one of a slice adds up element by element.
defvjp(
    _gather,
    lambda _, x, layer, small: lambda g: _scatter(g, layer, x.shape[1:3]),
    argnums=(0,),
)
defvjp(
    _scatter,
    lambda _, columns, layer, large: lambda g: _gather(g, layer, columns.shape[1:3]),
    argnums=(0,),
)


def _batch_norm(
    layer: layers.BatchNorm, own: Arrays, x: Array, train: bool
) -> tuple[Array, Arrays]:
    if not train:
        return _affine(own, (x - own["mean"]) / np.sqrt(own["variance"] + layer.epsilon)), {}
    axes = tuple(range(x.ndim - 1))
    mean = np.mean(x, axis=axes)
    centred = x - mean
    variance = np.mean(centred**2, axis=axes)
    n = x.size // x.shape[-1]
    keep, unbiased = layer.keep, n / (n - 1) if layer.running_variance == "unbiased" else 1.0
    statistics = {
        "mean": keep * own["mean"] + (1 - keep) * mean,
        "variance": keep * own["variance"] + (1 - keep) * variance * unbiased,
    }
    return _affine(own, centred / np.sqrt(variance + layer.epsilon)), statistics


def _layer_norm(
    layer: layers.LayerNorm, own: Arrays, x: Array, train: bool
) -> tuple[Array, Arrays]:
    return _affine(own, _standardise(x, tuple(range(1, x.ndim)), layer.epsilon)), {}


def _instance_norm(
    layer: layers.InstanceNorm, own: Arrays, x: Array, train: bool
) -> tuple[Array, Arrays]:
    return _affine(own, _standardise(x, (1, 2), layer.epsilon)), {}


def _group_norm(
    layer: layers.GroupNorm, own: Arrays, x: Array, train: bool
) -> tuple[Array, Arrays]:
    parted = np.reshape(x, (*x.shape[:-1], layer.groups, -1))
    axes = (*range(1, x.ndim - 1), x.ndim)  # all but the batch and the group
    return _affine(own, np.reshape(_standardise(parted, axes, layer.epsilon), x.shape)), {}


def _standardise(x: Array, axes: tuple[int, ...], epsilon: float) -> Array:
    mean = np.mean(x, axis=axes, keepdims=True)
    centred = x - mean
    variance = np.mean(centred**2, axis=axes, keepdims=True)
    return centred / np.sqrt(variance + epsilon)


def _affine(own: Arrays, x: Array) -> Array:
    return x * own["scale"] + own["bias"] if "scale" in own else x


def _relu(layer: layers.Relu, own: Arrays, x: Array, train: bool) -> tuple[Array, Arrays]:
    return np.where(x > 0, x, 0.0), {}


def _leaky_relu(
    layer: layers.LeakyRelu, own: Arrays, x: Array, train: bool
) -> tuple[Array, Arrays]:
    return x * np.where(x > 0, 1.0, layer.slope), {}


def _tanh(layer: layers.Tanh, own: Arrays, x: Array, train: bool) -> tuple[Array, Arrays]:
    return np.tanh(x), {}


def _sigmoid(layer: layers.Sigmoid, own: Arrays, x: Array, train: bool) -> tuple[Array, Arrays]:
    return sigmoid(x), {}


def _elu(layer: layers.Elu, own: Arrays, x: Array, train: bool) -> tuple[Array, Arrays]:
    # The exponential of a large number would overflow in the branch that is not taken.
    return np.where(x > 0, x, layer.alpha * np.expm1(np.where(x > 0, 0.0, x))), {}


def _gelu(layer: layers.Gelu, own: Arrays, x: Array, train: bool) -> tuple[Array, Arrays]:
    if layer.form == "erf":
        return 0.5 * x * (1.0 + erf(x / np.sqrt(2.0))), {}
    return 0.5 * x * (1.0 + np.tanh(np.sqrt(2.0 / np.pi) * (x + 0.044715 * x**3))), {}


def _silu(layer: layers.Silu, own: Arrays, x: Array, train: bool) -> tuple[Array, Arrays]:
    return x * sigmoid(x), {}


def _softplus(layer: layers.Softplus, own: Arrays, x: Array, train: bool) -> tuple[Array, Arrays]:
    return softplus(x), {}


def _softmax(layer: layers.Softmax, own: Arrays, x: Array, train: bool) -> tuple[Array, Arrays]:
    x = x / layer.temperature
    powers = np.exp(x - np.max(getval(x), axis=-1, keepdims=True))
    return powers / np.sum(powers, axis=-1, keepdims=True), {}


def _prelu(layer: layers.Prelu, own: Arrays, x: Array, train: bool) -> tuple[Array, Arrays]:
    # autograd's `where` would not add up the gradient of a slope that is repeated.
    return np.where(x > 0, x, 0.0) + own["slope"] * np.where(x > 0, 0.0, x), {}


def _scale(layer: layers.Scale, own: Arrays, x: Array, train: bool) -> tuple[Array, Arrays]:
    return np.array(layer.factor) * x + np.array(layer.offset), {}


def _flatten(layer: layers.Flatten, own: Arrays, x: Array, train: bool) -> tuple[Array, Arrays]:
    return np.reshape(x, (x.shape[0], -1)), {}


def _reshape(layer: layers.Reshape, own: Arrays, x: Array, train: bool) -> tuple[Array, Arrays]:
    return np.reshape(x, (x.shape[0], *layer.shape)), {}


def _moments(layer: layers.Moments, own: Arrays, x: Array, train: bool) -> tuple[Array, Arrays]:
    mean = np.mean(x, axis=1, keepdims=True)
    variance = np.mean((x - mean) ** 2, axis=1, keepdims=True)
    return np.concatenate([mean, np.sqrt(variance + layer.epsilon)], axis=1), {}


def _dropout(layer: layers.Dropout, own: Arrays, x: Array, train: bool) -> tuple[Array, Arrays]:
    return x * own["mask"] / (1.0 - layer.rate) if train else x, {}


def _channel_dropout(
    layer: layers.ChannelDropout, own: Arrays, x: Array, train: bool
) -> tuple[Array, Arrays]:
    return x * own["mask"][:, None, None, :] / (1.0 - layer.rate) if train else x, {}


def _add(layer: layers.Add, own: Arrays, x: list[Array], train: bool) -> tuple[Array, Arrays]:
    return sum(x[1:], x[0]), {}


def _product(
    layer: layers.Product, own: Arrays, x: list[Array], train: bool
) -> tuple[Array, Arrays]:
    y = x[0]
    for factor in x[1:]:
        ones = (1,) * (x[0].ndim - factor.ndim)
        y = y * np.reshape(factor, (len(factor), *ones, *factor.shape[1:]))
    return y, {}


def _concatenate(
    layer: layers.Concatenate, own: Arrays, x: list[Array], train: bool
) -> tuple[Array, Arrays]:
    return np.concatenate(x, axis=-1), {}


def _embedding(layer: layers.Embedding, own: Arrays, x: Array, train: bool) -> tuple[Array, Arrays]:
    return own["table"][x], {}


def _matrix_product(x: Array, matrix: Array) -> Array:
    """The last axis times a matrix; NumPy leaves BLAS for products of more than two axes."""
    rows = np.dot(np.reshape(x, (-1, x.shape[-1])), matrix)
    return np.reshape(rows, (*x.shape[:-1], matrix.shape[1]))


def sigmoid(x: Array) -> Array:
    """1 / (1 + exp(-x)), which neither overflows nor warns."""
    return expit(x)


def softplus(x: Array) -> Array:
    """log(1 + exp(x)), stable at both ends."""
    return np.logaddexp(0.0, x)


LAYERS: dict[str, Callable[..., tuple[Array, Arrays]]] = {
    "dense": _dense,
    "conv": _conv,
    "conv_transpose": _conv_transpose,
    "batch_norm": _batch_norm,
    "layer_norm": _layer_norm,
    "instance_norm": _instance_norm,
    "group_norm": _group_norm,
    "relu": _relu,
    "leaky_relu": _leaky_relu,
    "elu": _elu,
    "gelu": _gelu,
    "tanh": _tanh,
    "sigmoid": _sigmoid,
    "silu": _silu,
    "softplus": _softplus,
    "softmax": _softmax,
    "prelu": _prelu,
    "scale": _scale,
    "flatten": _flatten,
    "reshape": _reshape,
    "moments": _moments,
    "dropout": _dropout,
    "channel_dropout": _channel_dropout,
    "embedding": _embedding,
    "add": _add,
    "product": _product,
    "concatenate": _concatenate,
    **resampling.LAYERS,
}
