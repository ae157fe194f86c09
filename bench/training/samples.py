"""The files of samples in a run's folder."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from backends.protocol import Arrays
from bench.workers.whole import whole

Item = TypeVar("Item")
FOLDER = "samples"
NAME = re.compile(r"iteration-([0-9]{9,18})\.npz")


def path_of(run: Path, iteration: int) -> Path:
    """Samples after so many iterations."""
    return run / FOLDER / f"iteration-{iteration:09}.npz"


def beside(run: Path) -> Path:
    """What they are seen beside: inputs and real samples."""
    return run / FOLDER / "beside.npz"


def kept(run: Path, until: int) -> dict[int, Path]:
    """Iteration -> file, in order, of those up to an iteration."""
    names = {path.name: path for path in sorted((run / FOLDER).glob("iteration-*.npz"))}
    found = {int(m[1]): path for name, path in names.items() if (m := NAME.fullmatch(name))}
    return {iteration: path for iteration, path in sorted(found.items()) if iteration <= until}


def some(items: Sequence[Item], most: int) -> list[Item]:
    """The first, the last and some between, of which there are more at the beginning.

    All, where there are no more than `most`; of one the last.
    """
    if len(items) <= most:
        return list(items)
    if most < 2:
        return list(items[-most:]) if most else []
    places = {round((len(items) - 1) * (i / (most - 1)) ** 2) for i in range(most)}
    return [items[place] for place in sorted(places)]


def read(path: Path) -> Arrays:
    """Arrays of a file, by name; nothing in it is ever run."""
    with np.load(path, allow_pickle=False) as file:
        return dict(file)


def write(path: str, arrays: Mapping[str, Any]) -> None:
    """Arrays by name, whole or not at all."""
    with whole(Path(path)) as draft, draft.open("wb") as file:
        np.savez(file, **arrays)
