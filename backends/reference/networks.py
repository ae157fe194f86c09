"""Forward passes in NumPy float64, written so that HIPS autograd can differentiate them.

Each layer is one function (layer, parameters, x, train) -> (y, new statistics). Arrays are
canonical: images (n, height, width, channels), kernels (height, width, in, out).
"""

from collections.abc import Callable, Mapping
from typing import Any

import autograd.numpy as np

from spec import layers
from spec.workload import Network

Array = Any
Arrays = dict[str, Array]


def forward(
    network: Network, values: Mapping[str, Array], x: Array, *, train: bool
) -> tuple[Array, Arrays]:
    """(output, new running statistics) for inputs (n, *input); values are keyed `<layer>/<array>`.

    In train mode batch normalisation uses the batch's own statistics; in eval mode the running
    ones, and no new ones come back.
    """
    kept: Arrays = {}
    for name, layer, _ in network.named_layers():
        own = {
            key.removeprefix(f"{name}/"): v
            for key, v in values.items()
            if key.startswith(f"{name}/")
        }
        x, statistics = LAYERS[layer.kind](layer, own, x, train)
        kept |= {f"{name}/{key}": v for key, v in statistics.items()}
    return x, kept


def _dense(layer: layers.Dense, own: Arrays, x: Array, train: bool) -> tuple[Array, Arrays]:
    return np.dot(x, own["kernel"]) + own.get("bias", 0.0), {}


def _conv(layer: layers.Conv, own: Arrays, x: Array, train: bool) -> tuple[Array, Arrays]:
    k, s, p = layer.kernel, layer.stride, layer.padding
    height, width = layer.side(x.shape[1]), layer.side(x.shape[2])
    x = np.pad(x, ((0, 0), (p, p), (p, p), (0, 0)), mode="constant")
    taps = [
        x[:, a : a + (height - 1) * s + 1 : s, b : b + (width - 1) * s + 1 : s, :]
        for a in range(k)
        for b in range(k)
    ]
    columns = np.concatenate(taps, axis=-1)
    y = _product(columns, np.reshape(own["kernel"], (-1, layer.filters)))
    return y + own.get("bias", 0.0), {}


def _conv_transpose(
    layer: layers.ConvTranspose, own: Arrays, x: Array, train: bool
) -> tuple[Array, Arrays]:
    """Each input pixel spreads its k x k taps over the output, stride apart (column form).

    The taps are cut into q x q blocks of stride x stride, q = ceil(k / s), and each block is
    placed by padding, so that no scattered addition is needed.
    """
    k, s, p, out = layer.kernel, layer.stride, layer.padding, layer.filters
    n, h, w, _ = x.shape
    q = -(-k // s)
    y = _product(x, np.reshape(np.transpose(own["kernel"], (2, 0, 1, 3)), (x.shape[3], -1)))
    y = np.reshape(y, (n, h, w, k, k, out))
    more = (0, q * s - k)
    y = np.pad(y, ((0, 0), (0, 0), (0, 0), more, more, (0, 0)), mode="constant")
    y = np.reshape(y, (n, h, w, q, s, q, s, out))
    total = 0.0
    for u in range(q):
        for v in range(q):
            block = np.transpose(y[:, :, :, u, :, v, :, :], (0, 1, 3, 2, 4, 5))
            beside = ((0, 0), (u, q - 1 - u), (0, 0), (v, q - 1 - v), (0, 0), (0, 0))
            total = total + np.pad(block, beside, mode="constant")
    full = np.reshape(total, (n, (h + q - 1) * s, (w + q - 1) * s, out))
    y = full[:, p : p + layer.side(h), p : p + layer.side(w), :]
    return y + own.get("bias", 0.0), {}


def _batch_norm(
    layer: layers.BatchNorm, own: Arrays, x: Array, train: bool
) -> tuple[Array, Arrays]:
    if not train:
        x = (x - own["mean"]) / np.sqrt(own["variance"] + layer.epsilon)
        return x * own["scale"] + own["bias"], {}
    axes = tuple(range(x.ndim - 1))
    mean = np.mean(x, axis=axes)
    variance = np.mean((x - mean) ** 2, axis=axes)
    n = x.size // x.shape[-1]
    keep = layer.keep
    statistics = {
        "mean": keep * own["mean"] + (1 - keep) * mean,
        "variance": keep * own["variance"] + (1 - keep) * variance * n / (n - 1),
    }
    x = (x - mean) / np.sqrt(variance + layer.epsilon)
    return x * own["scale"] + own["bias"], statistics


def _relu(layer: layers.Relu, own: Arrays, x: Array, train: bool) -> tuple[Array, Arrays]:
    return np.where(x > 0, x, 0.0), {}


def _leaky_relu(
    layer: layers.LeakyRelu, own: Arrays, x: Array, train: bool
) -> tuple[Array, Arrays]:
    return np.where(x > 0, x, layer.slope * x), {}


def _tanh(layer: layers.Tanh, own: Arrays, x: Array, train: bool) -> tuple[Array, Arrays]:
    return np.tanh(x), {}


def _sigmoid(layer: layers.Sigmoid, own: Arrays, x: Array, train: bool) -> tuple[Array, Arrays]:
    return sigmoid(x), {}


def _flatten(layer: layers.Flatten, own: Arrays, x: Array, train: bool) -> tuple[Array, Arrays]:
    return np.reshape(x, (x.shape[0], -1)), {}


def _reshape(layer: layers.Reshape, own: Arrays, x: Array, train: bool) -> tuple[Array, Arrays]:
    return np.reshape(x, (x.shape[0], *layer.shape)), {}


def _moments(layer: layers.Moments, own: Arrays, x: Array, train: bool) -> tuple[Array, Arrays]:
    mean = np.mean(x, axis=1, keepdims=True)
    variance = np.mean((x - mean) ** 2, axis=1, keepdims=True)
    return np.concatenate([mean, np.sqrt(variance + layer.epsilon)], axis=1), {}


def _product(x: Array, matrix: Array) -> Array:
    """The last axis times a matrix; NumPy leaves BLAS for products of more than two axes."""
    rows = np.dot(np.reshape(x, (-1, x.shape[-1])), matrix)
    return np.reshape(rows, (*x.shape[:-1], matrix.shape[1]))


def sigmoid(x: Array) -> Array:
    """1 / (1 + exp(-x)), written with tanh so that it does not overflow."""
    return 0.5 * (np.tanh(0.5 * x) + 1.0)


def softplus(x: Array) -> Array:
    """log(1 + exp(x)), stable at both ends."""
    return np.logaddexp(0.0, x)


LAYERS: dict[str, Callable[..., tuple[Array, Arrays]]] = {
    "dense": _dense,
    "conv": _conv,
    "conv_transpose": _conv_transpose,
    "batch_norm": _batch_norm,
    "relu": _relu,
    "leaky_relu": _leaky_relu,
    "tanh": _tanh,
    "sigmoid": _sigmoid,
    "flatten": _flatten,
    "reshape": _reshape,
    "moments": _moments,
}
