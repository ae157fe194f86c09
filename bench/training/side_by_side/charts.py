"""Charts of trainings beside each other: a metric in all of them, and numbers of each."""

from collections.abc import Mapping, Sequence
from math import ceil
from typing import Any

import altair as alt
import numpy as np
from numpy.typing import NDArray

from bench.report.drawing import draw
from bench.report.numbers import number
from bench.report.parts import Figure
from bench.report.plots import COLOURS, WIDTH
from bench.training import curves
from bench.training.quality.samples import LARGEST
from bench.training.side_by_side.grouping import Group, metrics, recorded

WIDTH_PX, HEIGHT_PX = WIDTH - 45, 180
MOST_METRICS = 12
"""Charts of a group."""
MOST_POINTS = 250
"""Of a line: about one for each pixel."""
DASHES = [[1, 0], [8, 4], [4, 4], [2, 3], [10, 3, 2, 3], [1, 4]]
"""Of trainings that are drawn over each other: what lies below is seen through the gaps."""
Line = list[tuple[int, float]]


def of_metrics(group: Group, rows: Sequence[str]) -> tuple[list[Figure], list[str]]:
    """A chart for each metric, and which of them are left out; `rows` say which colour is whose."""
    names = metrics(group)
    entropies = any(name.endswith("_loss_mean") for name in names)
    figures = []
    for name in names[:MOST_METRICS]:
        lines = {label: _line(one.records, name) for label, one in recorded(group).items()}
        marks = _marks(name, lines, entropies)
        chart = _overlaid(lines, _colours(group, rows), marks)
        figures.append(Figure(name, draw(chart, f"{name} by iteration", _described(lines))))
    return figures, names[MOST_METRICS:]


def of_numbers(
    real: NDArray[Any], noise: NDArray[Any], made: Mapping[str, NDArray[Any]]
) -> list[Figure]:
    """A histogram for each training, all over the same numbers."""
    known = {label: _finite(array) for label, array in made.items()}
    reals, noises = _finite(real), _finite(noise)
    every = np.concatenate([reals, noises, *known.values()])
    within = (float(every.min()), float(every.max())) if every.size else (0.0, 1.0)
    figures = []
    for label, numbers in known.items():
        chart = curves.histogram(reals, noises, numbers, within)
        chart = chart.properties(width=WIDTH_PX, height=HEIGHT_PX)
        figures.append(Figure(label, draw(chart, f"Numbers of {label}", _spread(numbers))))
    return figures


def _line(records: Sequence[Any], name: str) -> Line:
    """So many points at most, and the last: at even distances."""
    found = [(r.iteration, r.metrics[name]) for r in records if r.metrics.get(name) is not None]
    step = max(1, ceil(len(found) / MOST_POINTS))
    some = found[::step]
    return some if some[-1:] == found[-1:] else [*some, found[-1]]


def _marks(name: str, lines: Mapping[str, Line], entropies: bool) -> Mapping[str, float]:
    """Where a discriminator stands that knows nothing: of cross entropies, and of shares."""
    if "loss" in name:
        return curves.LN2 if entropies else {}
    shares = all(0 <= value <= 1 for line in lines.values() for _, value in line)
    return curves.HALF if shares else {}


def _colours(group: Group, rows: Sequence[str]) -> dict[str, str]:
    """Label -> the colour of its row in the whole page."""
    places = {row: place for place, row in enumerate(rows)}
    return {
        label: COLOURS[places[one.about.plan.cell.row] % len(COLOURS)]
        for label, one in group.trainings.items()
    }


def _overlaid(
    lines: Mapping[str, Line], colours: Mapping[str, str], marks: Mapping[str, float]
) -> alt.LayerChart:
    labels = list(lines)
    values = [
        {"iteration": iteration, "value": value, "of": label}
        for label, line in lines.items()
        for iteration, value in line
    ]
    dashes = [DASHES[i % len(DASHES)] for i in range(len(labels))]
    shown = {"sort": labels, "legend": alt.Legend(title=None, orient="bottom", columns=1)}
    colour = alt.Scale(domain=labels, range=[colours[label] for label in labels])
    chart = (
        alt.Chart(alt.Data(values=values))
        .mark_line(strokeWidth=2)
        .encode(
            x=alt.X("iteration:Q", title="iteration", axis=alt.Axis(grid=False, tickCount=5)),
            y=alt.Y("value:Q", title=None, scale=alt.Scale(zero=False)),
            color=alt.Color("of:N", scale=colour, **shown),
            strokeDash=alt.StrokeDash(
                "of:N", scale=alt.Scale(domain=labels, range=dashes), **shown
            ),
        )
    )
    whole = alt.layer(chart, *curves.rules(marks, WIDTH_PX))
    return whole.properties(width=WIDTH_PX, height=HEIGHT_PX)


def _described(lines: Mapping[str, Line]) -> str:
    """Curves in words: where each begins and ends."""
    ends = [
        f"{label}: {number(line[0][1])} at {line[0][0]:,}, {number(line[-1][1])} at {line[-1][0]:,}"
        for label, line in lines.items()
        if line
    ]
    return "; ".join(ends)


def _finite(array: NDArray[Any]) -> NDArray[Any]:
    """Its numbers but those that no axis has room for."""
    numbers = array.astype(np.float64).ravel()
    return numbers[np.abs(numbers) <= LARGEST]


def _spread(numbers: NDArray[Any]) -> str:
    if not numbers.size:
        return "no number that is finite"
    return f"mean {number(float(numbers.mean()))}, deviation {number(float(numbers.std()))}"
