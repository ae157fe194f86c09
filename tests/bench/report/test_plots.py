"""The charts as Vega-Lite gets them: axes, scales, order and shapes from numbers that are known.

Sizes of marks are a matter of looks: `test_the_page_shows_what_was_seen` holds them.
"""

from dataclasses import asdict
from typing import Any

import pytest

from bench.report.plots import COLOURS, SHAPES, Dot, Point, curves, dots, strips
from tests.bench.report.parts_of_results import data

ROWS = ["a", "b"]
POINTS = [
    Point("first", "b", 2.0, "2 s", 1.5, 2.5),
    Point("second", "a", 0.5, "0.5 s", solid=False),
]


def spec(chart: Any) -> Any:
    return chart.to_dict(validate=False)


def plot(*values: float, **how: Any) -> Any:
    """The layer of intervals, which has the axis and the scale of the plot."""
    points = [Point(str(i), "a", value, "") for i, value in enumerate(values)]
    return spec(dots(points, ROWS, "unit", **how))["layer"][1]["encoding"]["x"]


def dot(label: str, x: float, y: float, row: str = "a", mode: str = "eager") -> Dot:
    return Dot(label, row, mode, x, y)


def test_a_plot_holds_its_points_and_keeps_their_order() -> None:
    found = spec(dots(POINTS, ROWS, "unit"))
    one, two = data(found)
    assert one == asdict(POINTS[0])
    assert (two["low"], two["high"], two["solid"]) == (None, None, False)
    for layer in found["layer"]:
        assert layer["encoding"]["y"]["sort"] == ["first", "second"]
        assert layer["encoding"]["y"]["axis"] is None
    assert (found["width"], found["height"]) == (330, {"step": 36})


def test_a_plot_has_lines_intervals_marks_and_words() -> None:
    line, interval, solid, hollow, left, right = spec(dots(POINTS, ROWS, "unit"))["layer"]
    ends = [line["encoding"][end]["value"] for end in ("x", "x2")]
    assert (line["mark"]["type"], ends) == ("rule", [0, 330])
    assert interval["encoding"]["x"]["field"] == "low"
    assert interval["encoding"]["x2"]["field"] == "high"
    assert interval["mark"]["type"] == "rule"
    for mark, filled in ((solid, True), (hollow, False)):
        assert mark["transform"] == [{"filter": f"datum.solid == {str(filled).lower()}"}]
        assert (mark["mark"]["type"], mark["mark"]["filled"]) == ("point", filled)
        assert mark["encoding"]["x"]["field"] == "value"
    assert hollow["mark"]["fill"] == "var(--paper)"
    assert "fill" not in solid["mark"]
    for words, side, x, field in ((left, "left", 0, "label"), (right, "right", 330, "text")):
        assert (words["mark"]["align"], words["encoding"]["x"]["value"]) == (side, x)
        assert words["encoding"]["text"]["field"] == field


def test_rows_have_their_colours_and_shapes_in_order_and_again_beyond_six() -> None:
    rows = list("abcdefg")
    mark = spec(dots(POINTS, rows, "unit"))["layer"][2]["encoding"]
    for channel, those in (("color", COLOURS), ("shape", SHAPES)):
        assert mark[channel]["scale"] == {"domain": rows, "range": [*those, those[0]]}
        assert mark[channel]["legend"] is None
        assert mark[channel]["field"] == "row"


def test_a_band_lies_behind_everything() -> None:
    found = spec(dots(POINTS, ROWS, "unit", band=(0.8, 1.0)))
    area = found["layer"][0]
    assert area["mark"] == {"type": "rect", "color": "var(--band)"}
    assert found["datasets"][area["data"]["name"]] == [{"from": 0.8, "to": 1.0}]
    x, marks = area["encoding"]["x"], found["layer"][3]["encoding"]["x"]
    assert (x["field"], area["encoding"]["x2"]["field"]) == ("from", "to")
    assert (x["axis"], x["scale"]) == (marks["axis"], marks["scale"])
    assert len(found["layer"]) == 7


def test_an_axis_begins_at_zero_unless_it_is_logarithmic() -> None:
    axis = plot(5.0, 0.0, ticks=".2f")
    assert axis["scale"] == {"zero": True, "nice": False}
    own = {"domain": False, "ticks": False, "tickCount": 5}
    assert axis["axis"] == own | {"title": "unit", "format": ".2f"}
    assert plot(0.0, 0.0)["scale"] == {"domain": [0, 1]}
    assert plot(1.0)["axis"]["format"] == ".6~g"


@pytest.mark.parametrize(
    ("values", "decades"),
    [
        ((2.0, 50.0), [1.0, 10.0, 100.0]),
        ((0.05, 0.5), [0.01, 0.1, 1.0]),
        ((1.0, 10.0), [1.0, 10.0]),
        ((10.0, 10.0), [10.0, 100.0]),
        ((3.0,), [1.0, 10.0]),
    ],
)
def test_a_logarithmic_axis_has_whole_decades(values: Any, decades: list[float]) -> None:
    axis = plot(*values, log=True)
    assert axis["axis"]["values"] == pytest.approx(decades)
    assert axis["scale"]["type"] == "log"
    assert axis["scale"]["domain"] == pytest.approx([decades[0], decades[-1]])


@pytest.mark.parametrize(
    ("blocks", "step"), [(1, 1), (2, 1), (12, 1), (13, 2), (24, 2), (25, 3), (36, 3)]
)
def test_at_most_twelve_blocks_are_named(blocks: int, step: int) -> None:
    found = spec(strips([dot("x", float(i), 0.0) for i in reversed(range(blocks))], ROWS, "b"))
    axis = found["spec"]["layer"][0]["encoding"]["x"]
    assert axis["axis"]["values"] == [float(i) for i in range(0, blocks, step)]
    assert (axis["title"], axis["axis"]["grid"], axis["axis"]["format"]) == ("b", False, "d")


@pytest.mark.parametrize(
    ("changes", "end"),
    [
        ({"x": [0.1, -0.2]}, 0.3),
        ({"x": [0.001]}, 0.01),
        ({"x": [0.0]}, 0.01),
        ({"x": [0.02], "y": [0.04], "z": [-5.0]}, 0.06),
        ({"x": [0.02], "y": [-0.041]}, 0.05),
    ],
)
def test_changes_have_room_for_half_as_much_again_as_the_middle_line(
    changes: dict[str, list[float]], end: float
) -> None:
    given = [dot(name, i, y) for name, ys in changes.items() for i, y in enumerate(ys)]
    y = spec(strips(given, ROWS, "block"))["spec"]["layer"][0]["encoding"]["y"]
    assert y["axis"]["values"] == pytest.approx([-end, 0.0, end])
    assert y["scale"]["domain"] == pytest.approx([-end, end])
    assert (y["scale"]["clamp"], y["title"], y["axis"]["domain"]) == (True, None, False)
    assert y["axis"]["format"] == "+.0%"
    assert "datum.value == 0 ? ''" in y["axis"]["labelExpr"]


def test_strips_are_one_line_a_label_in_the_order_given() -> None:
    given = [dot("z", 0, 0.1), dot("a", 0, 0.2, "b"), dot("z", 1, 0.3)]
    found = spec(strips(given, ROWS, "block"))
    row, of = found["facet"]["row"], found["spec"]
    assert (row["field"], row["sort"]) == ("label", ["z", "a"])
    assert row["header"]["title"] is None
    assert data(found) == [
        {"label": label, "row": line, "mode": "eager", "x": x, "y": y}
        for label, line, x, y in (("z", "a", 0, 0.1), ("a", "b", 0, 0.2), ("z", "a", 1, 0.3))
    ]
    colour = of["layer"][0]["encoding"]["color"]
    assert (colour["scale"]["domain"], colour["legend"]) == (ROWS, None)


def test_curves_are_lines_over_logarithmic_axes() -> None:
    given = [dot("p", 64, 120.0), dot("p", 8, 12.0), dot("q", 8, 60.0, "b", "compiled")]
    found = spec(curves(given, ROWS, "batch", "images/s"))
    line, point = found["layer"]
    x, y = (line["encoding"][axis] for axis in "xy")
    assert (x["title"], x["axis"]["values"]) == ("batch", [8, 64])
    assert x["scale"] == {"type": "log", "nice": False}
    assert (y["title"], y["axis"]["format"], y["scale"]["type"]) == ("images/s", "~s", "log")
    assert y["scale"]["domain"] == pytest.approx([10.0, 144.0])
    ladder = [digit * 10.0**power for power in (1, 2, 3) for digit in (1, 2, 5)]
    assert y["axis"]["values"] == pytest.approx(ladder)
    assert line["encoding"]["detail"]["field"] == "label"
    dash = line["encoding"]["strokeDash"]
    assert dash["field"] == "mode"
    assert dash["scale"] == {"domain": ["compiled", "eager"], "range": [[1, 0], [6, 3], [2, 2]]}
    assert dash["legend"]["orient"] == "top"
    assert dash["legend"]["symbolStrokeColor"] == "var(--ink)"
    assert point["encoding"]["shape"]["scale"]["range"] == ["circle", "square"]
    for layer in (line, point):
        assert layer["encoding"]["color"]["scale"]["domain"] == ROWS
        legend = layer["encoding"]["color"]["legend"]
        assert legend == {"title": None, "orient": "bottom", "columns": 2}
    assert "strokeDash" not in point["encoding"]
    assert [d["x"] for d in data(found)] == [64, 8, 8]
