"""The files of samples in a run's folder."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from backends.protocol import Arrays
from bench.workers.whole import whole

FOLDER = "samples"


def path_of(run: Path, iteration: int) -> Path:
    """Samples after so many iterations."""
    return run / FOLDER / f"iteration-{iteration:09}.npz"


def beside(run: Path) -> Path:
    """What they are seen beside: inputs and real samples."""
    return run / FOLDER / "beside.npz"


def kept(run: Path, until: int) -> dict[int, Path]:
    """Iteration -> file, in order, of those up to an iteration."""
    paths = sorted((run / FOLDER).glob("iteration-*.npz"))
    found = {int(path.stem.removeprefix("iteration-")): path for path in paths}
    return {iteration: path for iteration, path in found.items() if iteration <= until}


def read(path: Path) -> Arrays:
    """Arrays of a file, by name; nothing in it is ever run."""
    with np.load(path, allow_pickle=False) as file:
        return dict(file)


def write(path: str, arrays: Mapping[str, Any]) -> None:
    """Arrays by name, whole or not at all."""
    with whole(Path(path)) as draft, draft.open("wb") as file:
        np.savez(file, **arrays)
