"""A comparison in sentences: which cells have a row, what the rest is said to be, and by what."""

from typing import Any

import pytest

from bench.compare.comparing import ANOTHER_DEVICE
from bench.report.changes import method, rest, rows, warning
from bench.results.statistics import Term
from tests.bench.report.parts_of_results import change, comparison

SAME = "no difference shown"


def names(*changes: Any) -> list[str]:
    return [one.name for one in rows(comparison(*changes))]


def test_rows_are_by_verdict_and_then_the_largest_change_first() -> None:
    found = names(
        change("same", 1.01),
        change("moved", 2.0, ANOTHER_DEVICE),
        change("a bit faster", 1.1, "faster"),
        change("a bit slower", 0.9, "slower"),
        change("much slower", 0.5, "slower"),
        change("much faster", 1.5, "faster"),
        change("slower", 0.8, "slower"),
        change("same but larger", 0.98),
    )
    slower = ["much slower", "slower", "a bit slower"]
    faster = ["much faster", "a bit faster"]
    assert found == [*slower, *faster, "moved", "same but larger", "same"]


@pytest.mark.parametrize(("unchanged", "shown"), [(9, 10), (10, 1)])
def test_ten_cells_are_all_shown_and_of_eleven_the_changed_ones(unchanged: int, shown: int) -> None:
    changes = [change(str(i)) for i in range(unchanged)]
    found = names(*changes, change("slower", 0.9, "slower"))
    assert (len(found), found[0]) == (shown, "slower")


def test_of_many_cells_every_kind_of_change_has_a_row() -> None:
    changes = [change(str(i)) for i in range(10)]
    changes += [change("moved", 2.0, ANOTHER_DEVICE), change("faster", 1.5, "faster")]
    assert names(*changes, change("slower", 0.9, "slower")) == ["slower", "faster", "moved"]


@pytest.mark.parametrize("changed", [11, 12, 13, 15])
def test_twelve_changed_cells_have_a_row_and_the_rest_is_counted(changed: int) -> None:
    found = comparison(*(change(str(i), 0.9 - i / 100, "slower") for i in range(changed)))
    assert len(rows(found)) == min(changed, 12)
    more = {11: [], 12: [], 13: ["1 cell more; --json has all."]}
    assert rest(found) == more.get(changed, ["3 cells more; --json has all."])
    assert rows(found)[0].name == str(changed - 1)  # the largest


def test_four_warnings_are_given_and_more_are_counted() -> None:
    def said(count: int) -> str | None:
        return warning(comparison(warnings=[f"w{i}" for i in range(count)]))

    assert said(0) is None
    assert said(1) == "warning: w0"
    assert said(3) == "warning: w0; w1; w2"
    assert said(4) == "warning: w0; w1; w2; w3"
    assert said(5) == "warning: w0; w1; w2; w3; and 1 more"
    assert said(7) == "warning: w0; w1; w2; w3; and 3 more"


def test_one_run_a_side_is_not_counted_and_more_are() -> None:
    for runs, said in (
        ((1, 1), "Not normalised: "),
        ((2, 1), "OLD is 2 runs, NEW 1 run. Not normalised: "),
        ((1, 2), "OLD is 1 run, NEW 2 runs. Not normalised: "),
    ):
        assert method(comparison(runs=runs))[0].startswith(said)


def test_a_control_that_ran_twice_is_one_program() -> None:
    def said(*controls: str, runs: tuple[int, int] = (1, 1)) -> str:
        found = comparison(controls=list(controls), machine=1.25, runs=runs)
        return method(found)[0]

    assert "by 1 control program timed in both runs, 1.250 times" in said("jax", "jax-again")
    assert "by 2 control programs timed in both runs" in said("jax", "torch", "torch-again")
    assert said("jax", runs=(2, 1)).startswith("OLD is 2 runs, NEW 1 run. Normalised by 1 control")
    assert "timed in all runs" in said("jax", runs=(2, 1))


def test_the_deviation_between_runs_is_the_root_of_the_mean_variance() -> None:
    terms = [Term(0.03**2, 9.0), Term(0.04**2, 4.0)]
    (_, said) = method(comparison(run_to_run=terms, unrecorded=[]))
    # sqrt((9 + 16) / 2) = 3.54; the fewer runs are the surer claim.
    assert said.startswith("Intervals include 3.5% standard deviation from run to run")
    assert said.endswith("seen in 5 runs.")


def test_machines_without_a_record_are_named() -> None:
    (_, said) = method(comparison(unrecorded=["an abacus", "a slide rule"]))
    assert "is recorded for an abacus or a slide rule, so" in said
    assert "one revision 3 times or more" in said


def test_unchanged_cells_without_a_row_are_summed_up() -> None:
    some = [(0.99, 1.01), (1.02, 1.02), (1.0, 1.05)] * 4
    changes = [change(str(i), value, width=width) for i, (value, width) in enumerate(some)]
    # Half widths are logs: 1.0, 1.98 and 4.88 %; the middle and the largest are said.
    assert rest(comparison(*changes)) == [
        "12 cells: no difference shown (0.990 to 1.020 times the old speed, intervals +-2.0%, at "
        "most +-4.9%)."
    ]
    assert rest(comparison(*changes[:10])) == []


def test_changed_and_unchanged_cells_without_a_row_are_counted_apart() -> None:
    slower = [change(f"slower{i}", 0.9, "slower") for i in range(14)]
    said = rest(comparison(*slower, change("same")))
    assert said[0] == "2 cells more; --json has all."
    assert said[1].startswith("1 cell: no difference shown (1.000 to 1.000 times")
    assert len(said) == 2


def test_cells_on_another_device_are_said_to_have_no_verdict() -> None:
    moved = [change(str(i), 2.0, ANOTHER_DEVICE) for i in range(2)]
    assert [line.partition(",")[0] for line in rest(comparison(*moved))] == [
        "2 cells on another device in NEW"
    ]
    assert rest(comparison(moved[0]))[0].startswith("1 cell on another device in NEW, whose")


def test_cells_with_fewer_than_five_blocks_are_counted() -> None:
    changes = [change(str(blocks), blocks=blocks) for blocks in (3, 4, 5, 6)]
    assert rest(comparison(*changes)) == ["2 cells with fewer than 5 blocks: no claim."]
    assert rest(comparison(*changes[2:])) == []


def test_of_cells_that_are_not_compared_one_is_named_for_each_reason() -> None:
    left_out = {"only in OLD": ["a"], "of another spec": ["b", "c", "d"]}
    assert rest(comparison(not_compared=left_out)) == [
        "Not compared: 1 only in OLD (a), 3 of another spec (b, ...)."
    ]


def test_a_limit_has_an_answer_and_no_limit_none() -> None:
    over = [change(str(i), 0.5, "slower", over_limit=True) for i in range(2)]
    same = change("same")
    limit = " slower by more than 2.5 % with the whole interval."
    assert rest(comparison(same)) == []
    assert rest(comparison(same, limit=0.025)) == [f"No cell{limit}"]
    assert rest(comparison(over[0], same, limit=0.025)) == [f"1 cell{limit}"]
    assert rest(comparison(*over, same, limit=0.025)) == [f"2 cells{limit}"]


def test_everything_that_is_left_is_said_in_one_order() -> None:
    changes = [change(f"slower{i}", 0.9, "slower") for i in range(12)]
    changes += [change("moved", 2.0, ANOTHER_DEVICE, blocks=2), change("same", blocks=2)]
    said = rest(comparison(*changes, not_compared={"only in NEW": ["x"]}, limit=0.05))
    assert [line[:12] for line in said] == [
        *("1 cell more;", "1 cell on an", "1 cell: no d", "2 cells with"),
        *("Not compared", "No cell slow"),
    ]
