"""The charts of a training: its losses, what D believes, and a histogram of rows of numbers."""

from collections.abc import Mapping, Sequence
from math import log
from typing import Any

import altair as alt
import numpy as np
from numpy.typing import NDArray

from bench.report.plots import COLOURS, DASHES, FAINT

WIDTH_PX, HEIGHT_PX = 640, 220
BINS = 60
REAL, NOISE, MADE = "#2e9e4f", "#3a78c9", "#d03b3b"
"""Green, blue and red, as the document of the Gaussian draws them."""
Record = Mapping[str, Any]


def curves(
    records: Sequence[Record], names: Sequence[str], marks: Mapping[str, float]
) -> alt.LayerChart:
    """Metrics by iteration, a line each, with dashed rules at the marks, by what they say."""
    rows = [
        {"iteration": r["iteration"], "value": r["metrics"].get(name), "metric": name}
        for r in records
        for name in names
    ]
    line = (
        alt.Chart(alt.Data(values=rows))
        .mark_line(strokeWidth=1.5)
        .encode(
            x=alt.X("iteration:Q", title="iteration", axis=alt.Axis(grid=False)),
            y=alt.Y("value:Q", title=None, scale=alt.Scale(zero=False)),
            color=alt.Color("metric:N", sort=list(names), scale=_scale(names, COLOURS)),
            strokeDash=alt.StrokeDash("metric:N", sort=list(names), scale=_scale(names, DASHES)),
        )
    )
    return alt.layer(line, *rules(marks)).properties(width=WIDTH_PX, height=HEIGHT_PX)


def histogram(
    real: NDArray[Any],
    noise: NDArray[Any],
    made: NDArray[Any],
    within: tuple[float, float] | None = None,
) -> alt.Chart:
    """Share of numbers by bin, drawn at the bins' centres: real, noise and generated ones.

    `within`: where the bins begin and end; else with the numbers. Generated numbers that are not
    finite are in none.
    """
    known = {"real": real, "noise": noise, "generated": made[np.isfinite(made)]}
    numbers = np.concatenate([values.ravel() for values in known.values()])
    low, high = within or (numbers.min(), numbers.max())
    rows = []
    for name, values in known.items():
        counts, edges = np.histogram(values, bins=BINS, range=(float(low), float(high)))
        centres = (edges[:-1] + edges[1:]) / 2
        shares = counts / max(1, values.size)
        rows += [
            {"number": float(x), "share": float(y), "of": name}
            for x, y in zip(centres, shares, strict=True)
        ]
    scale = alt.Scale(domain=list(known), range=[REAL, NOISE, MADE])
    legend = alt.Legend(title=None, orient="bottom", columns=3)
    return (
        alt.Chart(alt.Data(values=rows))
        .mark_line(strokeWidth=2)
        .encode(
            x=alt.X("number:Q", title="number", axis=alt.Axis(grid=False)),
            y=alt.Y("share:Q", title="share of numbers"),
            color=alt.Color("of:N", sort=list(known), scale=scale, legend=legend),
        )
        .properties(width=WIDTH_PX, height=HEIGHT_PX)
    )


LN2 = {"ln 2": log(2)}
HALF = {"1/2": 0.5}
ONE = {"as real ones": 1.0}


def _scale(names: Sequence[str], of: Sequence[Any]) -> alt.Scale:
    return alt.Scale(domain=list(names), range=[of[i % len(of)] for i in range(len(names))])


def rules(marks: Mapping[str, float], width_px: int = WIDTH_PX) -> list[alt.Chart]:
    """A dashed line at each mark, in a chart of so many pixels."""
    drawn = []
    for said, value in marks.items():
        data = alt.Data(values=[{"value": value, "said": said}])
        base = alt.Chart(data).encode(y="value:Q")
        drawn.append(base.mark_rule(color=FAINT, strokeDash=[4, 4]))
        words = base.mark_text(align="right", dx=-4, dy=-6, color=FAINT)
        drawn.append(words.encode(text="said:N", x=alt.value(width_px)))
    return drawn
