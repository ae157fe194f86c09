"""The folder of a training, read as though somebody else had made it: JSON and arrays alone."""

from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, TypeVar

from numpy.typing import NDArray
from pydantic import BaseModel, TypeAdapter, ValidationError

from bench.report.reading import WANTED
from bench.training import foreign, samples
from bench.training.header import Refused
from bench.training.side_by_side.told import MOST_NAMES, About, Judged, Name, Record
from spec.errors import UserError

ABOUT, RECORDS, QUALITY = "training.json", "metrics.jsonl", "quality.json"
LARGEST_BYTES = 2**24
"""Of a file of text: 60,000 records."""
MOST_NETWORKS = 16
CURE = "give the folder as `train` wrote it"
Model = TypeVar("Model", bound=BaseModel)
JUDGED = TypeAdapter(dict[Name, Judged])


@dataclass(frozen=True)
class Trained:
    """A training, as far as it has come."""

    folder: Path
    about: About
    records: list[Record]
    """By iteration; none before the first interval has ended."""
    samples: dict[int, Path]
    """Iteration -> file, in order."""
    quality: dict[str, Judged]
    """By network; none before the end."""

    @property
    def reached(self) -> int:
        """Iterations recorded."""
        return self.records[-1].iteration if self.records else 0

    def arrays(self, path: Path) -> dict[str, NDArray[Any]]:
        """The arrays of one of its files. UserError."""
        try:
            return foreign.arrays(path)
        except (OSError, Refused) as error:
            raise _told(path, error) from None

    def beside(self) -> dict[str, NDArray[Any]]:
        """Inputs and real samples; none where there is no such file."""
        path = samples.beside(self.folder)
        return self.arrays(path) if path.name in foreign.names(path.parent) else {}


def read(folder: Path) -> Trained:
    """A training. UserError, one line, for another folder, and for a file that is damaged."""
    if ABOUT not in _names(folder):
        raise UserError(f"{folder}: no training, since it has no {ABOUT}; give {WANTED}")
    about = _of(About, folder / ABOUT)
    records = _records(folder / RECORDS) if RECORDS in _names(folder) else []
    until = records[-1].iteration if records else 0
    return Trained(
        folder=folder,
        about=about,
        records=records,
        samples=_samples(folder / samples.FOLDER, until),
        quality=_quality(folder / QUALITY) if QUALITY in _names(folder) else {},
    )


def _names(folder: Path) -> list[str]:
    """A link to a folder is its user's own; links in the folder are not followed."""
    try:
        return foreign.names(folder.resolve())
    except (OSError, Refused) as error:
        raise _told(folder, error) from None


def _content(path: Path) -> bytes:
    try:
        return foreign.content(path, LARGEST_BYTES)
    except (OSError, Refused) as error:
        raise _told(path, error) from None


def _of(model: type[Model], path: Path, line: bytes | None = None, place: str = "") -> Model:
    """A model of a file's text, or of a line of it."""
    try:
        return model.model_validate_json(_content(path) if line is None else line)
    except ValidationError as error:
        raise UserError(f"{path}: {place}{foreign.first_of(error)}; {CURE}") from None


def _records(path: Path) -> list[Record]:
    """Whole lines: a crash may have cut the last."""
    lines = _content(path).split(b"\n")[:-1]
    found = [_of(Record, path, line, f"line {i}: ") for i, line in enumerate(lines, start=1)]
    if len({name for one in found for name in one.metrics}) > MOST_NAMES:
        raise UserError(f"{path}: more than {MOST_NAMES} metrics, which are the most; {CURE}")
    for i, (before, after) in enumerate(pairwise(found), start=2):
        if after.iteration <= before.iteration:
            raise UserError(
                f"{path}: line {i}: iteration {after.iteration} after {before.iteration}; {CURE}"
            )
    return found


def _samples(folder: Path, until: int) -> dict[int, Path]:
    try:
        names = foreign.names(folder)
    except (OSError, Refused) as error:
        raise _told(folder, error) from None
    found = {int(m[1]): folder / name for name in names if (m := samples.NAME.fullmatch(name))}
    return {iteration: path for iteration, path in sorted(found.items()) if iteration <= until}


def _quality(path: Path) -> dict[str, Judged]:
    try:
        found = JUDGED.validate_json(_content(path), strict=True)
    except ValidationError as error:
        raise UserError(f"{path}: {foreign.first_of(error)}; {CURE}") from None
    if len(found) > MOST_NETWORKS:
        raise UserError(f"{path}: {len(found)} networks, where {MOST_NETWORKS} are read; {CURE}")
    return found


def _told(path: Path, error: OSError | Refused) -> UserError:
    why = error if isinstance(error, Refused) else f"cannot be read ({error.strerror})"
    return UserError(f"{path}: {why}; {CURE}")
