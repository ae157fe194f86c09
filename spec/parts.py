"""What belongs to each image of an array beside itself: its class, and what is derived from it."""

from typing import Annotated, Literal

from pydantic import Field

from spec.base import Model, Name, Says
from spec.errors import PlaceError


class ClassPart(Model):
    """What an image shows: a whole number from 0 to 9. Of digits, mnist and cifar10 only."""

    kind: Literal["class"]


class Grey(Model):
    """The image in one channel: 0.299 red + 0.587 green + 0.114 blue (ITU-R BT.601).

    Of images with 3 channels only.
    """

    kind: Literal["grey"]


class Edges(Model):
    """How steep the grey image is, in one channel: the root of dx^2 + dy^2, cut at 1.

    dx and dy are half the difference of the two neighbours, edges repeated, of values from 0 to 1.
    Of images with 3 channels only.
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


def _parts(*kinds: str) -> Says:
    return Says(f"a table of names, each a table with a kind ({', '.join(kinds)}) and its fields")


DigitParts = Annotated[dict[Name, Part], _parts("class", "blurred", "half_size")]
PhotoParts = Annotated[dict[Name, Part], _parts("grey", "edges", "blurred", "half_size")]
ColourParts = Annotated[dict[Name, Part], _parts("class", "grey", "edges", "blurred", "half_size")]
"""Of images in colour that have classes."""


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
