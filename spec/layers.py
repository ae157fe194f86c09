"""The layer vocabulary: what each layer's output shape, parameters and multiply-adds are.

Shapes are those of one sample without the batch axis, images as (height, width, channels).
Kernels are canonical: dense (in, out); convolution and transposed convolution (height, width, in,
out). A transposed convolution is the gradient of a convolution with respect to its input, so its
kernel is used without a further flip: torch's `weight[i, o, a, b]` is `kernel[a, b, i, o]`.
"""

from math import prod
from typing import Annotated, Literal, NamedTuple

from pydantic import Field

from spec.base import Fraction, Model, Name, Positive, Shape, Size


class TorchUniform(Model):
    """U(-b, b), b = 1 / sqrt(fan_in), the rule of torch's dense and convolution layers.

    torch reads fan_in from axis 1 of its own weight layout, so a transposed convolution's fan_in
    is (output channels x kernel area).
    """

    kind: Literal["torch_uniform"]


class Normal(Model):
    """N(mean, std)."""

    kind: Literal["normal"]
    mean: float
    std: Annotated[float, Field(ge=0)]


class Constant(Model):
    """The same value everywhere."""

    kind: Literal["constant"]
    value: float


Initialiser = Annotated[TorchUniform | Normal | Constant, Field(discriminator="kind")]


class Parameter(NamedTuple):
    """Shape, initialiser and the fan_in that the initialiser may need."""

    shape: tuple[int, ...]
    init: TorchUniform | Normal | Constant
    fan_in: int


class ShapeError(ValueError):
    """A layer that cannot take the shape it is given."""


class Layer(Model):
    """What every layer answers; a layer without parameters only says its output shape."""

    name: Name | None = None

    def output_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """Shape of one output sample for an input sample of `shape`; ShapeError if it cannot be."""
        return shape

    def parameters(self, shape: tuple[int, ...]) -> dict[str, Parameter]:
        """Trainable arrays by canonical name."""
        return {}

    def statistics(self, shape: tuple[int, ...]) -> dict[str, Parameter]:
        """Running statistics by canonical name."""
        return {}

    def multiply_adds(self, shape: tuple[int, ...]) -> int:
        """Multiply-adds of one sample's forward pass; element-wise work is not counted."""
        return 0


class Dense(Layer):
    """y = x @ kernel + bias, on vectors."""

    kind: Literal["dense"]
    units: Size
    bias: bool
    kernel_init: Initialiser
    bias_init: Initialiser | None = None

    def output_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        if len(shape) != 1:
            raise ShapeError(f"dense takes a vector, not shape {list(shape)}; put a flatten before")
        return (self.units,)

    def parameters(self, shape: tuple[int, ...]) -> dict[str, Parameter]:
        kernel = Parameter((shape[0], self.units), self.kernel_init, shape[0])
        return {"kernel": kernel} | _bias(self, self.units, shape[0])

    def multiply_adds(self, shape: tuple[int, ...]) -> int:
        return shape[0] * self.units


class Convolution(Layer):
    """What conv and conv_transpose have in common: a square kernel on images."""

    filters: Size
    kernel: Size
    stride: Size
    padding: Annotated[int, Field(ge=0, le=2**15)]
    bias: bool
    kernel_init: Initialiser
    bias_init: Initialiser | None = None

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
        fan_in = area * (self.filters if isinstance(self, ConvTranspose) else shape[2])
        kernel = Parameter(
            (self.kernel, self.kernel, shape[2], self.filters), self.kernel_init, fan_in
        )
        return {"kernel": kernel} | _bias(self, self.filters, fan_in)


class Conv(Convolution):
    """Cross-correlation with explicit symmetric zero padding; output (n + 2p - k) // s + 1."""

    kind: Literal["conv"]

    def side(self, size: int) -> int:
        return (size + 2 * self.padding - self.kernel) // self.stride + 1

    def multiply_adds(self, shape: tuple[int, ...]) -> int:
        return prod(self.output_shape(shape)) * shape[2] * self.kernel**2


class ConvTranspose(Convolution):
    """The gradient of `conv` with respect to its input; output (n - 1) s - 2p + k."""

    kind: Literal["conv_transpose"]

    def side(self, size: int) -> int:
        return (size - 1) * self.stride - 2 * self.padding + self.kernel

    def multiply_adds(self, shape: tuple[int, ...]) -> int:
        return prod(shape) * self.filters * self.kernel**2


class BatchNorm(Layer):
    """Batch normalisation over all axes but the last (Ioffe and Szegedy 2015, algorithm 1).

    Normalises with the biased batch variance. The running value keeps `keep` of the old one; the
    running variance takes the unbiased batch variance, n / (n - 1) times the biased one.
    """

    kind: Literal["batch_norm"]
    epsilon: Positive
    keep: Fraction
    running_variance: Literal["unbiased"]
    scale_init: Initialiser
    bias_init: Initialiser

    def parameters(self, shape: tuple[int, ...]) -> dict[str, Parameter]:
        channels = (shape[-1],)
        return {
            "scale": Parameter(channels, self.scale_init, shape[-1]),
            "bias": Parameter(channels, self.bias_init, shape[-1]),
        }

    def statistics(self, shape: tuple[int, ...]) -> dict[str, Parameter]:
        zero, one = Constant(kind="constant", value=0.0), Constant(kind="constant", value=1.0)
        channels = (shape[-1],)
        return {"mean": Parameter(channels, zero, 0), "variance": Parameter(channels, one, 0)}


class Relu(Layer):
    """max(x, 0), with derivative 0 at 0."""

    kind: Literal["relu"]


class LeakyRelu(Layer):
    """x where x > 0, else slope * x."""

    kind: Literal["leaky_relu"]
    slope: Fraction


class Tanh(Layer):
    """Hyperbolic tangent."""

    kind: Literal["tanh"]


class Sigmoid(Layer):
    """1 / (1 + exp(-x))."""

    kind: Literal["sigmoid"]


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


AnyLayer = Annotated[
    Dense
    | Conv
    | ConvTranspose
    | BatchNorm
    | Relu
    | LeakyRelu
    | Tanh
    | Sigmoid
    | Flatten
    | Reshape
    | Moments,
    Field(discriminator="kind"),
]


def _bias(layer: Dense | Convolution, units: int, fan_in: int) -> dict[str, Parameter]:
    if not layer.bias:
        return {}
    if layer.bias_init is None:
        raise ShapeError("bias = true needs a bias_init")
    return {"bias": Parameter((units,), layer.bias_init, fan_in)}
