"""The layer vocabulary: what each layer's output shape, parameters and multiply-adds are.

Shapes are those of one sample without the batch axis, images as (height, width, channels).
Kernels are canonical: dense (in, out); convolution and transposed convolution (height, width, in,
out). A transposed convolution is the gradient of a convolution with respect to its input, so its
kernel is used without a further flip: torch's `weight[i, o, a, b]` is `kernel[a, b, i, o]`.
"""

from math import prod
from typing import Annotated, Literal

from pydantic import Field, model_validator

from spec.activations import Elu, Gelu, LeakyRelu, Relu, Sigmoid, Silu, Softplus, Tanh
from spec.base import EVERY_SIDE, Classes, Positive, Shape, Share, Size
from spec.errors import PlaceError
from spec.initialisers import BiasInitialiser, Initialiser, Parameter, TableInitialiser
from spec.layer import Layer, ShapeError
from spec.normalisation import BatchNorm, GroupNorm, InstanceNorm, LayerNorm


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


class Convolution(Layer):
    """What conv and conv_transpose have in common: a square kernel on images."""

    filters: Size
    kernel: Annotated[Size, EVERY_SIDE]
    stride: Annotated[Size, EVERY_SIDE]
    padding: Annotated[int, Field(ge=0, le=2**15), EVERY_SIDE]
    bias: bool
    kernel_init: Initialiser
    bias_init: BiasInitialiser | None = None
    """With bias = true, and only then."""

    @model_validator(mode="after")
    def _bias_fits(self) -> "Convolution":
        _require_bias_init(self)
        return self

    def side(self, size: int) -> int:
        """Output height or width for an input height or width."""
        raise TypeError(f"{type(self).__name__} is not a layer")

    def output_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        if len(shape) != 3:
            raise ShapeError(f"a convolution takes (height, width, channels), not {list(shape)}")
        height, width = self.side(shape[0]), self.side(shape[1])
        if height < 1 or width < 1:
            raise ShapeError(
                f"kernel {self.kernel}, stride {self.stride}, padding {self.padding} leave nothing "
                f"of an input of shape {list(shape)}"
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
    """Cross-correlation with explicit symmetric zero padding; output (n + 2p - k) // s + 1."""

    kind: Literal["conv"]

    def side(self, size: int) -> int:
        return (size + 2 * self.padding - self.kernel) // self.stride + 1

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

    def side(self, size: int) -> int:
        return (size - 1) * self.stride - 2 * self.padding + self.kernel + self.output_padding

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


class Upsample(Layer):
    """Each pixel repeated `factor` times in height and width (nearest neighbour)."""

    kind: Literal["upsample"]
    factor: Annotated[int, Field(ge=2, le=64), EVERY_SIDE]

    def output_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        if len(shape) != 3:
            raise ShapeError(f"upsample takes (height, width, channels), not {list(shape)}")
        return (shape[0] * self.factor, shape[1] * self.factor, shape[2])


class AveragePool(Layer):
    """Means of squares of `size` pixels beside each other; what is left over is dropped."""

    kind: Literal["average_pool"]
    size: Annotated[int, Field(ge=2, le=2**15), EVERY_SIDE]

    def output_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        if len(shape) != 3:
            raise ShapeError(f"average_pool takes (height, width, channels), not {list(shape)}")
        if min(shape[:2]) < self.size:
            raise ShapeError(f"squares of {self.size} pixels are larger than {list(shape)}")
        return (shape[0] // self.size, shape[1] // self.size, shape[2])


class Dropout(Layer):
    """x mask / (1 - rate) in train mode, x in eval mode (Srivastava et al. 2014, inverted scaling).

    The mask is drawn like noise, fresh for every forward pass in train mode: 0 with probability
    rate, else 1.
    """

    kind: Literal["dropout"]
    rate: Share


class Embedding(Layer):
    """Row i of a table (classes, width) for the whole number i, an input of the network."""

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


class Add(Layer):
    """The sum of its inputs, all of one shape."""

    kind: Literal["add"]

    def joined_shape(self, shapes: list[tuple[int, ...]]) -> tuple[int, ...]:
        if len(shapes) < 2:
            raise ShapeError("add takes two inputs or more; name them in `inputs`")
        if len(set(shapes)) > 1:
            raise ShapeError(f"add takes inputs of one shape, not {_shown(shapes)}")
        return shapes[0]


class Concatenate(Layer):
    """Its inputs beside each other along the last axis, in the order given; see `add`."""

    kind: Literal["concatenate"]

    def joined_shape(self, shapes: list[tuple[int, ...]]) -> tuple[int, ...]:
        if len(shapes) < 2:
            raise ShapeError("concatenate takes two inputs or more; name them in `inputs`")
        if len({shape[:-1] for shape in shapes}) > 1:
            raise ShapeError(
                f"concatenate takes inputs that differ in the last number only, not "
                f"{_shown(shapes)}"
            )
        return (*shapes[0][:-1], sum(shape[-1] for shape in shapes))


def _shown(shapes: list[tuple[int, ...]]) -> str:
    return " and ".join(str(list(shape)) for shape in shapes)


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
    | Flatten
    | Reshape
    | Upsample
    | AveragePool
    | Moments
    | Dropout
    | Embedding
    | Add
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
