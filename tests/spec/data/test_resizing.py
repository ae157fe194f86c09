"""Resizing against Pillow's own filter, and the part in the middle by hand."""

import numpy as np
import pytest
from PIL import Image

from spec.data.images import middle
from spec.data.resizing import resized, weights

GREY = np.random.default_rng(1).uniform(size=(2, 20, 30, 1))


@pytest.mark.parametrize("shape", [(20, 30), (40, 45), (10, 15), (7, 11), (64, 9), (1, 1)])
def test_as_pillow_resizes(shape: tuple[int, int]) -> None:
    height, width = shape
    found = resized(GREY, height, width)
    for image, ours in zip(GREY, found, strict=True):
        picture = Image.fromarray(image[..., 0].astype(np.float32))
        theirs = picture.resize((width, height), Image.Resampling.BILINEAR)
        np.testing.assert_allclose(ours[..., 0], np.asarray(theirs), atol=1e-6)


def test_no_pixel_is_passed_over() -> None:
    for old, new in ((100, 7), (8, 28), (5, 5)):
        found = weights(old, new)
        np.testing.assert_allclose(found.sum(axis=1), 1.0)
        assert (found.sum(axis=0) > 0).all()


@pytest.mark.parametrize(
    ("size", "form", "expected"),
    [
        ((6, 10), (1, 1), (0, 6, 2, 8)),
        ((10, 6), (1, 1), (2, 8, 0, 6)),
        ((6, 6), (32, 32), (0, 6, 0, 6)),
        ((5, 8), (1, 1), (0, 5, 1, 6)),
        ((6, 10), (2, 1), (0, 6, 3, 6)),
        ((6, 10), (1, 3), (1, 4, 0, 10)),
        ((1, 100), (100, 1), (0, 1, 49, 50)),
    ],
)
def test_the_part_in_the_middle(
    size: tuple[int, int], form: tuple[int, int], expected: tuple[int, int, int, int]
) -> None:
    image = np.arange(size[0] * size[1], dtype=np.uint16).reshape(*size, 1)
    top, bottom, left, right = expected
    found = middle(image, *form)  # type: ignore[arg-type]
    np.testing.assert_array_equal(found, image[top:bottom, left:right])
