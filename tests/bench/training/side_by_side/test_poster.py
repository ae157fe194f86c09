"""Samples of a group as one picture: each training and moment in its place."""

from pathlib import Path

import numpy as np
from PIL import Image

from bench.training.side_by_side import poster
from bench.training.side_by_side.poster import CELL_PX, GAP_PX, LEFT_PX, TOP_PX
from tests.bench.training.side_by_side.made import DIGITS, REAL, made

DARK, GREY, BRIGHT = np.full_like(DIGITS, -1), np.zeros_like(DIGITS), np.full_like(DIGITS, 1)


def middle(image: Image.Image, line: int, column: int) -> int:
    """A pixel within the first sample of a cell."""
    step = CELL_PX + GAP_PX
    place = (LEFT_PX + column * step + 4, TOP_PX + line * step + 4)
    red, _, _ = image.convert("RGB").getpixel(place)  # type: ignore[misc]
    return int(red)


def test_a_line_is_a_training_and_a_column_a_moment(tmp_path: Path) -> None:
    one = made(tmp_path / "a", "pytorch", of={0: {"generator": DARK}, 64: {"generator": BRIGHT}})
    two = made(tmp_path / "b", "flax_nnx", of={0: {"generator": GREY}, 64: {"generator": DARK}})
    path = poster.write([one, two], tmp_path / "a.png")
    assert path == tmp_path / "a.png"
    image = Image.open(path)
    step = CELL_PX + GAP_PX
    assert image.size == (LEFT_PX + 2 * step, TOP_PX + 2 * step)
    seen = [[middle(image, line, column) for column in (0, 1)] for line in (0, 1)]
    assert seen == [[128, 0], [0, 255]]  # by the rows' names: flax_nnx comes first
    # Each line and column has its name.
    rgb = np.asarray(image.convert("L"))
    for line in (0, 1):
        assert rgb[TOP_PX + line * step :][:CELL_PX, :LEFT_PX].min() < 128
    for column in (0, 1):
        assert rgb[:TOP_PX, LEFT_PX + column * step :][:, :CELL_PX].min() < 128


def test_what_is_no_image_has_no_picture(tmp_path: Path) -> None:
    rows = np.zeros((4, 3), np.float32)
    numbers = made(tmp_path / "a", of={0: {"generator": rows}}, beside={"x": rows})
    nothing_real = made(tmp_path / "b", beside={"generator/z": REAL["generator/z"]})
    for folder in (numbers, nothing_real):
        assert poster.write([folder], tmp_path / "a.png") is None
    assert not (tmp_path / "a.png").exists()


def test_a_training_without_samples_of_a_moment_leaves_it_empty(tmp_path: Path) -> None:
    one = made(tmp_path / "a", "pytorch", of={0: {"other": DARK}, 64: {"generator": DARK}})
    path = poster.write([one], tmp_path / "a.png")
    assert path is not None
    image = Image.open(path)
    assert [middle(image, 0, column) for column in (0, 1)] == [255, 0]
