"""Which checkpoints of a run are kept, and how the newest is found again.

A run has them in `RUN/checkpoints/iteration-000001234.safetensors`, nine digits or more. Beside
them a list says which the run wrote, as the disk knew them then; nothing else is ever removed.
"""

import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from numpy.typing import NDArray

from bench.training import checkpoint, written
from bench.training.facts import Facts
from spec.errors import UserError
from spec.state import State
from spec.workload import Workload

FOLDER = "checkpoints"
LAST = 3
"""So many that were written last are kept."""
TOLD = 3
"""Files passed over that an error says the reasons of."""


class Kept(NamedTuple):
    """What writing one more did."""

    path: Path
    removed: tuple[Path, ...]
    left: tuple[str, ...]
    """Older ones that the run wrote and did not remove, each with the reason."""


class Found(NamedTuple):
    """The newest checkpoint that reads well."""

    path: Path
    facts: Facts
    state: State
    passed_over: tuple[str, ...]
    """Newer files that do not, each with the reason."""


def place(run: Path, iteration: int) -> Path:
    """The checkpoint of a run after so many iterations."""
    return run / FOLDER / f"iteration-{iteration:09}.safetensors"


def final(run: Path) -> Path:
    """The state at the end of a run: to make samples from. The newest checkpoint may be earlier."""
    return run / "final.safetensors"


def keep(run: Path, state: Mapping[str, NDArray[Any]], facts: Facts) -> Kept:
    """Write a run's checkpoint, then remove what the run wrote before the last three.

    The last that were written: one taken up at an earlier iteration goes on from there. Left alone
    is what somebody replaced or changed since. UserError where nothing can be written.
    """
    path = place(run, facts.iteration)
    _make(path.parent)
    checkpoint.write(path, state, facts)
    before = [one for one in written.read(path.parent) if one.name != path.name]
    own, left = written.unchanged(path.parent, before)
    own.append(written.record(path))
    written.write(path.parent, own)
    removed, stuck = _remove([path.with_name(one.name) for one in own[:-LAST]])
    return Kept(path, tuple(removed), (*left, *stuck))


def newest(run: Path, expected: Workload | None = None) -> Found:
    """The checkpoint of the highest iteration that reads well, of the workload expected if given.

    UserError where there is none: which were passed over, and why.
    """
    folder = run / FOLDER
    passed_over: list[str] = []
    for iteration, path in sorted(_numbered(folder), reverse=True):
        try:
            facts, state = checkpoint.read(path, expected)
            _require_named(path, iteration, facts)
            return Found(path, facts, state, tuple(passed_over))
        except UserError as error:
            passed_over.append(str(error))
    raise UserError(_nothing(folder, passed_over))


def _make(folder: Path) -> None:
    """A link would have files written, and removed, in another place."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        is_folder = stat.S_ISDIR(folder.lstat().st_mode)
    except OSError as error:
        raise UserError(
            f"{folder}: cannot be made ({error.strerror}); give another folder"
        ) from None
    if not is_folder:
        raise UserError(f"{folder}: a link; needed: a folder of this run's own, so give another")


def _numbered(folder: Path) -> list[tuple[int, Path]]:
    """(iteration, path) of all that has a checkpoint's name."""
    try:
        found = [(written.NAME.fullmatch(path.name), path) for path in folder.iterdir()]
    except OSError as error:
        raise UserError(
            f"{folder}: cannot be read ({error.strerror}); needed: the folder of a training that "
            "wrote checkpoints"
        ) from None
    return [(int(match[1]), path) for match, path in found if match]


def _require_named(path: Path, iteration: int, facts: Facts) -> None:
    if facts.iteration != iteration:
        raise UserError(f"{path}: holds iteration {facts.iteration}, which its name does not say")


def _nothing(folder: Path, passed_over: list[str]) -> str:
    more = f"; and {len(passed_over) - TOLD} more" if len(passed_over) > TOLD else ""
    found = "; ".join(passed_over[:TOLD]) + more or "none is there"
    return f"{folder}: no checkpoint to go on from: {found}; start a new training"


def _remove(paths: list[Path]) -> tuple[list[Path], list[str]]:
    """Each is a name of this folder, which goes; what a link there leads to would stay."""
    removed, stuck = [], []
    for path in paths:
        try:
            path.unlink()
            removed.append(path)
        except OSError as error:
            stuck.append(f"{path}: cannot be removed ({error.strerror})")
    return removed, stuck
