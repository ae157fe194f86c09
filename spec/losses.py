"""Loss terms: what each adds to the loss of a phase.

Scores and logits are numbers of a discriminator: one a sample, [1], or a map of them, [h, w, 1], as
a discriminator of patches gives it; the mean is over all of them.
"""

from typing import Annotated, Literal

from pydantic import Field

from spec.base import Model, Name, NotNegative, Number, Positive, Value


class BinaryCrossEntropy(Model):
    """weight * mean(target * softplus(-logits) + (1 - target) * softplus(logits))."""

    kind: Literal["bce"]
    logits: Name
    target: Annotated[float, Field(ge=0, le=1)] | Value
    """One number for all, or what is known by this name: a target for each logit, of any size."""
    weight: Number


class MeanScore(Model):
    """weight * mean(scores): the terms of a Wasserstein critic (arXiv 1701.07875, equation 2)."""

    kind: Literal["mean_score"]
    scores: Name
    weight: Number


class LeastSquares(Model):
    """weight * mean((scores - target)^2) (arXiv 1611.04076, equation 2)."""

    kind: Literal["least_squares"]
    scores: Name
    target: Number
    weight: Number


class Hinge(Model):
    """weight * mean(max(0, 1 - sign * scores)): a critic's two terms (arXiv 1705.02894, 3)."""

    kind: Literal["hinge"]
    scores: Name
    sign: Literal[1, -1]
    """1 for real samples, -1 for generated ones."""
    weight: Number


class AbsoluteError(Model):
    """weight * mean(|value - other|): cycle and identity terms (arXiv 1703.10593, equation 2)."""

    kind: Literal["absolute_error"]
    value: Value
    other: Value
    """Both are draws or outputs, of one shape. A gradient goes to both, unless one is detached."""
    weight: Number


class SquaredError(Model):
    """weight * mean((value - other)^2) between any two draws or outputs of one shape."""

    kind: Literal["squared_error"]
    value: Value
    other: Value
    weight: Number


class CrossEntropy(Model):
    """weight * mean(log(sum(exp(logits))) - logits[label]), of one class in each sample."""

    kind: Literal["cross_entropy"]
    logits: Name
    """[K]: one logit a class."""
    label: Annotated[int, Field(ge=0)] | Value
    """Whole numbers from 0 to K - 1, drawn with the samples or alone, of K classes or of fewer (a
    further logit may stand for generated samples); or one class for all."""
    weight: Number


class Relativistic(Model):
    """weight * mean(target * softplus(-x) + (1 - target) * softplus(x)) with x = scores - against.

    In pairs (arXiv 1807.00734, equation 8), or against the other batch's mean (equation 14).
    """

    kind: Literal["relativistic"]
    scores: Name
    against: Name
    form: Literal["pairs", "average"]
    """pairs: the two have one shape. average: x = scores - mean(against), through which a gradient
    goes too. The mean is one number, of maps too: over the batch and all places. Programs that take
    it over the batch alone, with one mean for each place, differ."""
    target: Annotated[float, Field(ge=0, le=1)]
    weight: Number


class LogPartition(Model):
    """weight * log(sum(exp(-scores)) + epsilon), the sum over all scores of several batches.

    Softmax GAN has it beside mean_score in both networks' losses (arXiv 1704.06191, 3 and 4).
    """

    kind: Literal["log_partition"]
    scores: Annotated[tuple[Name, ...], Field(min_length=1)]
    epsilon: NotNegative
    weight: Number


class GradientPenalty(Model):
    """weight * mean((|grad network(at)|_2 - 1)^2), at between two samples (arXiv 1704.00028, 3)."""

    kind: Literal["gradient_penalty"]
    network: Name
    between: tuple[Name, Name]
    alpha: Name
    epsilon: Positive
    weight: Number


class R1Penalty(Model):
    """weight / 2 * mean(|grad network(at)|_2^2) on real samples (arXiv 1801.04406, equation 9)."""

    kind: Literal["r1_penalty"]
    network: Name
    at: Name
    weight: Number


LossTerm = Annotated[
    BinaryCrossEntropy
    | MeanScore
    | LeastSquares
    | Hinge
    | AbsoluteError
    | SquaredError
    | CrossEntropy
    | Relativistic
    | LogPartition
    | GradientPenalty
    | R1Penalty,
    Field(discriminator="kind"),
]
