"""scikit-learn's two colour photographs (427x640, CC BY), cut into patches."""

import numpy as np
from numpy.typing import NDArray

from spec.arrays import PHOTOGRAPH, Photos
from spec.data.files import folder

LARGEST_VALUE = 255.0


def load(source: Photos) -> NDArray[np.float32]:
    """Patches row by row, first photograph first: (count, height, width, 3), in the range."""
    return _cut(source, slice(None))


def divided(source: Photos) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """(patches of training, those held out): left of the strip at the right edge, and within it.

    The grid of those held out begins at the strip's left edge.
    """
    edge = PHOTOGRAPH[1] - source.strip_px
    return _cut(source, slice(edge)), _cut(source, slice(edge, None))


def _cut(source: Photos, columns: slice) -> NDArray[np.float32]:
    """Patches of these columns of each photograph."""
    height, width, _ = source.shape
    wanted = [image for name, image in images().items() if source.photograph in ("both", name)]
    parts = [image[:, columns] / LARGEST_VALUE for image in wanted]
    cut = [patches(part, height, width, source.patch_stride) for part in parts]
    low, high = source.range
    return (low + (high - low) * np.concatenate(cut)).astype(np.float32)


def images() -> dict[str, NDArray[np.uint8]]:
    """Both photographs, (427, 640, 3), by name."""
    from PIL import Image

    found = {}
    for name in ("china", "flower"):
        with Image.open(folder() / "images" / f"{name}.jpg") as photograph:
            found[name] = np.asarray(photograph)
    return found


def patches(
    photograph: NDArray[np.float64], height: int, width: int, stride: int
) -> NDArray[np.float64]:
    """Every patch whose corner lies on the grid of `stride`: (count, height, width, channels)."""
    windows = np.lib.stride_tricks.sliding_window_view(photograph, (height, width), axis=(0, 1))
    grid = np.moveaxis(windows[::stride, ::stride], 2, -1)
    return grid.reshape(-1, height, width, photograph.shape[-1])
