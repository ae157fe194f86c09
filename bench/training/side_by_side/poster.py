"""Samples of a group as one picture, to be put where no page can be: a line a row."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from bench.training import images, samples
from bench.training.side_by_side import grouping, pictures, reading
from bench.training.side_by_side.reading import Trained
from bench.workers.whole import whole

CELL_PX, GAP_PX, LEFT_PX, TOP_PX = 150, 14, 190, 38
FONT_PX = 18
MOMENTS = 5
COLOURS = 64
"""A picture of noise hardly gets smaller otherwise."""
LARGEST_LINES = 8
INK, PAPER = (40, 40, 40), (255, 255, 255)


def write(folders: Sequence[Path], path: Path) -> Path | None:
    """Write the picture of the first group whose samples are images; None where none are."""
    for group in grouping.groups([reading.read(folder) for folder in folders]):
        drawn = _drawn(group)
        if drawn is not None:
            with whole(path) as draft:
                draft.write_bytes(images.png(drawn))
            return path
    return None


def _drawn(group: grouping.Group) -> Image.Image | None:
    having = {name: one for name, one in group.trainings.items() if one.samples}
    moments = samples.some(grouping.sampled(group), MOMENTS)
    if not moments:
        return None
    first = next(iter(having.values()))
    range_ = pictures.values(pictures.shown(first.beside()))
    networks = list(pictures.shown(first.arrays(first.samples[moments[-1]])))
    if range_ is None or not networks:
        return None
    return poster(dict(list(having.items())[:LARGEST_LINES]), moments, networks[0], range_)


def poster(
    trainings: Mapping[str, Trained], moments: Sequence[int], network: str, of: pictures.Range
) -> Image.Image:
    """A line for each training, a column for each moment; values `of` from black to white."""
    width = LEFT_PX + len(moments) * (CELL_PX + GAP_PX)
    height = TOP_PX + len(trainings) * (CELL_PX + GAP_PX)
    canvas = Image.new("RGB", (width, height), PAPER)
    draw, font = ImageDraw.Draw(canvas), ImageFont.load_default(FONT_PX)
    draw.text((LEFT_PX - GAP_PX, TOP_PX // 2), "iteration", INK, font, anchor="rm")
    for column, iteration in enumerate(moments):
        place = LEFT_PX + column * (CELL_PX + GAP_PX) + CELL_PX // 2
        draw.text((place, TOP_PX // 2), f"{iteration:,}", INK, font, anchor="mm")
    for line, (label, one) in enumerate(trainings.items()):
        top = TOP_PX + line * (CELL_PX + GAP_PX)
        middle = top + CELL_PX // 2
        draw.text((LEFT_PX - GAP_PX, middle), label, INK, font, anchor="rm")
        for column, iteration in enumerate(moments):
            array = pictures.shown(one.arrays(one.samples[iteration])).get(network)
            if array is not None:
                cell = images.grid(array[: pictures.SAMPLES], *of, width_px=CELL_PX)
                cell = cell.resize((CELL_PX, CELL_PX), resample=Image.Resampling.LANCZOS)
                canvas.paste(cell, (LEFT_PX + column * (CELL_PX + GAP_PX), top))
    return canvas.quantize(COLOURS, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
