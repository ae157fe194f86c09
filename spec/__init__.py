"""What is computed: workloads, their layers, states, draws and tolerances, in NumPy terms only."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from spec.errors import SpecError, UnsupportedError, UserError
from spec.reading import read
from spec.spelling import hint
from spec.workload import Workload

__all__ = ["SpecError", "UnsupportedError", "UserError", "Workload", "load", "names"]

_FOLDER = Path(__file__).parent / "workloads"


def names() -> tuple[str, ...]:
    """The built-in workloads, in alphabetical order."""
    return tuple(sorted(path.stem for path in _FOLDER.glob("*.toml")))


def load(name_or_path: str, overrides: Mapping[str, Any] | None = None) -> Workload:
    """A built-in workload by name, or any workload by the path of its TOML file.

    `overrides` maps dotted places in the file to other values: {"schedule.batch_size": 8}.
    Raises SpecError with one line for a person.
    """
    if name_or_path in names():
        return read(_FOLDER / f"{name_or_path}.toml", overrides, name_or_path)
    if name_or_path.endswith(".toml") or _exists(name_or_path):
        return read(Path(name_or_path), overrides)
    raise SpecError(
        f"no workload is called {name_or_path!r}; {hint(name_or_path, names())}, "
        "or the path of a .toml file"
    )


def _exists(path: str) -> bool:
    try:
        return Path(path).exists()
    except OSError:  # a name too long to be a path
        return False
