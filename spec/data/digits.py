"""scikit-learn's handwritten digits (UCI, 8x8, values 0 to 16), resized."""

import numpy as np
from numpy.typing import NDArray

from spec.arrays import Digits
from spec.data.files import folder

LARGEST_VALUE, SIDE = 16.0, 8


def load(source: Digits) -> NDArray[np.float32]:
    """All 1,797 digits, shape (1797, height, width, 1), values in the source's range."""
    height, width, _ = source.shape
    resized = resize(images() / LARGEST_VALUE, height, width)
    low, high = source.range
    return (low + (high - low) * resized).astype(np.float32)[..., None]


def images() -> NDArray[np.float64]:
    """The digits as they are: (1797, 8, 8), whole numbers from 0 to 16."""
    return _rows()[:, :-1].reshape(-1, SIDE, SIDE)


def classes() -> NDArray[np.int32]:
    """What each of them shows, 0 to 9: (1797,)."""
    return _rows()[:, -1].astype(np.int32)


def _rows() -> NDArray[np.float64]:
    """64 pixels and the class, in that order."""
    return np.loadtxt(folder() / "data" / "digits.csv.gz", delimiter=",")


def resize(images: NDArray[np.float64], height: int, width: int) -> NDArray[np.float64]:
    """Bilinear, half-pixel centres, edges repeated: (n, h, w) -> (n, height, width)."""
    rows, columns = _weights(images.shape[1], height), _weights(images.shape[2], width)
    return np.einsum("ih,nhw,jw->nij", rows, images, columns, optimize=True)


def _weights(old: int, new: int) -> NDArray[np.float64]:
    """(new, old) matrix: the weight of each old pixel in each new one."""
    centres = np.clip((np.arange(new) + 0.5) * old / new - 0.5, 0, old - 1)
    return np.maximum(0.0, 1.0 - np.abs(centres[:, None] - np.arange(old)[None, :]))
