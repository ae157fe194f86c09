"""The cells of a result by group, their blocks and ratios; which mode is a row's best."""

from typing import Any

import pytest

from bench.report import panels
from bench.report.groups import cells, extras, groups, name, speed, step_times, versus
from bench.report.panels import best_of_rows, described, description, identity, measured, rows
from bench.report.plots import Dot, Point
from tests.bench.report.parts_of_results import (
    against,
    cell,
    compared,
    data,
    drawings,
    made,
    shown,
    timed,
)

A, B, C = cell("a", "eager", 10.0), cell("b", "eager", 30.0), cell("b", "compiled", 20.0)
OTHER = cell("a", "eager", 5.0, batch_size=16)
AGAIN = cell("z", "eager", 99.0, again=True)


def test_groups_keep_their_order_and_begin_with_the_fastest() -> None:
    result = made(A, OTHER, B, AGAIN, C)
    assert cells(result) == [A, OTHER, B, C]
    assert list(groups(result)) == [
        ("gan, float32, batch 8", [B, C, A]),
        ("gan, float32, batch 16", [OTHER]),
    ]
    assert name(C) == "b compiled"


def test_blocks_are_seconds_an_iteration_by_their_number() -> None:
    benchmarks = [*timed(A, 10.0, 20.0), *timed(B, 4.0)]
    assert step_times(made(benchmarks=benchmarks)) == {
        A["id"]: {0: 0.1, 1: 0.05},
        B["id"]: {0: 0.25},
    }


def test_a_speed_has_an_interval_from_five_blocks_on() -> None:
    assert speed(dict.fromkeys(range(4), 0.1)) is None
    found = speed({3: 0.5, 4: 0.25, 5: 0.125, 7: 0.25, 9: 0.25})
    assert found is not None
    # Geometric mean of 2, 4, 8, 4 and 4; logs scatter by sqrt(2 / 4) ln 2, t is 2.7764.
    assert found.value == pytest.approx(4.0)
    assert found.high == pytest.approx(4.0 * 2 ** (2.7764451 * (0.5**0.5) / 5**0.5), rel=1e-6)
    assert found.low == pytest.approx(16.0 / found.high)
    assert found.blocks == 5


def test_the_fastest_is_once_as_fast_as_itself() -> None:
    result = made(comparisons=[compared(B, against(A, 0.5), against(C, 0.75)), compared(OTHER)])
    found = versus(result)
    assert list(found) == [B["id"], A["id"], C["id"], OTHER["id"]]
    ratio = found[OTHER["id"]]
    assert (ratio["value"], ratio["low"], ratio["high"]) == (1.0, 1.0, 1.0)
    assert (ratio["blocks"], ratio["verdict"]) == (0, "fastest")
    assert found[A["id"]] == against(A, 0.5)


def test_of_a_cells_blocks_the_first_tells_versions() -> None:
    benchmarks = timed(A, 10.0, 20.0)
    assert extras(made(benchmarks=benchmarks)) == {A["id"]: benchmarks[0]["extra_info"]}


def test_a_rows_best_is_its_fastest_mode() -> None:
    assert best_of_rows([A, C, B]) == {A["id"], B["id"]}
    assert rows(made(B, AGAIN, A, C)) == ["a", "b", "z"]


def test_a_plot_in_words() -> None:
    points = [Point("x", "a", 1.0, "1 s"), Point("y", "a", 2.0, "2 s")]
    assert description(points) == "x: 1 s; y: 2 s"
    dots = [Dot(label, "a", "eager", 8, y) for label, y in (("x", 3.0), ("y", 1.0), ("x", 2.0))]
    assert described(dots) == "x: 2 to 3; y: 1 to 1"


def test_panels_show_values_from_the_smallest_on(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = drawings(monkeypatch, panels)
    values: dict[str, Any] = {A["id"]: 3.0, B["id"]: 0.0, C["id"]: 2.0, OTHER["id"]: None}

    def figures(**how: Any) -> list[str]:
        result = made(A, B, C, OTHER)
        found = panels.panels(
            result, lambda c: values[c["id"]], lambda v: f"<{v}>", "m", ticks=".1f", **how
        )
        return [figure.title for figure in found]

    assert figures() == figures(log=True) == ["gan, float32, batch 8"]
    linear, log = drawn
    assert linear.words == "b eager: <0.0>; b compiled: <2.0>; a eager: <3.0>"
    assert log.words == "b compiled: <2.0>; a eager: <3.0>"
    assert linear.title == "gan, float32, batch 8: m"
    assert [p["solid"] for p in data(linear.chart)] == [True, False, True]
    x = linear.chart["layer"][1]["encoding"]["x"]
    assert (x["axis"]["title"], x["axis"]["format"]) == ("m", ".1f")
    assert "type" not in x["scale"]
    assert log.chart["layer"][1]["encoding"]["x"]["scale"]["type"] == "log"
    assert linear.chart["layer"][1]["encoding"]["color"]["scale"]["domain"] == ["a", "b"]
    values |= dict.fromkeys(values)
    assert figures() == []


def test_a_table_has_the_cells_and_measures_that_have_a_value() -> None:
    one = {A["id"]: 1.0, B["id"]: 2.0}
    columns: dict[str, Any] = {
        "one": (lambda c: one.get(c["id"]), str),
        "none": (lambda c: None, str),
        "two": (lambda c: 5.0 if c == C else None, lambda v: f"{v} s"),
    }
    (table,) = measured(made(A, B, C, OTHER), "Caption", columns)
    assert table.caption == "Caption"
    assert table.columns == (*panels.IDENTITY, "one", "two")
    assert shown(table) == [
        ["gan", "8", "a", "eager", "float32", "1.0", "-"],
        ["gan", "8", "b", "eager", "float32", "2.0", "-"],
        ["gan", "8", "b", "compiled", "float32", "-", "5.0 s"],
    ]
    assert table.lines[0][-1].key == float("inf")
    assert table.lines[2][-1].key == 5.0
    assert measured(made(A, AGAIN), "Caption", {"none": columns["none"]}) == []


def test_the_batch_size_is_sorted_as_a_number() -> None:
    assert [value.key for value in identity(OTHER)] == ["gan", 16, "a", "eager", "float32"]
