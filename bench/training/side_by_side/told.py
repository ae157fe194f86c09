"""What a training's files of text say of it, as far as trainings are compared: held to its form.

More may stand in the files; it is not looked at.
"""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from backends.protocol import Mode

Name = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_.]*$", max_length=129)]
"""Of a metric, a network or a measure: it may stand in a drawing."""
Words = Annotated[str, Field(max_length=2000)]
Count = Annotated[int, Field(ge=0, lt=10**18)]
MOST_NAMES = 64
"""Metrics of a record, networks, measures of one."""


class _Told(BaseModel):
    """Of JSON, and nothing is taken for what it is not."""

    model_config = ConfigDict(frozen=True, extra="ignore", strict=True, allow_inf_nan=False)


class Where(_Told):
    """The cell that was trained (bench.plan.cells)."""

    row: Annotated[str, Field(pattern=r"^[a-z0-9_-]+$", max_length=64)]
    mode: Mode
    precision: Literal["float64", "float32"]
    device: Literal["cpu", "cuda"]
    batch_size: Annotated[int, Field(ge=1, lt=2**31)]
    label: Words
    """The workload's name."""


class Plan(_Told):
    """What was asked for (bench.training.plan)."""

    cell: Where
    seed: Annotated[int, Field(ge=0, lt=2**63)]
    draws: Literal["own", "spec"]


class About(_Told):
    """training.json."""

    plan: Plan
    iterations: Annotated[int, Field(ge=1, lt=10**18)]
    """Where it ends."""
    spec_hash: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class Record(_Told):
    """A line of metrics.jsonl: each metric's mean over the interval, None where not finite."""

    iteration: Count
    elapsed_s: Annotated[float, Field(ge=0)]
    metrics: Annotated[dict[Name, float | None], Field(max_length=MOST_NAMES)]


class Estimate(_Told):
    """A measure's value with its interval (bench.training.quality.resampling)."""

    value: float | None
    low: float | None
    high: float | None


class Counts(_Told):
    """Samples of each set that are compared, and of those they are compared with.

    Neither where no set was compared.
    """

    compared: Count | None = None
    reference: Count | None = None


class Classifier(_Told):
    """What its features are worth, where there is one."""

    held_out_accuracy: Annotated[float, Field(ge=0, le=1)] | None = None
    accurate: bool | None = None


Sets = dict[Literal["generated", "held_out", "noise"], Estimate]


class Judged(_Told):
    """One network's samples in quality.json."""

    outcome: Words
    iteration: Count | None = None
    """After which it was measured; None: in a file from before it was written."""
    measures: Annotated[dict[Name, Sets], Field(max_length=MOST_NAMES)] = {}
    counts: Counts | None = None
    resamples: Annotated[int, Field(ge=0, lt=10**9)] | None = None
    features: Classifier | None = None
