"""When a training counts as good enough, so that trainings are compared by the time to there."""

from typing import Annotated, Literal, Self

from pydantic import Field, JsonValue, model_validator

from spec.base import Model, Positive, Says, Size
from spec.errors import PlaceError

Places = Annotated[
    dict[str, JsonValue], Says("a table of places in quotes, each with the value put there")
]


class Target(Model):
    """What every kind of target has."""

    samples: Annotated[int, Field(ge=20, le=10_000)]
    """How many the generator makes at each evaluation, from the same inputs every time."""
    every: Size
    """Iterations from one evaluation to the next: whole chunks of draws."""
    hold: Annotated[int, Field(ge=1, le=1000)]
    """Evaluations in a row that have to be within the band. The target is reached at the first."""
    longest: Size
    """Where a training that has not reached it is ended, and counted as censored."""
    margin: Annotated[float, Field(gt=1, le=10)]
    """Two rows are equivalent where the ratio of their times is between 1 / margin and margin."""
    set: Places = Field(default={})
    """Other values for the trainings to the target, as `--set` puts them, by place."""
    reason: str
    """Why this band, this many evaluations, this length and this margin."""

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.longest % self.every or self.longest < self.hold * self.every:
            raise PlaceError(
                "longest",
                f"given {self.longest}; it is a multiple of every, {self.every}, and at least hold "
                f"times as long, {self.hold * self.every}",
            )
        return self


class MeanAndStdTarget(Target):
    """The mean, and the mean over rows of a row's standard deviation, are near the stream's own."""

    kind: Literal["mean_and_std"]
    mean_within: Positive
    """|mean - the stream's| has to be below it."""
    std_within: Positive
    """|standard deviation - the stream's| has to be below it."""


class KernelDistanceTarget(Target):
    """The kernel distance of generated images from held-out ones is small (arXiv 1801.01401)."""

    kind: Literal["kernel_distance"]
    features: Literal["components", "classifier"]
    """In which it is taken: principal components of the real samples, or the last hidden layer of a
    small classifier trained on them, where they have classes."""
    below: Positive
    """The distance has to be below it."""


AnyTarget = Annotated[MeanAndStdTarget | KernelDistanceTarget, Field(discriminator="kind")]
