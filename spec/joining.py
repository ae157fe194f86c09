"""Layers that take several inputs, which they name."""

from typing import Literal

from spec.layer import Layer, ShapeError


class Add(Layer):
    """The sum of its inputs, all of one shape."""

    kind: Literal["add"]

    def joined_shape(self, shapes: list[tuple[int, ...]]) -> tuple[int, ...]:
        if len(shapes) < 2:
            raise ShapeError("add takes two inputs or more; name them in `inputs`")
        if len(set(shapes)) > 1:
            raise ShapeError(f"add takes inputs of one shape, not {_shown(shapes)}")
        return shapes[0]


class Product(Layer):
    """The product of its inputs, number by number.

    All have the first one's shape, or [1, 1, C], [C] or [1], which are repeated over a map of C
    channels.
    """

    kind: Literal["product"]

    def joined_shape(self, shapes: list[tuple[int, ...]]) -> tuple[int, ...]:
        if len(shapes) < 2:
            raise ShapeError("product takes two inputs or more; name them in `inputs`")
        first = shapes[0]
        allowed = (first, (1,) * (len(first) - 1) + first[-1:], first[-1:], (1,))
        if not set(shapes) <= set(allowed):
            raise ShapeError(
                f"product takes inputs of one shape, or of one number a channel, not "
                f"{_shown(shapes)}"
            )
        return first


class Concatenate(Layer):
    """Its inputs beside each other along the last axis, in the order given; see `add`."""

    kind: Literal["concatenate"]

    def joined_shape(self, shapes: list[tuple[int, ...]]) -> tuple[int, ...]:
        if len(shapes) < 2:
            raise ShapeError("concatenate takes two inputs or more; name them in `inputs`")
        if len({shape[:-1] for shape in shapes}) > 1:
            raise ShapeError(
                f"concatenate takes inputs that differ in the last number only, not "
                f"{_shown(shapes)}"
            )
        return (*shapes[0][:-1], sum(shape[-1] for shape in shapes))


def _shown(shapes: list[tuple[int, ...]]) -> str:
    return " and ".join(str(list(shape)) for shape in shapes)
