"""Files of images that scikit-learn installs with itself."""

from importlib.util import find_spec
from pathlib import Path


def installed(name: str) -> Path:
    """The path of a file of `sklearn.datasets`, without importing it.

    Importing it takes one to two seconds in each process that trains, most of that for algorithms
    that nothing here uses. What is read is held against a checksum by every shipped workload.
    """
    package = find_spec("sklearn")
    if package is None or package.origin is None:
        raise ModuleNotFoundError("No module named 'sklearn'; install scikit-learn", name="sklearn")
    return Path(package.origin).parent / "datasets" / name
