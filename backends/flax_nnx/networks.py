"""Networks as NNX modules; each layer of the vocabulary is one entry in LAYERS.

Images are (n, height, width, channels), as in the spec. The modules are built abstractly
(`nnx.eval_shape`), for their graph alone: their arrays always come from the state.
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jax import Array, lax

from backends.flax_nnx import resampling
from spec import layers
from spec import network as networks
from spec.normalisation import Normalisation

PRECISION = lax.Precision.HIGHEST
_ZEROS = nnx.initializers.zeros_init()  # never used: import_state brings every number


class Network(nnx.Module):
    """The layers of a network in a row; inputs (n, *shape) by name -> outputs by name.

    In train mode with a mask (n, *shape) for each dropout layer, by name.
    """

    def __init__(self, network: networks.Network, dtype: Any) -> None:
        rows = network.named_layers()
        self.layers = nnx.List(
            [LAYERS[layer.kind](layer, shape, dtype) for _, layer, shape in rows]
        )
        # Strings and tuples are part of the graph, not of the state.
        self.names = tuple(name for name, _, _ in rows)
        self.wiring = tuple(network.wiring())
        self.kept = tuple(sorted(network.named_inputs()))
        self.heads = tuple(network.heads().items())

    def __call__(
        self, inputs: dict[str, Array], masks: dict[str, Array], *, train: bool
    ) -> dict[str, Array]:
        seen = dict(inputs)
        x = next(iter(inputs.values()))  # the only one, where the first layer names none
        for name, layer, sources in zip(self.names, self.layers, self.wiring, strict=True):
            given = [x if source is None else seen[source] for source in sources]
            if train and isinstance(layer, _Dropout | _ChannelDropout):
                given.append(masks[name])
            normalises = isinstance(layer, nnx.BatchNorm)
            x = layer(*given, use_running_average=not train) if normalises else layer(*given)
            if name in self.kept:
                seen[name] = x
        return {head: x if of is None else seen[of] for head, of in self.heads}


class _Biased(nnx.BatchNorm):
    """NNX's own, which keeps the biased variance."""

    def __call__(self, x: Array, *, use_running_average: bool) -> Array:
        y = super().__call__(x, use_running_average=use_running_average)
        # Running statistics are no path for gradients.
        self.var[...] = lax.stop_gradient(self.var[...])
        self.mean[...] = lax.stop_gradient(self.mean[...])
        return y


class _BatchNorm(_Biased):
    """Normalises with the biased variance, as NNX does, but keeps the unbiased one."""

    def __call__(self, x: Array, *, use_running_average: bool) -> Array:
        kept = self.momentum * self.var[...]
        y = super().__call__(x, use_running_average=use_running_average)
        if not use_running_average:
            n = x.size // x.shape[-1]
            # The share of the new value grows by n / (n - 1); no second reduction is needed.
            self.var[...] = kept + (self.var[...] - kept) * (n / (n - 1))
        return y


class _Function(nnx.Module):
    """A layer without arrays."""

    def __init__(self, function: Callable[..., Array]) -> None:
        self.function = function

    def __call__(self, *x: Array) -> Array:
        return self.function(*x)


class _Dropout(nnx.Module):
    """NNX's own draws its mask itself; this one is given it in train mode."""

    def __init__(self, rate: float) -> None:
        self.rate = rate

    def __call__(self, x: Array, mask: Array | None = None) -> Array:
        return x if mask is None else x * mask / (1.0 - self.rate)


class _ChannelDropout(nnx.Module):
    """The same with one number a channel; masks are (n, c)."""

    def __init__(self, rate: float) -> None:
        self.rate = rate

    def __call__(self, x: Array, mask: Array | None = None) -> Array:
        return x if mask is None else x * mask[:, None, None, :] / (1.0 - self.rate)


class _Prelu(nnx.Module):
    """NNX's own has one slope for all."""

    def __init__(self, slopes: int, dtype: Any) -> None:
        self.slope = nnx.Param(jnp.zeros((slopes,), dtype))

    def __call__(self, x: Array) -> Array:
        return jnp.where(x > 0, x, self.slope[...] * x)


def _dense(layer: layers.Dense, shape: tuple[int, ...], dtype: Any) -> nnx.Module:
    return nnx.Linear(
        shape[0],
        layer.units,
        use_bias=layer.bias,
        dtype=dtype,
        param_dtype=dtype,
        precision=PRECISION,
        kernel_init=_ZEROS,
        bias_init=_ZEROS,
        preferred_element_type=None,
        rngs=nnx.Rngs(0),
    )


def _conv(layer: layers.Conv, shape: tuple[int, ...], dtype: Any) -> nnx.Module:
    return nnx.Conv(
        shape[2],
        layer.filters,
        kernel_size=(layer.kernel, layer.kernel),
        strides=(layer.stride, layer.stride),
        padding=layer.sides,
        input_dilation=(1, 1),
        kernel_dilation=(1, 1),
        feature_group_count=1,
        use_bias=layer.bias,
        mask=None,
        dtype=dtype,
        param_dtype=dtype,
        precision=PRECISION,
        kernel_init=_ZEROS,
        bias_init=_ZEROS,
        preferred_element_type=None,
        rngs=nnx.Rngs(0),
    )


def _conv_transpose(layer: layers.ConvTranspose, shape: tuple[int, ...], dtype: Any) -> nnx.Module:
    # JAX pads the stretched input; transpose_kernel makes it the gradient of a convolution.
    edge = layer.kernel - 1
    sides = [(edge - near, edge - far + layer.output_padding) for near, far in layer.sides]
    return nnx.ConvTranspose(
        shape[2],
        layer.filters,
        kernel_size=(layer.kernel, layer.kernel),
        strides=(layer.stride, layer.stride),
        padding=sides,
        kernel_dilation=(1, 1),
        use_bias=layer.bias,
        mask=None,
        dtype=dtype,
        param_dtype=dtype,
        precision=PRECISION,
        kernel_init=_ZEROS,
        bias_init=_ZEROS,
        transpose_kernel=True,
        preferred_element_type=None,
        rngs=nnx.Rngs(0),
    )


def _batch_norm(layer: layers.BatchNorm, shape: tuple[int, ...], dtype: Any) -> nnx.Module:
    kind = _BatchNorm if layer.running_variance == "unbiased" else _Biased
    return kind(
        shape[-1],
        use_running_average=None,  # each call says it
        axis=-1,
        momentum=layer.keep,
        epsilon=layer.epsilon,
        dtype=dtype,
        param_dtype=dtype,
        use_bias=layer.affine,
        use_scale=layer.affine,
        bias_init=_ZEROS,
        scale_init=_ZEROS,
        axis_name=None,
        axis_index_groups=None,
        use_fast_variance=False,  # E[x^2] - E[x]^2 loses digits
        rngs=nnx.Rngs(0),
    )


def _groups(layer: Normalisation, groups: int, channels: int, dtype: Any) -> nnx.Module:
    return nnx.GroupNorm(
        channels,
        num_groups=groups,
        group_size=None,
        epsilon=layer.epsilon,
        dtype=dtype,
        param_dtype=dtype,
        use_bias=layer.affine,
        use_scale=layer.affine,
        bias_init=_ZEROS,
        scale_init=_ZEROS,
        reduction_axes=None,
        axis_name=None,
        axis_index_groups=None,
        use_fast_variance=False,
        rngs=nnx.Rngs(0),
    )


def _leaky_relu(layer: layers.LeakyRelu, shape: tuple[int, ...], dtype: Any) -> nnx.Module:
    # jax.nn.leaky_relu has the derivative 1 at 0; the spec has the slope there.
    return _Function(lambda x: jnp.where(x > 0, x, layer.slope * x))


def _embedding(layer: layers.Embedding, shape: tuple[int, ...], dtype: Any) -> nnx.Module:
    return nnx.Embed(
        layer.classes,
        layer.width,
        dtype=dtype,
        param_dtype=dtype,
        embedding_init=_ZEROS,
        rngs=nnx.Rngs(0),
    )


def _product(*x: Array) -> Array:
    """What has fewer axes than the first is repeated over pixels."""
    y = x[0]
    for factor in x[1:]:
        y = y * factor.reshape(len(factor), *[1] * (y.ndim - factor.ndim), *factor.shape[1:])
    return y


def _scale(layer: layers.Scale, shape: tuple[int, ...], dtype: Any) -> nnx.Module:
    factor, offset = (np.array(number, dtype) for number in (layer.factor, layer.offset))
    return _Function(lambda x: factor * x + offset)


def _prelu(layer: layers.Prelu, shape: tuple[int, ...], dtype: Any) -> nnx.Module:
    return _Prelu(1 if layer.slopes == "one" else shape[-1], dtype)


def _softmax(layer: layers.Softmax, shape: tuple[int, ...], dtype: Any) -> nnx.Module:
    return _Function(lambda x: jax.nn.softmax(x / layer.temperature, axis=-1))


def _gelu(layer: layers.Gelu, shape: tuple[int, ...], dtype: Any) -> nnx.Module:
    return _Function(lambda x: jax.nn.gelu(x, approximate=layer.form == "tanh"))


def _moments(layer: layers.Moments, shape: tuple[int, ...], dtype: Any) -> nnx.Module:
    def moments(x: Array) -> Array:
        mean = jnp.mean(x, axis=1, keepdims=True)
        variance = jnp.mean((x - mean) ** 2, axis=1, keepdims=True)
        return jnp.concatenate([mean, jnp.sqrt(variance + layer.epsilon)], axis=1)

    return _Function(moments)


def _resampling(
    function: Callable[[Any], Callable[[Array], Array]],
) -> Callable[[Any, tuple[int, ...], Any], nnx.Module]:
    return lambda layer, shape, dtype: _Function(function(layer))


LAYERS: dict[str, Callable[[Any, tuple[int, ...], Any], nnx.Module]] = {
    "dense": _dense,
    "conv": _conv,
    "conv_transpose": _conv_transpose,
    "batch_norm": _batch_norm,
    "layer_norm": lambda layer, shape, dtype: _groups(layer, 1, shape[-1], dtype),
    "instance_norm": lambda layer, shape, dtype: _groups(layer, shape[-1], shape[-1], dtype),
    "group_norm": lambda layer, shape, dtype: _groups(layer, layer.groups, shape[-1], dtype),
    "relu": lambda layer, shape, dtype: _Function(jax.nn.relu),
    "leaky_relu": _leaky_relu,
    "elu": lambda layer, shape, dtype: _Function(lambda x: jax.nn.elu(x, layer.alpha)),
    "gelu": _gelu,
    "tanh": lambda layer, shape, dtype: _Function(jnp.tanh),
    "sigmoid": lambda layer, shape, dtype: _Function(jax.nn.sigmoid),
    "silu": lambda layer, shape, dtype: _Function(jax.nn.silu),
    "softplus": lambda layer, shape, dtype: _Function(jax.nn.softplus),
    "softmax": _softmax,
    "prelu": _prelu,
    "scale": _scale,
    "flatten": lambda layer, shape, dtype: _Function(lambda x: x.reshape(x.shape[0], -1)),
    "reshape": lambda layer, shape, dtype: _Function(lambda x: x.reshape(x.shape[0], *layer.shape)),
    "moments": _moments,
    "dropout": lambda layer, shape, dtype: _Dropout(layer.rate),
    "channel_dropout": lambda layer, shape, dtype: _ChannelDropout(layer.rate),
    "embedding": _embedding,
    "add": lambda layer, shape, dtype: _Function(lambda *x: sum(x[1:], x[0])),
    "product": lambda layer, shape, dtype: _Function(_product),
    "concatenate": lambda layer, shape, dtype: _Function(lambda *x: jnp.concatenate(x, axis=-1)),
    **{kind: _resampling(function) for kind, function in resampling.LAYERS.items()},
}
