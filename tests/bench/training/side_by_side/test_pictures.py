"""Grids of samples: which, how large, from which numbers, and how many a page has room for."""

import base64
import io
from pathlib import Path

import numpy as np
from PIL import Image

from bench.report.parts import Picture
from bench.training import images
from bench.training.side_by_side import pictures
from bench.training.side_by_side.pictures import Budget
from tests.bench.training.side_by_side.made import DIGITS, REAL, trained


def opened(picture: Picture | None) -> Image.Image:
    assert picture is not None
    start = "data:image/png;base64,"
    assert picture.uri.startswith(start)
    return Image.open(io.BytesIO(base64.b64decode(picture.uri.removeprefix(start))))


def test_images_are_shown_and_inputs_and_numbers_are_not() -> None:
    wide = np.zeros((1, 1, pictures.LARGEST_SIDE_PX + 1, 1), np.float32)
    arrays = {
        "generator": DIGITS,
        "generator/picture": DIGITS,
        "rows": np.zeros((4, 3), np.float32),
        "flow": np.zeros((4, 3, 3, 2), np.float32),
        "none": DIGITS[:0],
        "wide": wide,
        "as wide as can be": wide[:, :, 1:],
    }
    assert list(pictures.shown(arrays)) == ["generator", "as wide as can be"]


def test_black_and_white_are_the_ends_of_the_real_samples() -> None:
    assert pictures.values({"x": DIGITS, "y": DIGITS * 3}) == (-3.0, 3.0)
    assert pictures.values({}) is None
    for flat in (np.zeros_like(DIGITS), DIGITS * np.nan, DIGITS * np.inf, DIGITS * 1e13):
        with np.errstate(invalid="ignore"):
            assert pictures.values({"x": flat}) is None


def test_a_table_has_each_training_s_samples_at_each_moment(tmp_path: Path) -> None:
    """Each its own: a brighter one is white where the others are grey."""
    dark, bright = np.full_like(DIGITS, -1), np.full_like(DIGITS, 1)
    one = trained(tmp_path / "a", of={0: {"generator": dark}, 64: {"generator": bright}})
    two = trained(tmp_path / "b", of={0: {"generator": dark * 0}, 64: {"other": dark}})
    table = pictures.table({"one": one, "two": two}, [0, 64], "generator", (-1.0, 1.0))
    assert (table.corner, table.columns) == ("iteration", ("one", "two"))
    assert list(table.lines) == ["0", "64"]
    first, last = table.lines.values()
    assert [opened(of).getpixel((0, 0)) for of in first] == [0, 128]
    assert opened(last[0]).getpixel((0, 0)) == 255
    assert last[1] is None
    assert [of.alt for of in first if of] == [
        "generator in one after 0 iterations",
        "generator in two after 0 iterations",
    ]


def test_sixteen_are_shown_as_large_as_a_column(tmp_path: Path) -> None:
    """Four by four; the seventeenth is not among them."""
    samples = np.full((17, 6, 5, 1), -1.0, np.float32)
    samples[16] = 1.0
    (figure,) = pictures.figures({"x": samples}, (-1.0, 1.0))
    assert figure.title == "x: real samples"
    assert str(figure.svg).startswith('<img src="data:image/png;base64,')
    assert str(figure.svg).endswith('alt="x: real samples">')
    one = trained(tmp_path / "a", of={0: {"generator": samples}})
    table = pictures.table({"a": one}, [0], "generator", (-1.0, 1.0))
    image = opened(table.lines["0"][0])
    assert image.size == (4 * (4 * 7 - 2), 4 * (4 * 8 - 2))
    gaps = {255}
    assert {image.getpixel((x, 0)) for x in range(4 * 5)} == {0}
    assert set(np.unique(np.asarray(image)).tolist()) == {0} | gaps


def test_large_images_are_made_smaller(tmp_path: Path) -> None:
    large = np.zeros((16, 200, 300, 3), np.float32)
    one = trained(tmp_path / "a", of={0: {"generator": large}})
    table = pictures.table({"a": one}, [0], "generator", (-1.0, 1.0))
    image = opened(table.lines["0"][0])
    assert image.mode == "RGB"
    assert image.width == images.GRID_PX
    assert image.height < images.GRID_PX


def test_titles_are_escaped() -> None:
    (figure,) = pictures.figures({'"><script>': DIGITS}, (-1.0, 1.0))
    assert "<script>" not in str(figure.svg)
    assert "&lt;script&gt;: real samples" in str(figure.svg)


def test_a_page_has_room_for_so_many_grids() -> None:
    budget = Budget(20)
    assert budget.lines(4) == 5
    assert budget.left == 0
    assert budget.lines(4) == 0
    budget = Budget(100)
    assert [budget.lines(8) for _ in range(4)] == [6, 6, 0, 0]
    assert budget.lines(2) == 2
    assert Budget().left == pictures.MOST_GRIDS


def test_the_real_samples_of_the_fixture_are_what_these_tests_take_them_for() -> None:
    assert list(pictures.shown(REAL)) == ["x"]
