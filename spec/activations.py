"""Functions of each number alone."""

from typing import Literal

from spec.base import Fraction, Positive
from spec.layer import Layer


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
