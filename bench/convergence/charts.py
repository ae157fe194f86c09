"""How many trainings had reached the target by then: a step a training, a line a row."""

from collections.abc import Mapping, Sequence

import altair as alt

from bench.convergence.reaching import Reached
from bench.report.plots import COLOURS, DASHES, WIDTH

WIDTH_PX, HEIGHT_PX = WIDTH - 45, 180


def shares(rows: Mapping[str, Sequence[Reached]], longest: int, order: Sequence[str]) -> alt.Chart:
    """Share of trainings that have reached the target, by iteration, up to the longest.

    `order`: the rows of the whole page, which says which colour is whose.
    """
    points = [point for name, made in rows.items() for point in _steps(name, made, longest)]
    names = list(rows)
    colours = [COLOURS[order.index(name) % len(COLOURS)] for name in names]
    dashes = [DASHES[i % len(DASHES)] for i in range(len(names))]
    shown = {"sort": names, "legend": alt.Legend(title=None, orient="bottom", columns=1)}
    return (
        alt.Chart(alt.Data(values=points))
        .mark_line(strokeWidth=2, interpolate="step-after")
        .encode(
            x=alt.X("iteration:Q", title="iteration", axis=alt.Axis(grid=False, tickCount=5)),
            y=alt.Y("share:Q", title="share reached", scale=alt.Scale(domain=[0, 1])),
            color=alt.Color("row:N", scale=alt.Scale(domain=names, range=colours), **shown),
            strokeDash=alt.StrokeDash(
                "row:N", scale=alt.Scale(domain=names, range=dashes), **shown
            ),
        )
        .properties(width=WIDTH_PX, height=HEIGHT_PX)
    )


def _steps(name: str, made: Sequence[Reached], longest: int) -> list[dict[str, object]]:
    times = sorted(one.iterations for one in made if one.reached)
    found = [(0.0, 0.0)] + [(time, (i + 1) / len(made)) for i, time in enumerate(times)]
    found.append((float(longest), len(times) / len(made)))
    return [{"row": name, "iteration": x, "share": y} for x, y in found]
