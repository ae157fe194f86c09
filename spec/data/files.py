"""Files of images that scikit-learn installs with itself."""

import os
from importlib.util import find_spec
from pathlib import Path

FOLDER = "GANTLET_IMAGES"
"""Environment variable: where the files lie, for a process that has no scikit-learn."""


def folder() -> Path:
    """The folder of `sklearn.datasets`, without importing it. ModuleNotFoundError if there is none.

    Importing it takes one to two seconds in each process that trains, most of that for algorithms
    that nothing here uses; so a row's environment does without, and whoever starts its process
    lends it three files. What is read is held against a checksum by every shipped workload.
    """
    if FOLDER in os.environ:
        return Path(os.environ[FOLDER])
    package = find_spec("sklearn")
    if package is None or package.origin is None:
        raise ModuleNotFoundError("No module named 'sklearn'; install scikit-learn", name="sklearn")
    return Path(package.origin).parent / "datasets"


def lent() -> dict[str, str]:
    """What a process must find in its environment to read the files that this one has."""
    try:
        return {FOLDER: str(folder())}
    except ModuleNotFoundError:
        return {}  # it may have its own
