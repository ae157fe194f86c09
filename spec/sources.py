"""Where a phase's draws come from: noise, an array of real samples, or a stream of them."""

from typing import Annotated, Literal, NamedTuple

from pydantic import AfterValidator, Field, model_validator

from spec.base import EVERY_SIDE, Image, Model, Number, Positive, Says, Shape, Share, Size
from spec.errors import PlaceError


def _rises(pair: tuple[Number, Number]) -> tuple[Number, Number]:
    if pair[0] >= pair[1]:
        raise ValueError("the first number must be below the second")
    return pair


Range = Annotated[
    tuple[Number, Number],
    AfterValidator(_rises),
    Says("a list of two numbers, the lower one first"),
]


class NormalNoise(Model):
    """N(mean, std), fresh for every draw."""

    kind: Literal["normal"]
    mean: Number
    std: Positive
    shape: Shape


class UniformNoise(Model):
    """U[low, high), fresh for every draw."""

    kind: Literal["uniform"]
    low: Number
    high: Number
    shape: Shape

    @model_validator(mode="after")
    def _rises(self) -> "UniformNoise":
        if self.low >= self.high:
            raise PlaceError("low", f"given {self.low}; it must be below high, {self.high}")
        return self


class Digits(Model):
    """scikit-learn's 1,797 handwritten digits, resized bilinearly, with values in `range`."""

    kind: Literal["digits"]
    shape: Image
    """1 channel; the 8x8 digits are stretched where it is no square."""
    interpolation: Literal["bilinear"]
    range: Range
    sampling: Literal["shuffled_epochs", "with_replacement"]
    """All samples in a new order in each epoch, whose last batch may be smaller (it is left out
    where a phase repeats); or each sample drawn from all, where a batch may hold it twice."""
    count: Size | None = None
    """Number of samples, checked on loading."""
    sha256: str | None = None
    """Checksum of the float32 little-endian array, checked on loading."""

    @model_validator(mode="after")
    def _one_channel(self) -> "Digits":
        if self.shape[2] != 1:
            raise PlaceError("shape", f"given {list(self.shape)}; digits have 1 channel")
        return self


PHOTOGRAPH = (427, 640, 3)
"""Height, width and channels of each of the two."""


class Photos(Model):
    """Patches of scikit-learn's two colour photographs (427x640), with values in `range`."""

    kind: Literal["photos"]
    shape: Image
    """Of a patch: at most 427 and 640, always 3 channels."""
    patch_stride: Annotated[Size, EVERY_SIDE]
    """Pixels from one patch's corner to the next one's, in height and width."""
    range: Range
    sampling: Literal["shuffled_epochs", "with_replacement"]
    """All samples in a new order in each epoch, whose last batch may be smaller (it is left out
    where a phase repeats); or each sample drawn from all, where a batch may hold it twice."""
    count: Size | None = None
    """Number of samples, checked on loading."""
    sha256: str | None = None
    """Checksum of the float32 little-endian array, checked on loading."""

    @model_validator(mode="after")
    def _inside_a_photograph(self) -> "Photos":
        if any(side > whole for side, whole in zip(self.shape[:2], PHOTOGRAPH, strict=False)) or (
            self.shape[2] != PHOTOGRAPH[2]
        ):
            raise PlaceError(
                "shape",
                f"given {list(self.shape)}; photos gives patches of at most {list(PHOTOGRAPH)}, "
                "always with 3 channels",
            )
        return self


class GaussianStream(Model):
    """Rows of independent N(mean, std) numbers, fresh for every draw."""

    kind: Literal["gaussian_stream"]
    mean: Number
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


class Draw(NamedTuple):
    """What an iteration draws under one key: arrays (repeat, batch, *shape of the source)."""

    repeat: int
    """Once for each repetition of its phase; or once, for all phases that share it."""
    source: Drawn
    name: str
    """The source's; of a mask the dropout layer's."""
