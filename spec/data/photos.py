"""scikit-learn's two colour photographs (427x640, CC BY), cut into square patches."""

import numpy as np
from numpy.typing import NDArray

from spec.errors import SpecError
from spec.sources import Photos

LARGEST_VALUE = 255.0


def load(source: Photos) -> NDArray[np.float32]:
    """Patches row by row, first photograph first: (count, height, width, 3), in the range."""
    from sklearn.datasets import load_sample_images

    photographs = load_sample_images().images
    height, width, channels = source.shape
    if channels != 3 or height > photographs[0].shape[0] or width > photographs[0].shape[1]:
        raise SpecError(
            f"data.shape: given {list(source.shape)}; photos gives patches of at most "
            f"{list(photographs[0].shape)}, always with 3 channels"
        )
    cut = [patches(p / LARGEST_VALUE, height, width, source.patch_stride) for p in photographs]
    low, high = source.range
    return (low + (high - low) * np.concatenate(cut)).astype(np.float32)


def patches(
    photograph: NDArray[np.float64], height: int, width: int, stride: int
) -> NDArray[np.float64]:
    """Every patch whose corner lies on the grid of `stride`: (count, height, width, channels)."""
    windows = np.lib.stride_tricks.sliding_window_view(photograph, (height, width), axis=(0, 1))
    grid = np.moveaxis(windows[::stride, ::stride], 2, -1)
    return grid.reshape(-1, height, width, photograph.shape[-1])
