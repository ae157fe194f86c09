"""Where a phase's draws come from: noise, an array of real samples, or a stream of them."""

from typing import Annotated, Literal, NamedTuple

from pydantic import Field, model_validator

from spec.arrays import AnyArray, ArraySource
from spec.base import Classes, Model, Number, Positive, Shape, Share
from spec.errors import PlaceError
from spec.parts import ClassPart, part_shape


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


def parts_of(source: ArraySource) -> dict[str, PartOf]:
    """What is drawn of each part of a source, by the part's name."""
    return {
        name: PartOf(
            kind="part",
            shape=part_shape(part, source.shape),
            sampling=source.sampling,
            classes=source.known_classes if isinstance(part, ClassPart) else None,
        )
        for name, part in source.parts.items()
    }


Source = Annotated[
    NormalNoise | UniformNoise | Labels | AnyArray | GaussianStream,
    Field(discriminator="kind"),
]
Drawn = NormalNoise | UniformNoise | Labels | AnyArray | GaussianStream | Mask | PartOf | Slots
"""What an iteration draws: the sources of a file and their parts, masks and choices."""
ARRAYS = (ArraySource, PartOf)
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
