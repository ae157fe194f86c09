"""Layers that normalise: over the batch, over a sample, over groups of its channels."""

from math import prod
from typing import Literal

from pydantic import model_validator

from spec.base import Fraction, Positive, Size
from spec.errors import PlaceError
from spec.initialisers import Constant, Parameter, VectorInitialiser
from spec.layer import Layer, ShapeError


class Normalisation(Layer):
    """What all of them have in common: epsilon under the root, and scale and bias by channel."""

    epsilon: Positive
    scale_init: VectorInitialiser | None = None
    """With bias_init: a scale and a bias by channel follow. Without both: none do."""
    bias_init: VectorInitialiser | None = None

    @model_validator(mode="after")
    def _both_or_none(self) -> "Normalisation":
        if (self.scale_init is None) != (self.bias_init is None):
            absent = "scale_init" if self.scale_init is None else "bias_init"
            raise PlaceError(absent, "missing; scale_init and bias_init come together, or neither")
        return self

    @property
    def affine(self) -> bool:
        """Whether a scale and a bias follow."""
        return self.scale_init is not None

    def parameters(self, shape: tuple[int, ...]) -> dict[str, Parameter]:
        if self.scale_init is None or self.bias_init is None:
            return {}
        channels = (shape[-1],)
        return {
            "scale": Parameter(channels, self.scale_init, 0),
            "bias": Parameter(channels, self.bias_init, 0),
        }


class BatchNorm(Normalisation):
    """Batch normalisation over all axes but the last (Ioffe and Szegedy 2015, algorithm 1).

    Normalises with the biased batch variance. The running value keeps `keep` of the old one; the
    running variance takes the biased batch variance or the unbiased one, n / (n - 1) times it.
    """

    kind: Literal["batch_norm"]
    keep: Fraction
    running_variance: Literal["unbiased", "biased"]

    def statistics(self, shape: tuple[int, ...]) -> dict[str, Parameter]:
        zero, one = Constant(kind="constant", value=0.0), Constant(kind="constant", value=1.0)
        channels = (shape[-1],)
        return {"mean": Parameter(channels, zero, 0), "variance": Parameter(channels, one, 0)}


class LayerNorm(Normalisation):
    """Over all axes of a sample (Ba et al. 2016, arXiv 1607.06450); scale and bias by channel."""

    kind: Literal["layer_norm"]

    def output_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        return _spread(self.kind, shape, prod(shape))


class InstanceNorm(Normalisation):
    """Over height and width of each sample and channel (Ulyanov et al. 2016, arXiv 1607.08022)."""

    kind: Literal["instance_norm"]

    def output_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        if len(shape) != 3:
            raise ShapeError(f"instance_norm takes (height, width, channels), not {list(shape)}")
        return _spread(self.kind, shape, prod(shape[:-1]))


class GroupNorm(Normalisation):
    """Over height, width and a group of channels (Wu and He 2018, arXiv 1803.08494, equation 7)."""

    kind: Literal["group_norm"]
    groups: Size

    def output_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        if shape[-1] % self.groups:
            raise ShapeError(f"{shape[-1]} channels cannot be parted into {self.groups} groups")
        return _spread(self.kind, shape, prod(shape) // self.groups)


def _spread(kind: str, shape: tuple[int, ...], numbers: int) -> tuple[int, ...]:
    """The shape, where a mean and a variance are taken of two numbers or more."""
    if numbers < 2:
        raise ShapeError(
            f"{kind} on shape {list(shape)} is over one number, which has no variance: it gives 0 "
            "whatever that is; leave the layer out"
        )
    return shape
