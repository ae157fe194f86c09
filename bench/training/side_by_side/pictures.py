"""Samples of trainings beside each other, at the same iterations and from the same inputs."""

import base64
from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup
from numpy.typing import NDArray
from PIL import Image

from bench.report.parts import Figure, Picture, Pictures
from bench.training import images
from bench.training.side_by_side.reading import Trained

SAMPLES = 16
"""Of each moment: a grid of four by four."""
COLUMN_PX = 272
"""Which small grids are enlarged to, by whole numbers; the page shows none wider."""
MOMENTS = 6
"""Lines of a table: the first, the last, and some between."""
MOST_GRIDS = 96
"""On a page: one has 50 to 500 kB."""
LARGEST_SIDE_PX = 1024
"""Of an image; larger ones are not shown."""
Range = tuple[float, float]
Arrays = Mapping[str, NDArray[Any]]


class Budget:
    """Grids that a page still has room for."""

    def __init__(self, grids: int = MOST_GRIDS) -> None:
        self.left = grids

    def lines(self, columns: int, most: int = MOMENTS) -> int:
        """How many lines of so many grids there may be; they are taken."""
        taken = min(most, self.left // columns)
        self.left -= taken * columns
        return taken


def shown(arrays: Arrays) -> dict[str, NDArray[Any]]:
    """Those that are images of a size that a page has room for, by name; no inputs."""
    return {
        name: array
        for name, array in arrays.items()
        if "/" not in name
        and images.is_image(array)
        and array.size
        and max(array.shape[1:3]) <= LARGEST_SIDE_PX
    }


def values(real: Arrays) -> Range | None:
    """The smallest and the largest number of real images; None where that is no range."""
    low = min((float(array.min()) for array in real.values()), default=0.0)
    high = max((float(array.max()) for array in real.values()), default=0.0)
    return (low, high) if -1e12 <= low < high <= 1e12 else None


def figures(real: Arrays, of: Range) -> list[Figure]:
    """A grid of each source's real samples."""
    drawn = {f"{name}: real samples": array for name, array in real.items()}
    return [Figure(title, _markup(_picture(array, of, title))) for title, array in drawn.items()]


def table(
    trainings: Mapping[str, Trained], moments: Sequence[int], network: str, of: Range
) -> Pictures:
    """A column for each training, a line for each moment, from what the network made then."""
    lines = {}
    for iteration in moments:
        lines[f"{iteration:,}"] = [
            _made(one, iteration, network, of, f"{network} in {label} after {iteration:,}")
            for label, one in trainings.items()
        ]
    return Pictures(f"Samples of {network}", "iteration", tuple(trainings), lines)


def _made(one: Trained, iteration: int, network: str, of: Range, words: str) -> Picture | None:
    array = shown(one.arrays(one.samples[iteration])).get(network)
    return None if array is None else _picture(array, of, f"{words} iterations")


def _picture(array: NDArray[Any], of: Range, words: str) -> Picture:
    """A grid, made smaller where it is wider than a column has use for."""
    image = images.grid(array[:SAMPLES], *of, width_px=COLUMN_PX)
    image.thumbnail((images.GRID_PX, images.GRID_PX), resample=Image.Resampling.LANCZOS)
    content = base64.b64encode(images.png(image)).decode("ascii")
    return Picture(f"data:image/png;base64,{content}", words)


def _markup(picture: Picture) -> Markup:
    return Markup('<img src="{}" alt="{}">').format(picture.uri, picture.alt)
