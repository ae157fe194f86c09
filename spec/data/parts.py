"""What is derived from each image of an array, and belongs to it (spec.sources: parts)."""

import numpy as np
from numpy.typing import NDArray

from spec.parts import Blurred, Derived, Edges, Grey, HalfSize

LUMA = (0.299, 0.587, 0.114)
"""Red, green, blue (ITU-R BT.601)."""


def derive(
    part: Derived, images: NDArray[np.float32], low: float, high: float
) -> NDArray[np.float32]:
    """(n, height, width, channels), in the range of the images: low to high."""
    unit = (images.astype(np.float64) - low) / (high - low)
    match part:
        case Grey():
            made = grey(unit)
        case Edges():
            made = edges(grey(unit))
        case Blurred(reach=reach):
            made = blurred(unit, reach)
        case HalfSize():
            made = (unit[:, ::2] + unit[:, 1::2]) / 2
            made = (made[:, :, ::2] + made[:, :, 1::2]) / 2
    return (low + (high - low) * made).astype(np.float32)


def grey(images: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n, height, width, 3) -> (n, height, width, 1)."""
    return images @ np.array(LUMA)[:, None]


def edges(images: NDArray[np.float64]) -> NDArray[np.float64]:
    """How steep they are, from 0 to 1, of the same shape."""
    squares = np.zeros_like(images)
    for axis in (1, 2):
        ends = [(0, 0)] * images.ndim
        ends[axis] = (1, 1)
        wide = np.pad(images, ends, mode="edge")
        size = images.shape[axis]
        after, before = (np.take(wide, range(at, at + size), axis=axis) for at in (2, 0))
        squares += ((after - before) / 2) ** 2
    return np.minimum(np.sqrt(squares), 1.0)


def blurred(images: NDArray[np.float64], reach: int) -> NDArray[np.float64]:
    """The mean over 2 reach + 1 pixels in both directions, edges repeated."""
    for axis in (1, 2):
        ends = [(0, 0)] * images.ndim
        ends[axis] = (reach, reach)
        wide = np.pad(images, ends, mode="edge")
        size = images.shape[axis]
        shifted = [np.take(wide, range(i, i + size), axis=axis) for i in range(2 * reach + 1)]
        images = np.mean(shifted, axis=0)
    return images
