"""The file of a result: every training with what was measured of it, from which all else follows.

It is written after each training, so that a run that is killed loses the one it was in, and a
second run with the same file goes on.
"""

from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from bench.convergence.measuring import limits
from bench.convergence.plan import Convergence
from bench.plan.records import write_atomically
from bench.training.foreign import first_of
from bench.workers.cleaning import clean
from spec.errors import UserError
from spec.target import AnyTarget

Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]+$", max_length=129)]
"""Of a row or a quantity: it may stand in a drawing."""
Numbers = list[float | None]
"""None where a number was not finite."""


class Part(BaseModel):
    """Unknown keys, wrong types and numbers that are not finite are refused."""

    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)


class Training(Part):
    """One training; lists have an entry for each evaluation."""

    seed: int
    seconds: list[float]
    """Of training alone, from its first iteration: neither compiling nor evaluating is in it."""
    quality: dict[Name, Numbers]
    metrics: dict[str, Numbers] = {}
    """Means since the evaluation before it; only of trainings that go to the end."""


class Row(Part):
    """The trainings of one row."""

    mode: str
    precision: str
    device: str
    backend: dict[str, Any]
    first_chunk_s: list[float]
    """Of each process: the first chunk and the first samples, with compiling, thrown away."""
    trainings: list[Training] = []

    @model_validator(mode="after")
    def _fits(self) -> Self:
        """Each training is of its own seed, and was made in a process."""
        seeds = [training.seed for training in self.trainings]
        if len(set(seeds)) < len(seeds) or (seeds and not self.first_chunk_s):
            raise ValueError("two trainings of one seed, or none of a process")
        return self


class OfWorkload(Part):
    """One workload's."""

    spec_hash: str
    """Of what was trained, with what the target puts into the file."""
    put: dict[str, Any]
    target: AnyTarget
    to_end: bool
    rows: dict[Name, Row] = {}

    @model_validator(mode="after")
    def _fits(self) -> Self:
        """Each training has the target's quantities, one of each at each of its evaluations."""
        names = limits(self.target).keys()
        for one in (training for row in self.rows.values() for training in row.trainings):
            lengths = {len(values) for values in one.quality.values()}
            if one.quality.keys() != names or not one.seconds or lengths != {len(one.seconds)}:
                raise ValueError(f"a training without {' and '.join(names)} of each evaluation")
        return self


class Result(Part):
    """The file."""

    convergence_format: Literal[1] = 1
    sittings: list[dict[str, Any]] = []
    """The provenance of each run that has written to it."""
    workloads: dict[str, OfWorkload] = {}
    summary: dict[str, Any] = {}
    """What the table shows; derived from the rest whenever the file is written."""


def read(path: Path) -> Result:
    """A file's result, cleaned as it is when written. UserError, one line, for anything else."""
    try:
        found = Result.model_validate_json(path.read_bytes())
        return Result.model_validate(clean(found.model_dump()))
    except (OSError, ValidationError) as error:
        why = first_of(error) if isinstance(error, ValidationError) else error.strerror or error
        raise UserError(
            f"{path}: not a result of `converge` ({why}); give a file that it wrote"
        ) from None


def begin(path: Path, plans: tuple[Convergence, ...], sitting: dict[str, Any]) -> Result:
    """What the file has, ready to be gone on with, or a new one.

    UserError where it is of another workload, target or setting than is asked for.
    """
    result = read(path) if path.exists() else Result()
    for plan in plans:
        _take_up(path, result, plan)
    result.sittings.append(sitting)
    return result


def _take_up(path: Path, result: Result, plan: Convergence) -> None:
    fresh = OfWorkload(
        spec_hash=plan.cells[0].load().spec_hash,
        put=plan.put,
        target=plan.target,
        to_end=plan.to_end,
    )
    known = result.workloads.setdefault(plan.name, fresh)
    for what in ("spec_hash", "put", "to_end"):
        if getattr(known, what) != getattr(fresh, what):
            raise _other(path, plan.name, what)
    if not same_target(known.target, fresh.target):
        raise _other(path, plan.name, "target")
    known.target = fresh.target
    for cell in plan.cells:
        own = {"mode": cell.mode, "precision": cell.precision, "device": cell.device}
        row = known.rows.get(cell.row)
        for what, value in own.items():
            if row is not None and getattr(row, what) != value:
                raise _other(path, f"{plan.name} in {cell.row}", what)


def same_target(one: AnyTarget, other: AnyTarget) -> bool:
    """Whether all but the words of the reason is the same."""
    left_out = {"reason"}
    return one.model_dump(exclude=left_out) == other.model_dump(exclude=left_out)


def _other(path: Path, whose: str, what: str) -> UserError:
    return UserError(
        f"--output: {path} has trainings of {whose} with another {what}; give another file, or "
        "ask for what it has"
    )


def write(path: Path, result: Result) -> None:
    """The file anew, whole or not at all. UserError where it cannot be."""
    try:
        write_atomically(path, result.model_dump(mode="json"))
    except OSError as error:
        raise UserError(f"--output: cannot write {path}: {error.strerror}") from None
