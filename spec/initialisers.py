"""How parameters start: rules by name, each with its formula, never a framework's default."""

from typing import Annotated, Literal, NamedTuple

from pydantic import Field

from spec.base import Model, NotNegative, Number, Why


class TorchUniform(Model):
    """U(-b, b), b = 1 / sqrt(fan_in), the rule of torch's dense and convolution layers.

    torch reads fan_in from axis 1 of its own weight layout, so a transposed convolution's fan_in
    is (output channels x kernel area). A bias with it has the fan_in of its layer's kernel.
    """

    kind: Literal["torch_uniform"]


class Normal(Model):
    """N(mean, std)."""

    kind: Literal["normal"]
    mean: Number
    std: NotNegative


class Constant(Model):
    """The same value everywhere."""

    kind: Literal["constant"]
    value: Number


class Scaled(Model):
    """Rules for kernels, of mean zero: Glorot and Bengio 2010, He et al. 2015, LeCun et al. 1998.

    The variance is 2 / (fan_in + fan_out) for glorot, 2 / fan_in for he and 1 / fan_in for lecun.
    `normal` is not truncated; `uniform` is U(-b, b) with b = sqrt(3 variance). fan_in and fan_out
    are a kernel's input and output channels times its area, of a transposed convolution too. Biases
    and scales are vectors and have no fans.
    """

    kind: Literal["glorot", "he", "lecun"]
    distribution: Literal["normal", "uniform"]

    def variance(self, fan_in: int, fan_out: int) -> float:
        """Variance of each number."""
        if self.kind == "glorot":
            return 2.0 / (fan_in + fan_out)
        return (2.0 if self.kind == "he" else 1.0) / fan_in


Initialiser = Annotated[TorchUniform | Normal | Constant | Scaled, Field(discriminator="kind")]
BiasInitialiser = Annotated[
    TorchUniform | Normal | Constant,
    Field(discriminator="kind"),
    Why("glorot, he and lecun are rules for kernels: a vector has no fans"),
]
VectorInitialiser = Annotated[
    Normal | Constant,
    Field(discriminator="kind"),
    Why("the other rules divide by fans, which a normalisation does not have"),
]


TableInitialiser = Annotated[
    Normal | Constant,
    Field(discriminator="kind"),
    Why("the other rules divide by fans, which a table of rows does not have"),
]


class Parameter(NamedTuple):
    """Shape, initialiser, and the fans that the initialiser may need."""

    shape: tuple[int, ...]
    init: TorchUniform | Normal | Constant | Scaled
    torch_fan: int
    """What torch's rule divides by: fan_in, but of a transposed convolution its fan_out."""
    fans: tuple[int, int] = (1, 1)
    """(fan_in, fan_out)"""
