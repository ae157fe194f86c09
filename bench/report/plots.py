"""The charts, in Vega-Lite by Altair: names stand beside the marks, rows have colour and shape."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from math import ceil, floor, log10
from statistics import median
from typing import Any

import altair as alt

WIDTH = 330
"""A phone's width in pixels; wider screens put more panels beside each other."""
LINE_HEIGHT = 36
STRIP_HEIGHT = 26
MOST_TICKS = 12
PLAIN, PERCENT = ".6~g", ".3~%"
"""Numbers on an axis, without an exponent or trailing zeros."""
INK, FAINT, GRID, BAND, PAPER = (
    f"var(--{name})" for name in ("ink", "faint", "grid", "band", "paper")
)
COLOURS = [f"var(--row{i})" for i in range(1, 7)]
SHAPES = ["circle", "square", "triangle-up", "diamond", "cross", "triangle-down"]
DASHES = [[1, 0], [6, 3], [2, 2]]


@dataclass(frozen=True)
class Point:
    """One line of a dot plot."""

    label: str
    row: str
    value: float
    text: str
    low: float | None = None
    high: float | None = None
    solid: bool = True
    """Filled: the best of its row."""


@dataclass(frozen=True)
class Dot:
    """One point of a curve."""

    label: str
    row: str
    mode: str
    x: float
    y: float


def dots(
    points: Sequence[Point],
    rows: Sequence[str],
    unit: str,
    *,
    log: bool = False,
    band: tuple[float, float] | None = None,
    ticks: str = PLAIN,
) -> alt.LayerChart:
    """A dot plot with intervals, names above each line, numbers at the right."""
    chart = alt.Chart()  # the data are those of the whole: altair copies what is in a layer
    y = alt.Y("label:N", sort=[p.label for p in points], axis=None)
    axis, scale = _axis(points, unit, ticks, log)
    x = alt.X("value:Q", axis=axis, scale=scale)
    shown = _row_encoding(rows) | {"x": x, "y": y}
    # Of its class each: altair takes long to find that of a word or a value.
    left, right = alt.XValue(0), alt.XValue(WIDTH)
    label, text = alt.Text("label:N"), alt.Text("text:N")
    layers = [
        chart.mark_rule(color=GRID).encode(x=left, x2=alt.X2Value(WIDTH), y=y),
        chart.mark_rule(strokeWidth=3, opacity=0.75).encode(
            x=alt.X("low:Q", axis=axis, scale=scale), x2=alt.X2("high:Q"), y=y, color=shown["color"]
        ),
        _marks(chart, filled=True).encode(**shown),
        _marks(chart, filled=False).encode(**shown),
        chart.mark_text(align="left", dy=-13, color=INK).encode(x=left, y=y, text=label),
        chart.mark_text(align="right", dy=-13, color=INK).encode(x=right, y=y, text=text),
    ]
    if band:
        area = alt.Chart(_data([{"from": band[0], "to": band[1]}])).mark_rect(color=BAND)
        layers.insert(0, area.encode(x=alt.X("from:Q", axis=axis, scale=scale), x2=alt.X2("to:Q")))
    data = _data(asdict(point) for point in points)
    return alt.layer(*layers, data=data, width=WIDTH, height=alt.Step(LINE_HEIGHT))


def _axis(points: Sequence[Point], unit: str, ticks: str, log: bool) -> tuple[alt.Axis, alt.Scale]:
    """From zero, or, where values differ by orders of magnitude, logarithmic with few lines."""
    own = {"title": unit, "format": ticks, "domain": False, "ticks": False}
    values = [point.value for point in points]
    if not log:
        scale = alt.Scale(zero=True, nice=False) if any(values) else alt.Scale(domain=[0, 1])
        return alt.Axis(**own, tickCount=5), scale
    first, last = floor(log10(min(values))), ceil(log10(max(values)))
    last += first == last
    decades = [10.0**exponent for exponent in range(first, last + 1)]
    return alt.Axis(**own, values=decades), alt.Scale(type="log", domain=[decades[0], decades[-1]])


def _marks(chart: alt.Chart, filled: bool) -> alt.Chart:
    """Points filled or hollow, by two layers: Vega-Lite has no channel for it."""
    own = chart.transform_filter(f"datum.solid == {str(filled).lower()}")
    paper = {} if filled else {"fill": PAPER}
    return own.mark_point(size=70, filled=filled, opacity=1, strokeWidth=2, **paper)


def strips(dots_: Sequence[Dot], rows: Sequence[str], x: str) -> alt.FacetChart:
    """A small line for each label, all of one scale, below each other."""
    data = _data(asdict(dot) for dot in dots_)
    whole = alt.Axis(format="d", grid=False, values=_some(sorted({dot.x for dot in dots_})))
    chart = alt.Chart().encode(
        x=alt.X("x:Q", title=x, axis=whole),
        y=_change(dots_),
        **_row_encoding(rows),
    )
    both = chart.mark_line(strokeWidth=1.5) + chart.mark_point(filled=True, size=28, opacity=1)
    header = alt.Header(title=None, labelOrient="top", labelAnchor="start", labelPadding=1)
    labels = list(dict.fromkeys(dot.label for dot in dots_))
    return (
        both.properties(width=WIDTH - 45, height=STRIP_HEIGHT)
        .facet(row=alt.Row("label:N", sort=labels, header=header), data=data)
        .properties(spacing=4)
    )


def _some(values: Sequence[float]) -> list[float]:
    """Every value, or every second, third and so on: as many as an axis has room for."""
    return list(values[:: ceil(len(values) / MOST_TICKS)])


def _change(dots_: Sequence[Dot]) -> alt.Y:
    """An axis of changes that suits the middle one of the labels; what is wilder is cut."""
    labels = dict.fromkeys(dot.label for dot in dots_)
    largest = [max(abs(dot.y) for dot in dots_ if dot.label == label) for label in labels]
    end = max(0.01, ceil(150 * median(largest)) / 100)
    only_ends = "datum.value == 0 ? '' : datum.label"
    axis = alt.Axis(format="+.0%", values=[-end, 0.0, end], labelExpr=only_ends, domain=False)
    scale = alt.Scale(domain=[-end, end], clamp=True)
    return alt.Y("y:Q", title=None, axis=axis, scale=scale)


def curves(dots_: Sequence[Dot], rows: Sequence[str], x: str, y: str) -> alt.LayerChart:
    """Lines over x on logarithmic axes; a row's colour and shape, a mode's dashes."""
    sizes = sorted({dot.x for dot in dots_})
    legend = alt.Legend(title=None, orient="bottom", columns=2)
    above = alt.Legend(title=None, orient="top", symbolStrokeColor=INK)
    heights = [dot.y for dot in dots_]
    y_scale = alt.Scale(type="log", domain=[min(heights) / 1.2, max(heights) * 1.2])
    modes = sorted({dot.mode for dot in dots_})
    channels = _row_encoding(rows, legend)
    dash = alt.StrokeDash("mode:N", scale=alt.Scale(domain=modes, range=DASHES), legend=above)
    chart = alt.Chart(_data(asdict(dot) for dot in dots_)).encode(
        x=alt.X(
            "x:Q", title=x, scale=alt.Scale(type="log", nice=False), axis=alt.Axis(values=sizes)
        ),
        y=alt.Y("y:Q", title=y, scale=y_scale, axis=alt.Axis(format="~s", values=_ladder(heights))),
        detail=alt.Detail("label:N"),
        color=channels["color"],
    )
    line = chart.mark_line(strokeWidth=2).encode(strokeDash=dash)
    point = chart.mark_point(filled=True, size=60, opacity=1).encode(shape=channels["shape"])
    return (line + point).properties(width=WIDTH - 45, height=220)


def _ladder(values: Sequence[float]) -> list[float]:
    """1, 2, 5, 10, 20 and so on, as far as the values reach."""
    exponents = range(floor(log10(min(values))), ceil(log10(max(values))) + 1)
    return [digit * 10.0**exponent for exponent in exponents for digit in (1, 2, 5)]


def _row_encoding(rows: Sequence[str], legend: alt.Legend | None = None) -> dict[str, Any]:
    """A row has one colour and one shape in all charts of a page."""
    domain = list(rows)
    colours = [COLOURS[i % len(COLOURS)] for i in range(len(domain))]
    shapes = [SHAPES[i % len(SHAPES)] for i in range(len(domain))]
    return {
        "color": alt.Color("row:N", scale=alt.Scale(domain=domain, range=colours), legend=legend),
        "shape": alt.Shape("row:N", scale=alt.Scale(domain=domain, range=shapes), legend=legend),
    }


def _data(values: Iterable[dict[str, Any]]) -> alt.InlineData:
    return alt.InlineData(values=list(values))
