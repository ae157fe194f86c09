"""Sections on time: the order of their points, intervals, drift, and what is too little to draw."""

from typing import Any

import pytest

from bench.report import panels, speed
from tests.bench.report.parts_of_results import cell, data, drawings, made, shown, timed

A, B = cell("a", "eager", 1000.0), cell("b", "eager", 30.0)
C = cell("b", "compiled", 20.0)


def test_speeds_are_by_mode_and_then_the_fastest_first(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = drawings(monkeypatch, speed)
    section = speed.speeds(made(B, A, C, benchmarks=timed(B, *[30.0] * 5) + timed(A, *[9.0] * 4)))
    assert section is not None
    assert section.name == "speeds"
    assert section.words[0] == speed.DEFINITION
    assert "where there are 5 of them" in section.words[1]
    assert [(f.title, f.svg) for f in section.figures] == [("gan, float32, batch 8", "drawing 1")]
    (one,) = drawn
    assert one.title == "gan, float32, batch 8: iterations/s"
    assert one.words == "compiled: b: 20/s; eager: a: 1,000/s; eager: b: 30/s"
    points = data(one.chart)
    assert [point["value"] for point in points] == [20.0, 1000.0, 30.0]
    assert [point["solid"] for point in points] == [False, True, True]
    assert [point["row"] for point in points] == ["b", "a", "b"]
    assert [point["low"] for point in points] == [None, None, pytest.approx(30.0)]
    assert [point["high"] for point in points] == [None, None, pytest.approx(30.0)]
    axis = one.chart["layer"][1]["encoding"]["x"]["axis"]
    assert (axis["title"], axis["format"]) == ("iterations/s", "~s")
    assert one.chart["layer"][1]["encoding"]["color"]["scale"]["domain"] == ["a", "b"]


def test_an_interval_of_speeds_lies_around_the_middle(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = drawings(monkeypatch, speed)
    speed.speeds(made(A, benchmarks=timed(A, 900.0, 950.0, 1000.0, 1050.0, 1100.0)))
    (point,) = data(drawn[0].chart)
    assert point["low"] < 950 < 1050 < point["high"]


@pytest.mark.parametrize(
    "section", [speed.speeds, speed.first_steps, speed.batch_sizes, speed.blocks]
)
def test_without_cells_there_is_no_section(section: Any) -> None:
    assert section(made()) is None


def test_first_steps_are_logarithmic_and_their_share_of_compiling_is_in_the_table(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    drawn = drawings(monkeypatch, panels)
    slow = A | {"first_step_s": 12.5, "cost": {"start_s": 12.25}}
    section = speed.first_steps(made(slow, B | {"cost": None}, C | {"cost": {}}))
    assert section is not None
    assert section.name == "first-step"
    assert section.tables[0].columns[-2:] == ("first step", "beyond its iterations")
    assert [line[-2:] for line in shown(section.tables[0])] == [
        ["12.5 s", "12.2 s"],
        ["2 s", "-"],
        ["2 s", "-"],
    ]
    assert drawn[0].words == "b eager: 2 s; b compiled: 2 s; a eager: 12.5 s"
    assert drawn[0].title.endswith(": seconds of the first call")
    x = drawn[0].chart["layer"][1]["encoding"]["x"]
    assert (x["scale"]["type"], x["axis"]["format"]) == ("log", ".6~g")
    assert len(section.figures) == 1


def test_batch_sizes_are_drawn_where_a_workload_has_two(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = drawings(monkeypatch, speed)
    larger = A | {"batch_size": 16, "images_per_s": 5.0}
    alone = cell("a", workload="other")
    exact = cell("b", precision="float64", batch_size=16)
    section = speed.batch_sizes(made(A, B, larger, alone, exact))
    assert section is not None
    assert section.name == "batch-sizes"
    assert [figure.title for figure in section.figures] == ["gan, float32"]
    (one,) = drawn
    assert one.title == "gan, float32: images/s by batch size"
    assert one.words == "a eager: 5 to 8000; b eager: 240 to 240"
    found = data(one.chart)
    assert [(dot["x"], dot["y"], dot["row"], dot["mode"]) for dot in found] == [
        (8, 8000.0, "a", "eager"),
        (8, 240.0, "b", "eager"),
        (16, 5.0, "a", "eager"),
    ]
    first = one.chart["layer"][0]["encoding"]
    assert (first["x"]["title"], first["y"]["title"]) == ("batch size", "images/s")
    assert first["color"]["scale"]["domain"] == ["a", "b"]
    assert speed.batch_sizes(made(A, B, alone, exact)) is None


def test_blocks_are_drawn_against_the_cells_own_median(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = drawings(monkeypatch, speed)
    other = cell("a", batch_size=16)
    benchmarks = timed(A, 100.0, 80.0, 110.0)[::-1] + timed(B, 5.0, 5.0)
    section = speed.blocks(made(A, B, C, other, benchmarks=benchmarks + timed(other, 7.0)))
    assert section is not None
    assert section.name == "blocks"
    # One block is no line.
    assert [figure.title for figure in section.figures] == ["gan, float32, batch 8"]
    (one,) = drawn
    assert one.title == "gan, float32, batch 8: change by block"
    assert one.words == "a eager: -20% to +10%; b eager: +0% to +0%"
    found = [(dot["x"], pytest.approx(dot["y"])) for dot in data(one.chart)]
    assert found == [(0, 0.0), (1, -0.2), (2, 0.1), (0, 0.0), (1, 0.0)]
    assert [dot["row"] for dot in data(one.chart)] == [*"aaabb"]
    assert {dot["mode"] for dot in data(one.chart)} == {"eager"}
    x = one.chart["spec"]["layer"][0]["encoding"]["x"]
    assert x["title"] == "block, in the order of the run"


def test_cells_of_one_block_each_have_no_drift() -> None:
    assert speed.blocks(made(A, B)) is None
    assert speed.blocks(made(A, B, benchmarks=timed(A, 5.0) + timed(B, 5.0))) is None
