"""MNIST's training samples from a folder (LeCun, Cortes, Burges: 60,000 digits of 28x28)."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from spec.arrays import Mnist
from spec.data import idx
from spec.data.folders import said
from spec.data.resizing import in_range
from spec.errors import SpecError

IMAGES, LABELS = "train-images-idx3-ubyte", "train-labels-idx1-ubyte"
CLASSES = 10


def files(folder: Path) -> list[str]:
    """The names of both files, as they are there."""
    return [idx.choose(folder, IMAGES), idx.choose(folder, LABELS)]


def load(source: Mnist, folder: Path) -> tuple[NDArray[np.float32], NDArray[np.int32]]:
    """All images, (n, height, width, 1) in the source's range, and their classes, (n,)."""
    images_name, labels_name = files(folder)
    images = idx.read(folder, images_name, 3, source.shape)
    labels = idx.read(folder, labels_name, 1, ())
    where = said(folder / labels_name)
    if len(labels) != len(images):
        raise SpecError(
            f"{where}: it has {len(labels):,} labels, but {images_name} has {len(images):,} images"
        )
    return in_range(images[..., None], source), checked(labels, where)


def checked(labels: NDArray[np.uint8], where: str) -> NDArray[np.int32]:
    """Labels as they are drawn; SpecError for one that is no class."""
    if labels.max() >= CLASSES:
        raise SpecError(
            f"{where}: it has the label {labels.max()}; allowed: whole numbers from 0 to "
            f"{CLASSES - 1}"
        )
    return labels.astype(np.int32)
