"""Functions of each number alone; and softmax, of the last axis."""

from typing import Annotated, Literal

from pydantic import Field

from spec.base import Fraction, Number, Positive
from spec.initialisers import Constant, Parameter
from spec.layer import Layer, ShapeError


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


class Elu(Layer):
    """x where x > 0, else alpha (exp(x) - 1) (Clevert et al. 2016, arXiv 1511.07289)."""

    kind: Literal["elu"]
    alpha: Positive


class Gelu(Layer):
    """x Phi(x), with erf, or its approximation by tanh (Hendrycks and Gimpel, arXiv 1606.08415)."""

    kind: Literal["gelu"]
    form: Literal["erf", "tanh"]


class Silu(Layer):
    """x / (1 + exp(-x)), also called swish (Elfwing et al. 2018, arXiv 1702.03118)."""

    kind: Literal["silu"]


class Softplus(Layer):
    """log(1 + exp(x))."""

    kind: Literal["softplus"]


class Softmax(Layer):
    """exp(x / temperature) along the last axis, divided by its sum there."""

    kind: Literal["softmax"]
    temperature: Positive


class Prelu(Layer):
    """x where x > 0, else slope * x, with a slope that is learned (arXiv 1502.01852)."""

    kind: Literal["prelu"]
    slopes: Literal["one", "by_channel"]
    """One for all numbers, or one for each of the last axis."""
    slope: Fraction
    """What they start with."""

    def parameters(self, shape: tuple[int, ...]) -> dict[str, Parameter]:
        start = Constant(kind="constant", value=self.slope)
        return {"slope": Parameter((1 if self.slopes == "one" else shape[-1],), start, 0)}


Numbers = Annotated[tuple[Number, ...], Field(min_length=1)]


class Scale(Layer):
    """factor * x + offset, with numbers that stay; a list has one for each of the last axis."""

    kind: Literal["scale"]
    factor: Number | Numbers
    offset: Number | Numbers

    def output_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        for name in ("factor", "offset"):
            given = getattr(self, name)
            if isinstance(given, tuple) and len(given) != shape[-1]:
                raise ShapeError(f"{len(given)} numbers in `{name}` for {shape[-1]} channels")
        return shape
