"""The chart of times, as Vega-Lite's schema has it."""

import re
from math import inf

from bench.convergence import charts
from bench.convergence.reaching import by_row
from bench.report.drawing import draw
from tests.bench.convergence.made import of_workload

MADE = by_row(of_workload(b=[100.0, 200.0, inf], a=[50.0, 50.0, 50.0]))


def test_a_step_for_each_training_and_the_censored_hold_it_down() -> None:
    chart = charts.shares(MADE, 1000, ["a", "b"])
    points = {"a": [], "b": []}  # type: dict[str, list[tuple[float, float]]]
    for point in chart.data.values:
        points[point["row"]].append((point["iteration"], round(point["share"], 3)))
    assert points["b"] == [(0, 0), (100, 0.333), (200, 0.667), (1000, 0.667)]
    assert points["a"] == [(0, 0), (50, 0.333), (50, 0.667), (50, 1.0), (1000, 1.0)]


def test_it_is_drawn_in_the_rows_colours() -> None:
    svg = draw(charts.shares(MADE, 1000, ["x", "a", "b"]), "title", "words")
    assert set(re.findall(r"var\(--row\d\)", svg)) == {"var(--row2)", "var(--row3)"}
