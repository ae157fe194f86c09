"""Samples as pictures."""

import io
from math import ceil, sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

GAP_PX = 2
LARGEST_ZOOM = 4
GRID_PX = 512
"""Small images are enlarged, by whole numbers, to a grid of about this width."""


def is_image(samples: NDArray[Any]) -> bool:
    """Whether samples (n, height, width, channels) can be shown: in grey or in colours."""
    return samples.ndim == 4 and samples.shape[3] in (1, 3)


def grid(samples: NDArray[Any], low: float, high: float, width_px: int = GRID_PX) -> Image.Image:
    """Samples (n, height, width, 1 or 3), values from `low` to `high`, in a square; row by row.

    `width_px`: about how wide small ones become.
    """
    n, height, width, channels = samples.shape
    columns = ceil(sqrt(n))
    rows = ceil(n / columns)
    shape = (rows * (height + GAP_PX) - GAP_PX, columns * (width + GAP_PX) - GAP_PX, channels)
    canvas = np.full(shape, 255, np.uint8)
    finite = np.nan_to_num(samples.astype(np.float64), nan=low, posinf=high, neginf=low)
    values = np.clip((finite - low) / (high - low), 0.0, 1.0)
    for i, value in enumerate(np.round(values * 255).astype(np.uint8)):
        y, x = (
            place * (size + GAP_PX)
            for place, size in zip(divmod(i, columns), (height, width), strict=True)
        )
        canvas[y : y + height, x : x + width] = value
    image = Image.fromarray(canvas if channels == 3 else canvas[:, :, 0])
    zoom = max(1, min(LARGEST_ZOOM, width_px // image.width))
    size = (image.width * zoom, image.height * zoom)
    return image.resize(size, resample=Image.Resampling.NEAREST)


def png(image: Image.Image) -> bytes:
    """The image's file."""
    stream = io.BytesIO()
    image.save(stream, format="PNG", optimize=True)
    return stream.getvalue()
