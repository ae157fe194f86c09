"""An iteration is an ordered list of phases; everything after the spec sees phases only."""

from typing import Annotated, Literal

from pydantic import Field

from spec.base import Model, Name, Positive, Size


class Forward(Model):
    """One forward pass: several inputs are concatenated along the batch and split again after."""

    network: Name
    inputs: Annotated[tuple[Name, ...], Field(min_length=1)]
    outputs: Annotated[tuple[Name, ...], Field(min_length=1)]
    mode: Literal["train", "eval"]
    """train normalises with batch statistics and keeps them; eval uses the running ones."""
    detach: bool
    """No gradient flows back through this pass."""


class BinaryCrossEntropy(Model):
    """weight * mean(target * softplus(-logits) + (1 - target) * softplus(logits))."""

    kind: Literal["bce"]
    logits: Name
    target: Annotated[float, Field(ge=0, le=1)]
    weight: float


class MeanScore(Model):
    """weight * mean(scores): the terms of a Wasserstein critic (arXiv 1701.07875, equation 2)."""

    kind: Literal["mean_score"]
    scores: Name
    weight: float


class LeastSquares(Model):
    """weight * mean((scores - target)^2) (arXiv 1611.04076, equation 2)."""

    kind: Literal["least_squares"]
    scores: Name
    target: float
    weight: float


class Hinge(Model):
    """weight * mean(max(0, 1 - sign * scores)): a critic's two terms (arXiv 1705.02894, 3)."""

    kind: Literal["hinge"]
    scores: Name
    sign: Literal[1, -1]
    """1 for real samples, -1 for generated ones."""
    weight: float


class AbsoluteError(Model):
    """weight * mean(|value - other|): cycle and identity terms (arXiv 1703.10593, equation 2)."""

    kind: Literal["absolute_error"]
    value: Name
    other: Name
    weight: float


class GradientPenalty(Model):
    """weight * mean((|grad network(at)|_2 - 1)^2), at between two samples (arXiv 1704.00028, 3)."""

    kind: Literal["gradient_penalty"]
    network: Name
    between: tuple[Name, Name]
    alpha: Name
    epsilon: Positive
    weight: float


class R1Penalty(Model):
    """weight / 2 * mean(|grad network(at)|_2^2) on real samples (arXiv 1801.04406, equation 9)."""

    kind: Literal["r1_penalty"]
    network: Name
    at: Name
    weight: float


LossTerm = Annotated[
    BinaryCrossEntropy
    | MeanScore
    | LeastSquares
    | Hinge
    | AbsoluteError
    | GradientPenalty
    | R1Penalty,
    Field(discriminator="kind"),
]


class Clip(Model):
    """Every parameter that the phase moves is cut to [-limit, limit] (arXiv 1701.07875)."""

    limit: Positive
    when: Literal["before_step", "after_step"]


class Phase(Model):
    """One kind of update: draws, forwards, the loss, and whose parameters move by which optimizer.

    Its loss is reported as `<name>_loss`; `metrics` reports mean(sigmoid(output)) by name. A phase
    that repeats reports its last repetition.
    """

    name: Name
    draws: tuple[Name, ...]
    forwards: tuple[Forward, ...]
    losses: Annotated[tuple[LossTerm, ...], Field(min_length=1)]
    updates: Annotated[tuple[Name, ...], Field(min_length=1)]
    optimizer: Name
    repeat: Size
    every: Size
    metrics: dict[Name, Name]
    clip: Clip | None = None


class Schedule(Model):
    """Batch size and length of training; the unit of length is the document's own."""

    batch_size: Annotated[int, Field(ge=1, le=2**20)]
    length: Size
    unit: Literal["iterations", "rounds", "epochs"]
    learning_rate: Literal["constant"]
