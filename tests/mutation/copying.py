"""A copy of the project, to be changed there."""

import shutil
from pathlib import Path


def copy_of(root: Path, folder: Path) -> Path:
    """The project without what git ignores; its own folder is made."""
    hidden = shutil.ignore_patterns(".*", "__pycache__")

    def ignored(place: str, names: list[str]) -> set[str]:
        measured = {"results"} if Path(place) == root else set()
        return hidden(place, names) | measured

    return Path(shutil.copytree(root, folder, ignore=ignored))
