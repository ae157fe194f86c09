"""What the charts are drawn from, and that the drawings say it in words."""

import re
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest

from bench.report import plots
from bench.training.side_by_side import charts
from bench.training.side_by_side.grouping import Group, groups
from tests.bench.training.side_by_side.made import Lines, trained

ROWS = ["flax_nnx", "keras3-jax", "pytorch"]


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """(what Vega-Lite is given, the description) of each chart."""
    noted: list[Any] = []

    def draw(chart: Any, title: str, description: str) -> str:
        noted.append((chart.to_dict(), description))
        return title

    monkeypatch.setattr(charts, "draw", draw)
    return noted


def group(folder: Path, *of: dict[str, Any]) -> Group:
    (found,) = groups([trained(folder / str(i), **others) for i, others in enumerate(of)])
    return found


def points(chart: dict[str, Any]) -> list[dict[str, Any]]:
    """What the lines are drawn through."""
    own = chart["layer"][0].get("data") or chart["data"]  # altair moves what all layers have
    return list(own["values"])


def marks(chart: dict[str, Any]) -> list[str]:
    return [layer["data"]["values"][0]["said"] for layer in chart["layer"][1::2]]


def test_each_metric_has_a_chart_with_all_rows_in_their_colours(
    tmp_path: Path, drawn: list[Any]
) -> None:
    eager = {"row": "pytorch", "mode": "eager", "lines": [(32, {"d_loss": 2.0})]}
    found = group(tmp_path, {}, {"row": "pytorch"}, eager)
    figures, left_out = charts.of_metrics(found, ROWS)
    assert [figure.title for figure in figures] == ["d_loss", "d_x"]
    assert left_out == []
    chart, words = drawn[0]
    labels = ["flax_nnx compiled", "pytorch compiled", "pytorch eager"]
    assert [(p["of"], p["iteration"], p["value"]) for p in points(chart)] == [
        (labels[0], 32, 1.0),
        (labels[0], 64, 0.5),
        (labels[1], 32, 1.0),
        (labels[1], 64, 0.5),
        (labels[2], 32, 2.0),
    ]
    encoding = chart["layer"][0]["encoding"]
    first, _, third = plots.COLOURS[:3]
    assert encoding["color"]["scale"] == {"domain": labels, "range": [first, third, third]}
    assert encoding["strokeDash"]["scale"]["domain"] == labels
    dashes = encoding["strokeDash"]["scale"]["range"]
    assert len({str(dash) for dash in dashes}) == 3
    assert words.startswith("flax_nnx compiled: 1 at 32, 0.5 at 64; pytorch compiled: 1 at 32")


def test_marks_stand_where_they_mean_something(tmp_path: Path, drawn: list[Any]) -> None:
    """ln 2 among cross entropies, a half among shares; `curves.halves` names the former."""
    entropies: Lines = [(1, {"d_loss": 1.0, "discriminator_loss_mean": 0.5, "d_x": 0.5})]
    charts.of_metrics(group(tmp_path / "a", {"lines": entropies}), ROWS)
    scores: Lines = [(1, {"d_loss": 1.0, "d_x": 1.5, "d_g_z": 0.0})]
    charts.of_metrics(group(tmp_path / "b", {"lines": scores}), ROWS)
    assert [marks(chart) for chart, _ in drawn] == [["ln 2"], ["ln 2"], ["1/2"], [], [], ["1/2"]]
    assert drawn[0][0]["layer"][1]["data"]["values"][0]["value"] == pytest.approx(0.693147)


def test_what_is_not_finite_has_no_point(tmp_path: Path, drawn: list[Any]) -> None:
    lines: Lines = [(1, {"a": 1.0}), (2, {"a": None}), (3, {})]
    charts.of_metrics(group(tmp_path, {"lines": lines}, {"lines": []}), ROWS)
    ((chart, words),) = drawn
    assert [p["iteration"] for p in points(chart)] == [1]
    assert words == "flax_nnx: 1 at 1, 1 at 1"


@pytest.mark.parametrize(("count", "shown"), [(250, 250), (251, 126), (1000, 251)])
def test_long_lines_are_drawn_through_some_of_their_points(
    tmp_path: Path, drawn: list[Any], count: int, shown: int
) -> None:
    lines: Lines = [(i, {"a": float(i)}) for i in range(1, count + 1)]
    charts.of_metrics(group(tmp_path, {"lines": lines}), ROWS)
    found = [p["iteration"] for p in points(drawn[0][0])]
    assert (found[0], found[-1], len(found)) == (1, count, shown)


def test_so_many_metrics_have_a_chart(tmp_path: Path, drawn: list[Any]) -> None:
    names = [f"m{i}" for i in range(charts.MOST_METRICS + 2)]
    lines: Lines = [(1, dict.fromkeys(names, 1.0))]
    figures, left_out = charts.of_metrics(group(tmp_path, {"lines": lines}), ROWS)
    assert len(figures) == len(drawn) == charts.MOST_METRICS
    assert left_out == names[-2:]


def test_histograms_are_over_the_same_numbers(drawn: list[Any]) -> None:
    real, noise = np.zeros((4, 5)), np.ones((4, 5))
    made = {"a": np.full((4, 5), 9.0), "b": np.full((2, 2), -3.0)}
    figures = charts.of_numbers(real, noise, made)
    assert [figure.title for figure in figures] == ["a", "b"]
    for chart, _ in drawn:
        numbers = [p["number"] for p in chart["data"]["values"]]
        assert min(numbers) == pytest.approx(-3.0 + 0.1)
        assert max(numbers) == pytest.approx(9.0 - 0.1)
    assert [words for _, words in drawn] == ["mean 9, deviation 0", "mean -3, deviation 0"]


def test_numbers_that_no_axis_has_room_for_are_left_out(drawn: list[Any]) -> None:
    array = np.array([[1.0, np.nan, np.inf, -np.inf, 1e13, 3.0]])
    charts.of_numbers(array, array, {"a": array, "b": np.full((1, 2), np.nan)})
    assert [words for _, words in drawn] == ["mean 2, deviation 1", "no number that is finite"]
    charts.of_numbers(array[:, 1:2], array[:, 1:2], {"a": array[:, 1:2]})


@pytest.mark.parametrize("value", [1e308, -1e308, 5e-324, 0.0])
def test_a_chart_is_drawn_of_any_number(tmp_path: Path, value: float) -> None:
    lines: Lines = [(1, {"a_loss_mean": value}), (10**17, {"a_loss_mean": -value})]
    (figure,), _ = charts.of_metrics(group(tmp_path, {"lines": lines}), ROWS)
    root = ElementTree.fromstring(figure.svg)
    assert root.get("role") == "img"
    assert re.search(r"<title>a_loss_mean by iteration</title><desc>flax_nnx: ", figure.svg)
