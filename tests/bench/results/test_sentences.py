"""Groups, pairs and the leader; and what is said of a comparison, whose numbers are made up."""

from math import inf
from typing import Any

from bench.results.statistics import Blocks
from bench.results.verdicts import comparisons, diverging, group_of, sentences
from tests.bench.results.test_verdicts import blocks, cell

NAMES = ("a", "b", "c")
CELLS = [cell(row, "eager", 1.0) for row in NAMES]


def against(number: int, verdict: str, value: float = 0.5, count: int = 9) -> dict[str, Any]:
    own = {"value": value, "low": value * 0.8, "high": value * 1.25, "blocks": count}
    return {"id": CELLS[number]["id"], "verdict": verdict, **own}


def said(*versus: dict[str, Any], **more: Any) -> list[str]:
    comparison = {"fastest": CELLS[0]["id"], "versus": list(versus), "too_noisy": False}
    return sentences(comparison | {"same_twice": {}, "band": 0.02} | more, CELLS)


def test_groups_are_compared_within_themselves_in_order() -> None:
    cells = [
        cell("a", "eager", 1.0, batch_size=8),
        cell("b", "eager", 3.0),
        cell("c", "eager", 5.0, batch_size=8),
        cell("a", "eager", 4.0, precision="float64"),
        cell("b", "eager", 2.0, workload="other"),
        cell("c", "eager", 3.5),
        cell("a", "eager", 9.0, again=True, workload="alone"),
    ]
    for i, one in enumerate(cells):
        one["id"] = f"{i}{'-again' if one['again'] else ''}"
    found = comparisons(cells, blocks(cells))
    assert [(one["fastest"], [v["id"] for v in one["versus"]]) for one in found] == [
        ("2", ["0"]),
        ("5", ["1"]),
        ("3", []),
        ("4", []),
    ]
    keys = [(one["workload"], one["precision"], one["batch_size"]) for one in found]
    assert keys == [group_of(cells[i]) for i in (0, 1, 3, 4)]
    assert {(one["band"], one["too_noisy"], one["short_rounds"]) for one in found} == {
        (0.02, False, False)
    }


def test_a_group_without_a_first_does_not_end_the_others() -> None:
    cells = [cell("a", "eager", 1.0, again=True, workload="x"), cell("b", "eager", 1.0)]
    assert [one["workload"] for one in comparisons(cells, blocks(cells))] == ["gan"]


def test_a_pair_needs_both_cells_and_two_blocks_in_common() -> None:
    cells = [cell("a", "eager", 1.0), cell("a", "eager", 1.0, again=True)]
    first, again = (one["id"] for one in cells)
    one: Blocks = {i: {0: 1.0} for i in range(4)}
    for other, pairs in (
        ({0: {0: 1.0}, 1: {0: 1.2}}, [first]),
        ({0: {0: 1.0}, 9: {0: 1.2}}, []),
        ({9: {0: 1.2}}, []),
    ):
        (found,) = comparisons(cells, {first: one, again: other})
        assert list(found["same_twice"]) == pairs
        assert found["too_noisy"] is bool(pairs)
    (pair,) = comparisons(cells, {first: one, again: {i: {0: 2.0} for i in one}})
    assert pair["same_twice"][first]["value"] == 2.0, "how many times as fast the first is"
    lone = [cell("b", "eager", 1.0), cell("c", "eager", 1.0, again=True)]
    (found,) = comparisons(lone, {one["id"]: {0: {0: 1.0}} for one in lone})
    assert found["same_twice"] == {}


def test_cells_without_a_common_block_have_no_numbers() -> None:
    cells = [cell("a", "eager", 2.0), cell("b", "eager", 1.0)]
    times: dict[str, Blocks] = {one["id"]: {i: {0: 1.0}} for i, one in enumerate(cells)}
    (found,) = comparisons(cells, times)
    nothing = {"value": None, "low": None, "high": None, "blocks": 0}
    assert found["versus"] == [{"id": cells[1]["id"], **nothing, "verdict": "no difference shown"}]


def test_one_cell_alone_has_nothing_to_say() -> None:
    (only,) = said()
    assert only == "a eager has nothing to be compared with."
    noisy = said(too_noisy=True, band=0.125)
    assert len(noisy) == 2
    assert "12.5%" in noisy[0]


def test_a_leader_with_the_next_and_how_far_behind_it_is() -> None:
    one = "a eager is 2.00 times [1.60, 2.50] as fast as b eager"
    assert said(against(1, "slower")) == ["a eager is ahead.", f"{one}."]
    both = said(against(1, "slower"), against(2, "slower", 0.25))
    assert both == ["a eager is ahead.", f"{one}, the next."]
    tied = said(against(2, "no difference shown", 0.99), against(1, "slower"))
    assert tied == ["No difference shown between a eager and c eager.", f"{one}, the next."]
    three = said(*(against(i, "no difference shown") for i in (1, 2)))
    assert three == ["No difference shown between a eager, b eager and c eager."]


def test_five_blocks_of_any_cell_name_a_winner() -> None:
    for counts, named in (((5, 4), True), ((4, 4), False)):
        found = said(*(against(1 + i, "slower", count=n) for i, n in enumerate(counts)))
        assert (found[0] == "a eager is ahead.") is named
        assert len(found) == 2
    short = said(against(1, "no difference shown", count=2), short_rounds=True)
    assert len(short) == 1
    assert short[0].startswith("No row is named")


def test_each_pair_is_said_with_the_band() -> None:
    pair = {"value": 1.0, "low": 0.5, "high": 2.0}
    ids = {CELLS[i]["id"]: pair for i in (0, 2)}
    for band, words in ((0.999, "99.9%"), (1.0, "more than double"), (inf, "more than double")):
        found = said(against(1, "slower"), same_twice=ids, band=band)
        assert [line.partition(" twice: ")[0] for line in found[2:]] == ["a eager", "c eager"]
        assert all("1.000 [0.500, 2.000]" in line and f" {words} " in line for line in found[2:])


def test_a_diverging_workload_is_said_once_by_its_first_cell() -> None:
    cells = [("x", "from iteration 3 on"), ("y", "later"), ("x", "never seen")]
    found = diverging({"diverged": [{"workload": w, "error": error} for w, error in cells]})
    assert list(found) == ["x", "y"]
    assert [len(lines) for lines in found.values()] == [1, 1]
    assert found["x"][0].endswith("from iteration 3 on")
    assert diverging({}) == {}
