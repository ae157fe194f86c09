"""Arrays in files, between the processes of a proof: never pickled."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from backends.protocol import Arrays
from bench.workers.whole import whole


def write_arrays(path: Path, **groups: Mapping[str, Any]) -> None:
    """Write groups of arrays by name; a reader finds the whole file or none."""
    with whole(path) as draft, draft.open("wb") as file:
        np.savez(file, **{f"{g}:{key}": a for g, of in groups.items() for key, a in of.items()})


def read_arrays(path: Path) -> dict[str, Arrays]:
    """The groups that were written."""
    found: dict[str, Arrays] = {}
    with np.load(path, allow_pickle=False) as file:
        for name in file.files:
            group, _, key = name.partition(":")
            found.setdefault(group, {})[key] = file[name]
    return found


def write_rows(path: Path, rows: list[Arrays]) -> None:
    """Write the draws of each iteration, unless the file is there: its name is their hash."""
    if not path.exists():
        write_arrays(path, **{str(i): row for i, row in enumerate(rows)})


def read_rows(path: Path) -> list[Arrays]:
    """The draws of each iteration, in order."""
    found = read_arrays(path)
    return [found[str(i)] for i in range(len(found))]
