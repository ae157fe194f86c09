"""Networks as Keras models; each layer of the vocabulary is one entry in LAYERS.

Images are (n, height, width, channels), as in the canonical layout. Python numbers meet tensors in
plain arithmetic only, which keeps float64: `ops.cast(0.2, "float64")` and Keras's own LeakyReLU go
through float32 on TensorFlow and are 1e-8 off.
"""

from collections.abc import Callable
from math import inf, pi, prod, sqrt
from typing import Any

import keras
import numpy as np
from keras import ops

from backends.keras3 import resampling
from spec import layers
from spec import network as networks
from spec.normalisation import Normalisation

Tensor = Any
"""A tensor of the engine."""


class Network(keras.Model):
    """The layers of a network in a row.

    The Keras layer that holds parameters has the canonical layer's name.
    """

    def __init__(self, network: networks.Network) -> None:
        taken = {
            name: keras.Input(
                shape, dtype="int32" if name in network.classes else keras.config.floatx()
            )
            for name, shape in network.taken.items()
        }
        self.ports, self.heads = list(taken), list(network.heads())
        seen, x = dict(taken), next(iter(taken.values()))
        for (name, layer, _), sources in zip(network.named_layers(), network.wiring(), strict=True):
            given = [x if source is None else seen[source] for source in sources]
            x = given[0] if len(given) == 1 else given
            for part in LAYERS[layer.kind](layer, name):
                x = part(x)
            seen[name] = x
        starts = [*taken.values()]
        ends = [x if of is None else seen[of] for of in network.heads().values()]
        super().__init__(inputs=_alone(starts), outputs=_alone(ends))
        self.drops = [self.get_layer(name) for name in network.masks()]

    def given(self, masks: dict[str, Tensor]) -> "Network":
        """Itself, with the masks (n, *shape) that its dropout layers are to use, by name."""
        for layer in self.drops:
            layer.mask = masks.get(layer.name)
        return self

    def through(self, inputs: dict[str, Tensor], *, training: bool) -> dict[str, Tensor]:
        """Outputs by name for inputs (n, *shape) by name."""
        made = self(_alone([inputs[name] for name in self.ports]), training=training)
        return dict(zip(self.heads, made if len(self.heads) > 1 else [made], strict=True))


def _alone(values: list[Tensor]) -> Any:
    """A list as Keras has it: one tensor is itself."""
    return values if len(values) > 1 else values[0]


class _BatchNorm(keras.layers.BatchNormalization):
    """Keras's, but the running variance takes the unbiased batch variance."""

    def call(self, inputs: Tensor, training: bool | None = None, mask: None = None) -> Tensor:
        kept = self.moving_variance.value * self.momentum
        outputs = super().call(inputs, training=training, mask=mask)
        if training:
            n = prod(inputs.shape[:-1])
            # Keras has just added its share of the biased one.
            added = self.moving_variance.value - kept
            self.moving_variance.assign(kept + added * (n / (n - 1)))
        return outputs


class _LeakyRelu(keras.layers.Layer):
    """x where x > 0, else slope * x."""

    def __init__(self, slope: float, **options: Any) -> None:
        super().__init__(**options)
        self.slope = slope

    def call(self, x: Tensor) -> Tensor:
        return ops.where(x > 0, x, self.slope * x)


class _Prelu(keras.layers.Layer):
    """x where x > 0, else slope * x; Keras's own goes through relu(-x), which is another sum."""

    def __init__(self, by_channel: bool, **options: Any) -> None:
        super().__init__(**options)
        self.by_channel = by_channel

    def build(self, shape: tuple[int, ...]) -> None:
        slopes = shape[-1] if self.by_channel else 1
        self.slope = self.add_weight(name="slope", shape=(slopes,), initializer="zeros")

    def call(self, x: Tensor) -> Tensor:
        return ops.where(x > 0, x, self.slope * x)


class _Embedding(keras.layers.Layer):
    """Rows of a table. Keras's own has sparse gradients on TensorFlow, which its optimizers take
    otherwise: Adam moves rows without a gradient too."""

    def __init__(self, classes: int, width: int, **options: Any) -> None:
        super().__init__(**options)
        self.classes = classes
        self.table = self.add_weight(name="table", shape=(classes, width), initializer="zeros")

    def call(self, x: Tensor) -> Tensor:
        return ops.matmul(ops.one_hot(x, self.classes, dtype=self.compute_dtype), self.table)


class _Function(keras.layers.Layer):
    """A layer without arrays."""

    def __init__(self, function: Callable[[Tensor], Tensor], **options: Any) -> None:
        super().__init__(**options)
        self.function = function

    def call(self, x: Tensor) -> Tensor:
        return self.function(x)


class _Moments(keras.layers.Layer):
    """(n, features) -> (n, 2): mean and population standard deviation."""

    def __init__(self, epsilon: float, **options: Any) -> None:
        super().__init__(**options)
        self.epsilon = epsilon

    def call(self, x: Tensor) -> Tensor:
        mean = ops.mean(x, axis=1, keepdims=True)
        variance = ops.mean((x - mean) ** 2, axis=1, keepdims=True)
        return ops.concatenate([mean, ops.sqrt(variance + self.epsilon)], axis=1)


class _Dropout(keras.layers.Layer):
    """Keras's own draws its mask itself; this one has been given it where it is trained."""

    def __init__(self, rate: float, **options: Any) -> None:
        super().__init__(**options)
        self.rate = rate
        self.mask: Tensor = None

    def call(self, x: Tensor, training: bool | None = None) -> Tensor:
        return x * self.mask / (1.0 - self.rate) if training else x


class _ChannelDropout(_Dropout):
    """The same with one number a channel; masks are (n, c)."""

    def call(self, x: Tensor, training: bool | None = None) -> Tensor:
        return x * self.mask[:, None, None, :] / (1.0 - self.rate) if training else x


class _Product(keras.layers.Layer):
    """The product of its inputs; what has fewer axes than the first is repeated over pixels."""

    def call(self, x: list[Tensor]) -> Tensor:
        y = x[0]
        for factor in x[1:]:
            ones = [1] * (len(y.shape) - len(factor.shape))
            y = y * ops.reshape(factor, (-1, *ones, *factor.shape[1:]))
        return y


def _dense(layer: layers.Dense, name: str) -> list[keras.Layer]:
    return [keras.layers.Dense(layer.units, use_bias=layer.bias, **_linear(name))]


def _conv(layer: layers.Conv, name: str) -> list[keras.Layer]:
    padding = keras.layers.ZeroPadding2D(layer.sides, **_image(f"{name}_padding"))
    convolution = keras.layers.Conv2D(
        layer.filters,
        layer.kernel,
        strides=layer.stride,
        padding="valid",
        dilation_rate=1,
        groups=1,
        use_bias=layer.bias,
        data_format="channels_last",
        **_linear(name),
    )
    return [padding, convolution] if any(map(any, layer.sides)) else [convolution]


def _conv_transpose(layer: layers.ConvTranspose, name: str) -> list[keras.Layer]:
    convolution = keras.layers.Conv2DTranspose(
        layer.filters,
        layer.kernel,
        strides=layer.stride,
        padding="valid",
        output_padding=None,
        dilation_rate=1,
        use_bias=layer.bias,
        data_format="channels_last",
        **_linear(name),
    )
    # Where strides leave gaps between kernels, Keras ends with one gap more than the spec.
    more = max(layer.stride - layer.kernel, 0) - layer.output_padding
    sides = [(near, far + more) for near, far in layer.sides]
    growth = [1 if far < 0 else 0 for _, far in sides]
    before = []
    if any(growth):  # more is wanted than there is: one more row of zeros gives a stride's worth
        added = [(0, rows) for rows in growth]
        before = [keras.layers.ZeroPadding2D(added, **_image(f"{name}_growth"))]
    cut = [(near, far + n * layer.stride) for (near, far), n in zip(sides, growth, strict=True)]
    crop = keras.layers.Cropping2D(cut, **_image(f"{name}_crop"))
    return [*before, convolution, *([crop] if any(map(any, cut)) else [])]


def _batch_norm(layer: layers.BatchNorm, name: str) -> list[keras.Layer]:
    kind = _BatchNorm if layer.running_variance == "unbiased" else keras.layers.BatchNormalization
    return [
        kind(
            axis=-1,
            momentum=layer.keep,
            epsilon=layer.epsilon,
            center=layer.affine,
            scale=layer.affine,
            beta_initializer="zeros",
            gamma_initializer="ones",
            moving_mean_initializer="zeros",
            moving_variance_initializer="ones",
            beta_regularizer=None,
            gamma_regularizer=None,
            beta_constraint=None,
            gamma_constraint=None,
            renorm=False,
            synchronized=False,
            **_options(name),
        )
    ]


def _groups(layer: Normalisation, groups: int, name: str) -> list[keras.Layer]:
    return [
        keras.layers.GroupNormalization(
            groups=groups,
            axis=-1,
            epsilon=layer.epsilon,
            center=layer.affine,
            scale=layer.affine,
            beta_initializer="zeros",
            gamma_initializer="ones",
            beta_regularizer=None,
            gamma_regularizer=None,
            beta_constraint=None,
            gamma_constraint=None,
            **_options(name),
        )
    ]


def _relu(layer: layers.Relu, name: str) -> list[keras.Layer]:
    return [keras.layers.ReLU(max_value=None, negative_slope=0.0, threshold=0.0, **_options(name))]


def _elu(layer: layers.Elu, name: str) -> list[keras.Layer]:
    # The exponential of a large number would overflow in the branch that is not taken.
    def elu(x: Tensor) -> Tensor:
        return ops.where(x > 0, x, layer.alpha * ops.expm1(ops.where(x > 0, 0.0 * x, x)))

    return [_Function(elu, **_options(name))]


def _gelu(layer: layers.Gelu, name: str) -> list[keras.Layer]:
    def by_erf(x: Tensor) -> Tensor:
        return 0.5 * x * (1.0 + ops.erf(x / sqrt(2.0)))

    def by_tanh(x: Tensor) -> Tensor:
        return 0.5 * x * (1.0 + ops.tanh(sqrt(2.0 / pi) * (x + 0.044715 * x**3)))

    return [_Function(by_erf if layer.form == "erf" else by_tanh, **_options(name))]


def _upsample(layer: layers.Upsample, name: str) -> list[keras.Layer]:
    options = _image(name)
    if layer.interpolation == "bilinear":
        return _function("upsample")(layer, name)
    return [keras.layers.UpSampling2D(layer.factor, interpolation="nearest", **options)]


def _average_pool(layer: layers.AveragePool, name: str) -> list[keras.Layer]:
    options = _image(name)
    size = layer.size
    return [keras.layers.AveragePooling2D(size, strides=size, padding="valid", **options)]


def _max_pool(layer: layers.MaxPool, name: str) -> list[keras.Layer]:
    pool = keras.layers.MaxPooling2D(
        layer.size, strides=layer.stride, padding="valid", **_image(name)
    )
    if not layer.padding:
        return [pool]
    p = layer.padding

    def pad(x: Tensor) -> Tensor:
        return ops.pad(x, ((0, 0), (p, p), (p, p), (0, 0)), constant_values=-inf)

    return [_Function(pad, **_options(f"{name}_padding")), pool]


def _softmax(layer: layers.Softmax, name: str) -> list[keras.Layer]:
    def softmax(x: Tensor) -> Tensor:
        return ops.softmax(x / layer.temperature, axis=-1)

    return [_Function(softmax, **_options(name))]


def _scale(layer: layers.Scale, name: str) -> list[keras.Layer]:
    def scale(x: Tensor) -> Tensor:
        factor, offset = (_number(n, x) for n in (layer.factor, layer.offset))
        return factor * x + offset

    return [_Function(scale, **_options(name))]


def _number(number: float | tuple[float, ...], like: Tensor) -> Tensor:
    """A Python number as it is; a list as a tensor, from NumPy, which keeps float64."""
    if isinstance(number, float):
        return number
    return ops.convert_to_tensor(np.array(number), dtype=like.dtype)


def _function(kind: str) -> Callable[[Any, str], list[keras.Layer]]:
    return lambda layer, name: [_Function(resampling.FUNCTIONS[kind](layer), **_options(name))]


def _options(name: str) -> dict[str, Any]:
    return {"name": name, "dtype": keras.config.floatx()}


def _image(name: str) -> dict[str, Any]:
    return {"data_format": "channels_last", **_options(name)}


def _linear(name: str) -> dict[str, Any]:
    """What a layer with a kernel does not do; its first values come from the imported state."""
    parts = [
        "kernel_regularizer",
        "bias_regularizer",
        "activity_regularizer",
        "kernel_constraint",
        "bias_constraint",
        "activation",
    ]
    initial = {"kernel_initializer": "zeros", "bias_initializer": "zeros"}
    return dict.fromkeys(parts) | initial | _options(name)


LAYERS: dict[str, Callable[[Any, str], list[keras.Layer]]] = {
    "dense": _dense,
    "conv": _conv,
    "conv_transpose": _conv_transpose,
    "batch_norm": _batch_norm,
    "layer_norm": lambda layer, name: _groups(layer, 1, name),
    "instance_norm": lambda layer, name: _groups(layer, -1, name),
    "group_norm": lambda layer, name: _groups(layer, layer.groups, name),
    "relu": _relu,
    "leaky_relu": lambda layer, name: [_LeakyRelu(layer.slope, **_options(name))],
    "elu": _elu,
    "gelu": _gelu,
    "tanh": lambda layer, name: [keras.layers.Activation("tanh", **_options(name))],
    "sigmoid": lambda layer, name: [keras.layers.Activation("sigmoid", **_options(name))],
    "silu": lambda layer, name: [_Function(ops.silu, **_options(name))],
    "softplus": lambda layer, name: [_Function(ops.softplus, **_options(name))],
    "softmax": _softmax,
    "prelu": lambda layer, name: [_Prelu(layer.slopes == "by_channel", **_options(name))],
    "scale": _scale,
    "flatten": lambda layer, name: [keras.layers.Flatten(**_image(name))],
    "reshape": lambda layer, name: [keras.layers.Reshape(layer.shape, **_options(name))],
    "upsample": _upsample,
    "average_pool": _average_pool,
    "max_pool": _max_pool,
    "pad": _function("pad"),
    "pixel_shuffle": _function("pixel_shuffle"),
    "moments": lambda layer, name: [_Moments(layer.epsilon, **_options(name))],
    "dropout": lambda layer, name: [_Dropout(layer.rate, **_options(name))],
    "channel_dropout": lambda layer, name: [_ChannelDropout(layer.rate, **_options(name))],
    "embedding": lambda layer, name: [_Embedding(layer.classes, layer.width, **_options(name))],
    "add": lambda layer, name: [keras.layers.Add(**_options(name))],
    "product": lambda layer, name: [_Product(**_options(name))],
    "concatenate": lambda layer, name: [keras.layers.Concatenate(axis=-1, **_options(name))],
}
