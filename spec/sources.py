"""Where a phase's draws come from: noise, an array of real samples, or a stream of them."""

from typing import Annotated, Any, Literal, NamedTuple

from pydantic import AfterValidator, Field, model_validator

from spec.base import (
    EVERY_SIDE,
    Classes,
    Image,
    Model,
    Name,
    Number,
    Positive,
    Says,
    Shape,
    Share,
    Size,
)
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


DIGITS = 10
"""Classes of handwritten digits."""


class ClassPart(Model):
    """What a digit shows: a whole number from 0 to 9. Of digits only."""

    kind: Literal["class"]


class Grey(Model):
    """The image in one channel: 0.299 red + 0.587 green + 0.114 blue (ITU-R BT.601).

    Of images with 3 channels only (photos).
    """

    kind: Literal["grey"]


class Edges(Model):
    """How steep the grey image is, in one channel: the root of dx^2 + dy^2, cut at 1.

    dx and dy are half the difference of the two neighbours, edges repeated, of values from 0 to 1.
    Of images with 3 channels only (photos).
    """

    kind: Literal["edges"]


class Blurred(Model):
    """The mean over a square of 2 `reach` + 1 pixels around each, edges repeated."""

    kind: Literal["blurred"]
    reach: Annotated[int, Field(ge=1, le=15)]


class HalfSize(Model):
    """Half as high and as wide: each pixel is the mean of four. Height and width must be even.

    There is no part with another factor. A network of one `average_pool` layer, which has no
    parameters, makes it in a phase: a forward with mode = "eval" and detach = true.
    """

    kind: Literal["half_size"]


Derived = Grey | Edges | Blurred | HalfSize
Part = Annotated[ClassPart | Derived, Field(discriminator="kind")]
DigitParts = Annotated[
    dict[Name, Part],
    Says("a table of names, each a table with a kind (class, blurred, half_size) and its fields"),
]
PhotoParts = Annotated[
    dict[Name, Part],
    Says(
        "a table of names, each a table with a kind (grey, edges, blurred, half_size) and its "
        "fields"
    ),
]


def part_shape(part: ClassPart | Derived, shape: tuple[int, ...]) -> tuple[int, ...]:
    """Shape of one sample's part; PlaceError where an image has none such."""
    match part:
        case ClassPart():
            return ()
        case Blurred():
            return shape
        case HalfSize():
            if shape[0] % 2 or shape[1] % 2:
                raise PlaceError(
                    "kind", f"given half_size of {list(shape)}; both sides must be even"
                )
            return (shape[0] // 2, shape[1] // 2, shape[2])
    if shape[2] != 3:
        raise PlaceError("kind", f"given {part.kind} of {list(shape)}; it takes 3 channels")
    return (*shape[:2], 1)


class Labels(Model):
    """A whole number from 0 to classes - 1, all as likely, fresh for every draw."""

    kind: Literal["labels"]
    classes: Classes

    @property
    def shape(self) -> tuple[int, ...]:
        """One number a sample has no axis."""
        return ()


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

    parts: DigitParts = Field(default={})
    """What else belongs to each sample, by name: drawn with it, as `<draw>.<part>`."""

    @model_validator(mode="after")
    def _one_channel(self) -> "Digits":
        if self.shape[2] != 1:
            raise PlaceError("shape", f"given {list(self.shape)}; digits have 1 channel")
        _check_parts(self.parts, self.shape)
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
    photograph: Literal["both", "china", "flower"] = "both"
    """Patches of both, or of one alone: two domains are a source each."""
    parts: PhotoParts = Field(default={})
    """What else belongs to each sample, by name: drawn with it, as `<draw>.<part>`."""

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
        _check_parts(self.parts, self.shape)
        for name, part in self.parts.items():
            if isinstance(part, ClassPart):
                raise PlaceError(f"parts.{name}.kind", "given class; photographs have no classes")
        return self


def _check_parts(parts: dict[str, Any], shape: tuple[int, ...]) -> None:
    for name, part in parts.items():
        try:
            part_shape(part, shape)
        except PlaceError as error:
            raise PlaceError(f"parts.{name}.{error.place}", str(error)) from None


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
    """1 with probability 1 - rate, else 0: what a dropout layer keeps, or which samples a pool
    exchanges; made for it, not written."""

    kind: Literal["mask"]
    rate: Share
    shape: tuple[int, ...]


class Slots(Model):
    """Places in a pool, all different within a batch; made for it, not written."""

    kind: Literal["slots"]
    classes: int
    """How many places there are."""

    @property
    def shape(self) -> tuple[int, ...]:
        """One number."""
        return ()


class PartOf(Model):
    """A part of an array's samples, which has their index; made for it, not written."""

    kind: Literal["part"]
    shape: tuple[int, ...]
    sampling: Literal["shuffled_epochs", "with_replacement"]
    classes: int | None
    """Of a whole number."""


def parts_of(source: Digits | Photos) -> dict[str, PartOf]:
    """What is drawn of each part of a source, by the part's name."""
    return {
        name: PartOf(
            kind="part",
            shape=part_shape(part, source.shape),
            sampling=source.sampling,
            classes=DIGITS if isinstance(part, ClassPart) else None,
        )
        for name, part in source.parts.items()
    }


Source = Annotated[
    NormalNoise | UniformNoise | Labels | Digits | Photos | GaussianStream,
    Field(discriminator="kind"),
]
Drawn = (
    NormalNoise | UniformNoise | Labels | Digits | Photos | GaussianStream | Mask | PartOf | Slots
)
"""What an iteration draws: the sources of a file and their parts, masks and choices."""
ARRAYS = (Digits, Photos, PartOf)
"""Sources that are a finite array, sampled by index."""


def runs_within(every: int, first: int, n: int) -> range:
    """Of what comes in every so many iterations: the numbers of its runs in n of them."""
    return range(-(-first // every), -(-(first + n) // every))


class Draw(NamedTuple):
    """What an iteration draws under one key: arrays (repeat, batch, *shape of the source)."""

    repeat: int
    """Once for each repetition of its phase; or once, for all phases that share it."""
    source: Drawn
    name: str
    """The source's, of a part `<source>.<part>`; of a mask the dropout layer's."""
    order: str
    """The key whose order of samples it has: its own, or that of the samples it is a part of."""
    every: int = 1
    """It is drawn in every so many iterations, from 0 on: for its run j in iteration j * every."""

    def runs(self, first: int, n: int) -> range:
        """The numbers of its runs in the n iterations from `first` on."""
        return runs_within(self.every, first, n)

    @property
    def classes(self) -> int | None:
        """Of a whole number: how many there are."""
        return getattr(self.source, "classes", None)
