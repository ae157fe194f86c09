"""The layer vocabulary: what each layer's output shape, parameters and multiply-adds are.

Shapes are those of one sample without the batch axis, images as (height, width, channels).
Kernels are canonical: dense (in, out); convolution and transposed convolution (height, width, in,
out). A transposed convolution is the gradient of a convolution with respect to its input, so its
kernel is used without a further flip: torch's `weight[i, o, a, b]` is `kernel[a, b, i, o]`.
"""

from math import prod
from typing import Annotated, Literal

from pydantic import Field, model_validator

from spec.activations import (
    Elu,
    Gelu,
    LeakyRelu,
    Prelu,
    Relu,
    Scale,
    Sigmoid,
    Silu,
    Softmax,
    Softplus,
    Tanh,
)
from spec.base import EVERY_SIDE, Classes, Positive, Says, Shape, Share, Size
from spec.errors import PlaceError
from spec.initialisers import BiasInitialiser, Initialiser, Parameter, TableInitialiser
from spec.joining import Add, Concatenate, Product
from spec.layer import Layer, ShapeError
from spec.normalisation import BatchNorm, GroupNorm, InstanceNorm, LayerNorm
from spec.resampling import (
    AveragePool,
    MaxPool,
    Pad,
    PixelShuffle,
    Upsample,
    image,
)


class Dense(Layer):
    """y = x @ kernel + bias, on vectors."""

    kind: Literal["dense"]
    units: Size
    bias: bool
    kernel_init: Initialiser
    bias_init: BiasInitialiser | None = None
    """With bias = true, and only then."""

    @model_validator(mode="after")
    def _bias_fits(self) -> "Dense":
        _require_bias_init(self)
        return self

    def output_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        if len(shape) != 1:
            raise ShapeError(f"dense takes a vector, not shape {list(shape)}; put a flatten before")
        return (self.units,)

    def parameters(self, shape: tuple[int, ...]) -> dict[str, Parameter]:
        fans = (shape[0], self.units)
        kernel = Parameter(fans, self.kernel_init, shape[0], fans)
        return {"kernel": kernel} | _bias(self, self.units, shape[0])

    def multiply_adds(self, shape: tuple[int, ...]) -> int:
        return shape[0] * self.units


Around = Annotated[int, Field(ge=0, le=2**15)]
Padding = Annotated[
    Around | tuple[Around, Around, Around, Around],
    Says("a whole number, or a list of four: top, bottom, left, right"),
]


class Convolution(Layer):
    """What conv and conv_transpose have in common: a square kernel on images."""

    filters: Size
    kernel: Annotated[Size, EVERY_SIDE]
    stride: Annotated[Size, EVERY_SIDE]
    padding: Padding
    """All around, or a list by side: top, bottom, left, right."""
    bias: bool
    kernel_init: Initialiser
    bias_init: BiasInitialiser | None = None
    """With bias = true, and only then."""

    @model_validator(mode="after")
    def _bias_fits(self) -> "Convolution":
        _require_bias_init(self)
        return self

    @property
    def sides(self) -> tuple[tuple[int, int], tuple[int, int]]:
        """Padding as ((top, bottom), (left, right))."""
        if isinstance(self.padding, int):
            return ((self.padding, self.padding),) * 2
        top, bottom, left, right = self.padding
        return (top, bottom), (left, right)

    def side(self, size: int, padding: tuple[int, int]) -> int:
        """Output height or width for an input height or width, padded so before and behind."""
        raise TypeError(f"{type(self).__name__} is not a layer")

    def size(self, height: int, width: int) -> tuple[int, int]:
        """Output height and width."""
        rows, columns = self.sides
        return self.side(height, rows), self.side(width, columns)

    def output_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        if len(shape) != 3:
            raise ShapeError(f"a convolution takes (height, width, channels), not {list(shape)}")
        height, width = self.size(*shape[:2])
        if height < 1 or width < 1:
            raise ShapeError(
                f"kernel {self.kernel}, stride {self.stride}, padding {_padding(self)} leave "
                f"nothing of an input of shape {list(shape)}"
            )
        return (height, width, self.filters)

    def parameters(self, shape: tuple[int, ...]) -> dict[str, Parameter]:
        area = self.kernel**2
        torch_fan = area * (self.filters if isinstance(self, ConvTranspose) else shape[2])
        kernel = Parameter(
            (self.kernel, self.kernel, shape[2], self.filters),
            self.kernel_init,
            torch_fan,
            (area * shape[2], area * self.filters),
        )
        return {"kernel": kernel} | _bias(self, self.filters, torch_fan)


class Conv(Convolution):
    """Cross-correlation with explicit zero padding; output (n + 2p - k) // s + 1.

    Where padding is by side, 2p is the sum of both.
    """

    kind: Literal["conv"]

    def side(self, size: int, padding: tuple[int, int]) -> int:
        return (size + sum(padding) - self.kernel) // self.stride + 1

    def multiply_adds(self, shape: tuple[int, ...]) -> int:
        return prod(self.output_shape(shape)) * shape[2] * self.kernel**2


class ConvTranspose(Convolution):
    """The gradient of `conv` with respect to its input; output (n - 1) s - 2p + k + o.

    The output padding o gives further rows and columns at the far side: a convolution maps several
    sizes to one, and o says to which of them this goes back.
    """

    kind: Literal["conv_transpose"]
    output_padding: Annotated[int, Field(ge=0, le=2**15), EVERY_SIDE] = 0

    @model_validator(mode="after")
    def _below_stride(self) -> "ConvTranspose":
        if self.output_padding >= self.stride:
            raise PlaceError(
                "output_padding",
                f"given {self.output_padding}; it must be below the stride, {self.stride}",
            )
        return self

    def side(self, size: int, padding: tuple[int, int]) -> int:
        return (size - 1) * self.stride - sum(padding) + self.kernel + self.output_padding

    def multiply_adds(self, shape: tuple[int, ...]) -> int:
        return prod(shape) * self.filters * self.kernel**2


class Flatten(Layer):
    """All axes into one, in the canonical order (height, width, channels)."""

    kind: Literal["flatten"]

    def output_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        return (prod(shape),)


class Reshape(Layer):
    """The same elements in the canonical order, in another shape."""

    kind: Literal["reshape"]
    shape: Shape

    def output_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        if prod(shape) != prod(self.shape):
            raise ShapeError(
                f"{list(self.shape)} has {prod(self.shape)} elements, but the layer before gives "
                f"{list(shape)}, which has {prod(shape)}"
            )
        return self.shape


class Moments(Layer):
    """(mean, population standard deviation sqrt(variance + epsilon)) of each vector."""

    kind: Literal["moments"]
    epsilon: Positive

    def output_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        if len(shape) != 1:
            raise ShapeError(f"moments takes a vector, not shape {list(shape)}")
        return (2,)


class Dropout(Layer):
    """x mask / (1 - rate) in train mode, x in eval mode (Srivastava et al. 2014, inverted scaling).

    The mask is drawn like noise, fresh for every forward pass in train mode: 0 with probability
    rate, else 1.
    """

    kind: Literal["dropout"]
    rate: Share

    def mask_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """Of the mask of one sample: a number of its own for each."""
        return shape


class ChannelDropout(Layer):
    """As `dropout`, with one number of the mask for each channel of an image (arXiv 1411.4280)."""

    kind: Literal["channel_dropout"]
    rate: Share

    def output_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        return image("channel_dropout", shape)

    def mask_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """Of the mask of one sample: (channels,)."""
        return shape[-1:]


class Embedding(Layer):
    """Row i of a table (classes, width) for the whole number i, an input of the network.

    A dense layer on [z, one_hot(label)], the label as 0s and 1s, is a dense layer on z plus an
    embedding as wide as that layer has units. The table is the part of the kernel that the 0s and
    1s would meet. Only the starting numbers need care: rules with a fan would take the fan_in of z
    alone, and a table takes none of them. Write `normal` in both, with the fan_in of the whole,
    here 16 + 10. Its std is sqrt(2 / fan_in) for he, as here, sqrt(1 / fan_in) for lecun,
    sqrt(2 / (fan_in + units)) for glorot, and sqrt(1 / (3 fan_in)) for torch_uniform, of the bias
    too. Rules that are uniform become normal by this: say so in `[provenance]`.
    """

    kind: Literal["embedding"]
    classes: Classes
    width: Size
    table_init: TableInitialiser

    def output_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        if shape != ():
            raise ShapeError(f"embedding takes a whole number, not shape {list(shape)}")
        return (self.width,)

    def parameters(self, shape: tuple[int, ...]) -> dict[str, Parameter]:
        return {"table": Parameter((self.classes, self.width), self.table_init, 0)}


AnyLayer = Annotated[
    Dense
    | Conv
    | ConvTranspose
    | BatchNorm
    | LayerNorm
    | InstanceNorm
    | GroupNorm
    | Relu
    | LeakyRelu
    | Elu
    | Gelu
    | Tanh
    | Sigmoid
    | Silu
    | Softplus
    | Softmax
    | Prelu
    | Scale
    | Flatten
    | Reshape
    | Pad
    | Upsample
    | AveragePool
    | MaxPool
    | PixelShuffle
    | Moments
    | Dropout
    | ChannelDropout
    | Embedding
    | Add
    | Product
    | Concatenate,
    Field(discriminator="kind"),
]


def _bias(layer: Dense | Convolution, units: int, torch_fan: int) -> dict[str, Parameter]:
    if layer.bias_init is None:
        return {}
    return {"bias": Parameter((units,), layer.bias_init, torch_fan)}


def _require_bias_init(layer: Dense | Convolution) -> None:
    if layer.bias and layer.bias_init is None:
        message = "missing; bias = true needs a bias_init: torch_uniform, normal or constant"
        raise PlaceError("bias_init", message)
    if not layer.bias and layer.bias_init is not None:
        raise PlaceError("bias_init", "given with bias = false; leave it out, or take bias = true")


def _padding(layer: Convolution) -> str:
    return str(layer.padding if isinstance(layer.padding, int) else list(layer.padding))
