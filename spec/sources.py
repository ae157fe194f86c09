"""Where a phase's draws come from: noise, an array of real samples, or a stream of them."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from spec.base import Model, Positive, Shape, Share, Size


def _rises(pair: tuple[float, float]) -> tuple[float, float]:
    if pair[0] >= pair[1]:
        raise ValueError("the first number must be below the second")
    return pair


Range = Annotated[tuple[float, float], AfterValidator(_rises)]


class NormalNoise(Model):
    """N(mean, std), fresh for every draw."""

    kind: Literal["normal"]
    mean: float
    std: Positive
    shape: Shape


class UniformNoise(Model):
    """U[low, high), fresh for every draw."""

    kind: Literal["uniform"]
    low: float
    high: float
    shape: Shape

    @model_validator(mode="after")
    def _rises(self) -> "UniformNoise":
        _rises((self.low, self.high))
        return self


class Digits(Model):
    """scikit-learn's 1,797 handwritten digits, resized bilinearly, with values in `range`."""

    kind: Literal["digits"]
    shape: Annotated[tuple[Size, Size, Size], Field()]
    interpolation: Literal["bilinear"]
    range: Range
    sampling: Literal["shuffled_epochs", "with_replacement"]
    count: Size | None = None
    """Number of samples, checked on loading."""
    sha256: str | None = None
    """Checksum of the float32 little-endian array, checked on loading."""


class Photos(Model):
    """Square patches of scikit-learn's two colour photographs, with values in `range`."""

    kind: Literal["photos"]
    shape: Annotated[tuple[Size, Size, Size], Field()]
    patch_stride: Size
    range: Range
    sampling: Literal["shuffled_epochs", "with_replacement"]
    count: Size | None = None
    """Number of samples, checked on loading."""
    sha256: str | None = None
    """Checksum of the float32 little-endian array, checked on loading."""


class GaussianStream(Model):
    """Rows of independent N(mean, std) numbers, fresh for every draw."""

    kind: Literal["gaussian_stream"]
    mean: float
    std: Positive
    shape: Shape
    sampling: Literal["stream"]
    sorted: bool = False
    """Each row's numbers in rising order, along the last axis."""


class Mask(Model):
    """1 with probability 1 - rate, else 0: what a dropout layer keeps; made for it, not written."""

    kind: Literal["mask"]
    rate: Share
    shape: Shape


Source = Annotated[
    NormalNoise | UniformNoise | Digits | Photos | GaussianStream, Field(discriminator="kind")
]
Drawn = NormalNoise | UniformNoise | Digits | Photos | GaussianStream | Mask
"""What an iteration draws: the sources of a file, and the masks of its dropout layers."""
ARRAYS = (Digits, Photos)
"""Sources that are a finite array, sampled by index."""
