"""What every layer answers, and how it says that it cannot take a shape."""

from typing import Annotated

from pydantic import Field

from spec.base import Model, Name
from spec.initialisers import Parameter


class ShapeError(ValueError):
    """A layer that cannot take the shape it is given."""


class Layer(Model):
    """What every layer answers; a layer without parameters only says its output shape."""

    name: Name | None = None
    inputs: Annotated[tuple[Name, ...], Field(min_length=1)] | None = None
    """Names of earlier layers, or `input` for the network's; without it the layer before."""

    def output_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """Shape of one output sample for an input sample of `shape`; ShapeError if it cannot be."""
        return shape

    def joined_shape(self, shapes: list[tuple[int, ...]]) -> tuple[int, ...]:
        """Shape of one output sample for the shapes of all inputs."""
        if len(shapes) > 1:
            raise ShapeError(f"takes one input, not {len(shapes)}; add or concatenate them before")
        return self.output_shape(shapes[0])

    def parameters(self, shape: tuple[int, ...]) -> dict[str, Parameter]:
        """Trainable arrays by canonical name."""
        return {}

    def statistics(self, shape: tuple[int, ...]) -> dict[str, Parameter]:
        """Running statistics by canonical name."""
        return {}

    def multiply_adds(self, shape: tuple[int, ...]) -> int:
        """Multiply-adds of one sample's forward pass; element-wise work is not counted."""
        return 0
