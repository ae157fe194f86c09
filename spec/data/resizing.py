"""Images of whole numbers from 0 to 255, resized and brought into a source's range."""

import numpy as np
from numpy.typing import NDArray

from spec.arrays import FolderSource

LARGEST_VALUE = 255.0
AT_A_TIME = 256
"""Images that are float64 together: the rest of them is bytes or float32."""


def in_range(images: NDArray[np.uint8], source: FolderSource) -> NDArray[np.float32]:
    """(n, any height, any width, channels) -> (n, *shape of the source), values in its range."""
    made = np.empty((len(images), *source.shape), np.float32)
    height, width, _ = source.shape
    low, high = source.range
    for start in range(0, len(images), AT_A_TIME):
        some = slice(start, start + AT_A_TIME)
        unit = resized(images[some] / LARGEST_VALUE, height, width)
        made[some] = low + (high - low) * unit
    return made


def resized(images: NDArray[np.float64], height: int, width: int) -> NDArray[np.float64]:
    """Bilinear and antialiased: (n, h, w, c) -> (n, height, width, c); see `weights`."""
    if images.shape[1:3] == (height, width):
        return images
    rows, columns = weights(images.shape[1], height), weights(images.shape[2], width)
    return np.einsum("ih,nhwc,jw->nijc", rows, images, columns, optimize=True)


def weights(old: int, new: int) -> NDArray[np.float64]:
    """(new, old) matrix: the weight of each old pixel in each new one.

    A triangle around the new pixel's centre, half-pixel centres, with a base of two old pixels, or
    of two new ones where these are larger, so that no old pixel is passed over. Weights are divided
    by their sum, also at an edge. Pillow's and torchvision's antialiased bilinear filter (Parmar,
    Zhang, Zhu 2022, arXiv 2104.11222, compare it with those that are not).
    """
    scale = max(1.0, old / new)
    centres = (np.arange(new) + 0.5) * old / new - 0.5
    distance = np.abs(centres[:, None] - np.arange(old)[None, :])
    found = np.maximum(0.0, 1.0 - distance / scale)
    return found / found.sum(axis=1, keepdims=True)
