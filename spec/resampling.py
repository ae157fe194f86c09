"""Layers that give images another size and compute no products."""

from typing import Annotated, Literal

from pydantic import Field

from spec.base import EVERY_SIDE, Says
from spec.layer import Layer, ShapeError

Cut = Annotated[int, Field(ge=-(2**15), le=2**15)]
Sides = Annotated[
    tuple[Cut, Cut, Cut, Cut], Says("a list of four whole numbers: top, bottom, left, right")
]


def image(kind: str, shape: tuple[int, ...]) -> tuple[int, int, int]:
    """The shape, which has to be an image's; ShapeError where it is none."""
    if len(shape) != 3:
        raise ShapeError(f"{kind} takes (height, width, channels), not {list(shape)}")
    return shape


class Pad(Layer):
    """Rows and columns added at each side; cut off where a number is negative.

    With it every `same` can be written: for a convolution of stride 2 on even sizes kernel 3 has
    (0, 1), kernel 5 has (1, 2) and kernel 4 has (1, 1) before and behind.
    """

    kind: Literal["pad"]
    sides: Sides
    """top, bottom, left, right"""
    mode: Literal["zero", "reflect"]
    """What is added: zeros, or the image mirrored, its edge not repeated."""

    def output_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        height, width, channels = image("pad", shape)
        top, bottom, left, right = self.sides
        if self.mode == "reflect":
            for size, added in ((height, (top, bottom)), (width, (left, right))):
                if max(added) >= size:
                    raise ShapeError(
                        f"a side of {size} pixels has {size - 1} to mirror, not {max(added)}"
                    )
        padded = (height + top + bottom, width + left + right, channels)
        if min(padded) < 1:
            raise ShapeError(f"sides {list(self.sides)} leave nothing of {list(shape)}")
        return padded


class Upsample(Layer):
    """Height and width `factor` times as large."""

    kind: Literal["upsample"]
    factor: Annotated[int, Field(ge=2, le=64), EVERY_SIDE]
    interpolation: Literal["nearest", "bilinear"] = "nearest"
    """nearest repeats each pixel. bilinear has pixels for points in the middle of squares: the new
    one i lies at (i + 1/2) / factor - 1/2 between the old ones, and at the edge beyond them is the
    outermost."""

    def output_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        height, width, channels = image("upsample", shape)
        return (height * self.factor, width * self.factor, channels)


class AveragePool(Layer):
    """Means of squares of `size` pixels beside each other; what is left over is dropped."""

    kind: Literal["average_pool"]
    size: Annotated[int, Field(ge=2, le=2**15), EVERY_SIDE]

    def output_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        height, width, channels = image("average_pool", shape)
        if min(height, width) < self.size:
            raise ShapeError(f"squares of {self.size} pixels are larger than {list(shape)}")
        return (height // self.size, width // self.size, channels)


class MaxPool(Layer):
    """The largest of each square of `size` pixels, `stride` apart; output (n + 2p - k) // s + 1.

    Padding is never the largest. Of several that are, the first in reading order has the gradient.
    """

    kind: Literal["max_pool"]
    size: Annotated[int, Field(ge=2, le=2**15), EVERY_SIDE]
    stride: Annotated[int, Field(ge=1, le=2**15), EVERY_SIDE]
    padding: Annotated[int, Field(ge=0, le=2**15), EVERY_SIDE]
    """At most half of the size, so that no square is of padding alone."""

    def output_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        height, width, channels = image("max_pool", shape)
        if 2 * self.padding > self.size:
            raise ShapeError(f"padding {self.padding} is over half of the size, {self.size}")
        if min(height, width) + 2 * self.padding < self.size:
            raise ShapeError(f"squares of {self.size} pixels are larger than {list(shape)}")
        return (self.side(height), self.side(width), channels)

    def side(self, size: int) -> int:
        """Output height or width for an input height or width."""
        return (size + 2 * self.padding - self.size) // self.stride + 1


class PixelShuffle(Layer):
    """Channels become pixels: each has a square of `factor` by `factor` (arXiv 1609.05158).

    Channel c r^2 + i r + j, with r the factor, becomes channel c of the pixel in row i and column
    j of the square: PyTorch's order. Keras's depth_to_space has (i r + j) C + c.
    """

    kind: Literal["pixel_shuffle"]
    factor: Annotated[int, Field(ge=2, le=64), EVERY_SIDE]

    def output_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        height, width, channels = image("pixel_shuffle", shape)
        if channels % self.factor**2:
            raise ShapeError(
                f"{channels} channels are no multiple of {self.factor**2}, the pixels of a square"
            )
        return (height * self.factor, width * self.factor, channels // self.factor**2)
