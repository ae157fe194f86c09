"""An iteration is an ordered list of phases; everything after the spec sees phases only."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

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
    """Batch size and length of training, whose unit is the document's own; and the learning rates.

    In iteration i, from 0, every optimizer's rate is multiplied by 1 (constant), by
    1 + (decay_factor - 1) min(i / decay_iterations, 1) (linear), or by
    decay_factor^(i / decay_iterations) (exponential). All updates of an iteration have one rate.
    """

    batch_size: Annotated[int, Field(ge=1, le=2**20)]
    length: Size
    unit: Literal["iterations", "rounds", "epochs"]
    learning_rate: Literal["constant", "linear", "exponential"]
    decay_factor: Annotated[float, Field(ge=0)] | None = None
    """What the rates have been multiplied by after `decay_iterations`; not with constant."""
    decay_iterations: Size | None = None
    """Iterations until then; linear rates stay there, exponential ones go on."""

    @property
    def decay(self) -> tuple[float, int]:
        """(decay_factor, decay_iterations); ones where the rates are constant."""
        return 1.0 if self.decay_factor is None else self.decay_factor, self.decay_iterations or 1

    @model_validator(mode="after")
    def _decays(self) -> "Schedule":
        given = [self.decay_factor is not None, self.decay_iterations is not None]
        if self.learning_rate == "constant" and any(given):
            raise ValueError(
                "learning_rate = 'constant' has no decay_factor and no decay_iterations; leave "
                "them out, or take linear or exponential"
            )
        if self.learning_rate != "constant" and not all(given):
            raise ValueError(
                f"learning_rate = {self.learning_rate!r} needs a decay_factor and decay_iterations"
            )
        if self.learning_rate == "exponential" and not self.decay_factor:
            raise ValueError("an exponential rate never reaches 0; take a decay_factor above 0")
        return self
