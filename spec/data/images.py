"""PNG and JPEG files of a folder, decoded by Pillow with no other decoder than these two."""

import warnings
from io import BufferedReader
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spec.arrays import Images
from spec.data.folders import (
    LARGEST_FILE_BYTES,
    names,
    opened,
    require_room,
    said,
    size_bytes,
)
from spec.data.resizing import in_range
from spec.errors import SpecError

ENDINGS = (".png", ".jpg", ".jpeg")
LARGEST_PIXELS = 2**25
"""Height times width of one file, before it is decoded: 8192x4096, 96 MiB as red, green, blue."""
PNG_BEGINS, DEPTH_AT = b"\x89PNG\r\n\x1a\n", 24
"""A PNG's first bytes, and the place of its bits a channel (PNG, third edition, 11.2.1)."""
MODES = {"1": "black and white", "L": "grey", "P": "a palette", "RGB": "red, green and blue"}
"""Pillow's modes that are taken."""


def files(folder: Path) -> list[str]:
    """The names of all images, sorted. SpecError for what is none, but for a dot in front."""
    found = [name for name in names(folder) if not name.startswith(".")]
    if not found:
        raise SpecError(f"{said(folder)}: there is no image in it; allowed: {', '.join(ENDINGS)}")
    for name in found:
        if (folder / name).is_dir():
            raise SpecError(f"{said(folder / name)}: it is a folder; images lie beside each other")
        if not name.lower().endswith(ENDINGS):
            raise SpecError(
                f"{said(folder / name)}: no image by its name; allowed: {', '.join(ENDINGS)}, and "
                "nothing else in the folder"
            )
    return found


def load(source: Images, folder: Path) -> tuple[NDArray[np.float32], None]:
    """All images in the order of their names, (n, *shape), in the source's range; no classes."""
    wanted = files(folder)
    require_room(folder, len(wanted), source.shape)
    made = np.empty((len(wanted), *source.shape), np.float32)
    for i, name in enumerate(wanted):
        with opened(folder, name) as file:
            whole = _decoded(file, folder / name, source.shape[2])
        made[i : i + 1] = in_range(middle(whole, source.shape[0], source.shape[1])[None], source)
    return made, None


def middle(image: NDArray[np.uint8], height: int, width: int) -> NDArray[np.uint8]:
    """The largest part in the middle of (h, w, c) with the form of height to width.

    Whole pixels, the nearest number of them; the odd one is left out at the bottom or the right.
    """
    h, w = image.shape[:2]
    if w * height > h * width:
        rows, columns = h, max(1, (2 * h * width + height) // (2 * height))
    else:
        rows, columns = max(1, (2 * w * height + width) // (2 * width)), w
    top, left = (h - rows) // 2, (w - columns) // 2
    return image[top : top + rows, left : left + columns]


def _decoded(file: BufferedReader, where: Path, channels: int) -> NDArray[np.uint8]:
    """(h, w, channels), turned as the camera says. SpecError for all that is not taken."""
    from PIL import Image, ImageOps

    if size_bytes(file) > LARGEST_FILE_BYTES:
        raise SpecError(f"{said(where)}: larger than {LARGEST_FILE_BYTES:,} bytes")
    begins = file.read(DEPTH_AT + 1)
    file.seek(0)
    try:
        with warnings.catch_warnings():
            # Pillow warns of what it reads in part, and of pixels, of which our limit is lower.
            warnings.simplefilter("error", UserWarning)
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            with Image.open(file, formats=("PNG", "JPEG")) as image:
                _require_taken(image, begins, where)
                turned = ImageOps.exif_transpose(image)
                whole = np.asarray(turned.convert("RGB" if channels == 3 else "L"))
    except SpecError:
        raise
    except Exception as error:  # decoders raise almost anything on a broken file
        why = " ".join(str(error).replace(str(file), "").split())[:100]
        raise SpecError(f"{said(where)}: no PNG or JPEG that can be decoded ({why})") from None
    return whole if channels == 3 else whole[..., None]


def _require_taken(image: Any, begins: bytes, where: Path) -> None:
    """SpecError for an image whose header says that it is not taken; nothing is decoded yet."""
    width, height = image.size
    png = begins.startswith(PNG_BEGINS)
    refused = ""
    if width * height > LARGEST_PIXELS:
        refused = f"{width}x{height} pixels; allowed: at most {LARGEST_PIXELS:,}"
    elif png and begins[DEPTH_AT] > 8:
        refused = f"{begins[DEPTH_AT]} bits a channel; allowed: at most 8"
    elif getattr(image, "n_frames", 1) > 1:
        refused = f"{image.n_frames} images in one file; allowed: one"
    elif image.mode not in MODES or image.has_transparency_data:
        what = "transparency" if image.has_transparency_data else image.mode
        refused = f"{what}; allowed: {', '.join(MODES.values())}, without transparency"
    if refused:
        raise SpecError(f"{said(where)}: it has {refused}")
