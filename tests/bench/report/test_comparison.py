"""A comparison printed, as Markdown and as JSON: the same cells, numbers and order in each."""

import json
from math import inf
from typing import Any

import pytest

from bench.compare.comparing import ANOTHER_DEVICE
from bench.report.comparison import as_json, markdown, show
from bench.results.statistics import Ratio
from tests.bench.report.parts_of_results import change, comparison, printed, styled

SLOWER = change("one", 0.8, "slower", width=1.25, over_limit=True)
FASTER = change("two", 12.5, "faster", width=1.25)
MOVED = change("three", 2.0, ANOTHER_DEVICE)


def cells(line: str) -> list[str]:
    return [word.strip() for word in line.strip("| ").split("|")]


def test_markdown_has_the_warning_method_table_and_rest_in_this_order() -> None:
    found = comparison(SLOWER, FASTER, warnings=["another CPU"], limit=0.05)
    parts = markdown(found).split("\n\n")
    assert parts[0] == "**warning: another CPU**"
    assert [part[:6] for part in parts[1:]] == ["Not no", "No run", "| cell", "1 cell"]
    head, ruled, *lines = parts[3].splitlines()
    assert cells(head) == ["cell", "old it/s", "new it/s", "new/old speed", "verdict"]
    assert cells(ruled) == ["---"] * 5
    assert [cells(line) for line in lines] == [
        ["one", "100", "80", "0.800 [0.640, 1.000]", "slower, over the limit"],
        ["two", "100", "1250", "12.500 [10.000, 15.625]", "faster"],
    ]


def test_markdown_without_cells_or_warnings_has_sentences_only() -> None:
    assert "|" not in markdown(comparison())
    assert markdown(comparison()).startswith("Not normalised")


def test_no_interval_where_it_has_no_end_or_the_device_is_another() -> None:
    endless = change("four", 1.5, "no difference shown", width=inf)
    assert "| 1.500 |" in markdown(comparison(endless))
    assert "| 2.000 |" in markdown(comparison(MOVED))


def test_the_warning_is_the_first_line_printed_and_the_limit_the_last() -> None:
    lines = printed(lambda to: show(to, comparison(SLOWER, warnings=["w"], limit=0.05)))
    assert lines[0] == "warning: w"
    assert lines[-1].startswith("1 cell slower by more than 5 %")
    assert sum("over the limit" in line for line in lines) == 1
    assert printed(lambda to: show(to, comparison(SLOWER)))[0].startswith("Not normalised")


def test_without_cells_no_table_is_printed() -> None:
    lines = printed(lambda to: show(to, comparison()))
    assert lines[0].startswith("Not normalised")
    assert not [line for line in lines if "verdict" in line]


def test_speeds_end_at_the_right_and_are_left_out_of_a_narrow_terminal() -> None:
    lines = printed(lambda to: show(to, comparison(SLOWER, FASTER)))
    head, first, second = (line for line in lines if line[:4] in ("cell", "one ", "two "))
    for name, one, two in (("old it/s", "100", "100"), ("new it/s", "80", "1250")):
        end = head.index(name) + len(name)
        assert (first[:end].endswith(f" {one}"), second[:end].endswith(f" {two}")) == (True, True)
    assert first.startswith("one ")
    narrow = printed(lambda to: show(to, comparison(SLOWER, FASTER)), width=58)
    assert not [line for line in narrow if "it/s" in line]
    assert [line for line in narrow if line.startswith("two ")]


@pytest.mark.parametrize(
    ("of", "escape"), [(SLOWER, "31"), (FASTER, "32"), (MOVED, "33"), (change("same"), "2")]
)
def test_a_verdict_has_its_colour(of: Any, escape: str) -> None:
    lines = styled(lambda to: show(to, comparison(FASTER, SLOWER, MOVED, of))).splitlines()
    assert [line for line in lines if line.startswith(f"\x1b[{escape}m{of.name}")]


def test_json_holds_every_cell_and_null_for_what_is_not_known() -> None:
    unchanged = [change(str(i), blocks=i) for i in range(20)]
    found = comparison(*unchanged, change("endless", width=inf), machine=1.5)
    content = json.loads(as_json(found))
    assert content["comparison_schema"] == 1
    assert (content["machine"], content["limit"], content["runs"]) == (1.5, None, [1, 1])
    assert len(content["changes"]) == 21
    assert content["changes"][-1]["ratio"] == {"value": 1, "low": 0, "high": None, "blocks": 10}
    assert content["changes"][3]["ratio"]["blocks"] == 3


def test_the_warning_is_the_brightest_line() -> None:
    assert "\x1b[1;33mwarning: w" in styled(lambda to: show(to, comparison(warnings=["w"])))


def test_json_has_a_line_for_each_number_so_that_two_can_be_compared() -> None:
    lines = as_json(comparison(SLOWER)).splitlines()
    assert lines[:2] == ["{", ' "comparison_schema": 1,']
    assert '   "old_per_s": 100.0,' in lines


def test_json_of_a_ratio_that_is_no_number_is_null() -> None:
    found = comparison(change("x"))
    object.__setattr__(found.changes[0], "ratio", Ratio(float("nan"), 0.0, inf, 1))
    assert json.loads(as_json(found))["changes"][0]["ratio"]["value"] is None
