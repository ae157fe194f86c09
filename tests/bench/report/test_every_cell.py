"""The table of all cells: each number in its column, ratios with intervals where they are sure."""

from typing import Any

import pytest

from bench.report.every_cell import all_cells
from tests.bench.report.parts_of_results import against, cell, compared, made, shown

A = cell(
    "a",
    speed=2000.0,
    spread=0.123,
    updates_per_s=4.0,
    images_per_s=5.0,
    draws_share=0.06,
    first_step_s=0.07,
    proof_share=0.08,
    optimizer="own",
)
B = cell("b", "compiled", 100.0, clocks_differ=-0.03, overhead_share=0.002)


def run(*versus: Any, **other: Any) -> Any:
    return made(B, A, comparisons=[compared(A, *versus)]) | other


def test_each_number_stands_in_its_column_and_is_sorted_by_itself() -> None:
    section = all_cells(run(against(B, 0.05)))
    assert section is not None
    (table,) = section.tables
    assert table.columns[5:] == (
        *("iterations/s", "+-", "of fastest", "verdict", "updates/s", "images/s", "draws"),
        *("first step", "proof", "optimizer"),
    )
    first, second = shown(table)
    assert first[:5] == ["gan", "8", "a", "eager", "float32"]
    assert first[5:] == ["2,000", "12%", "1", "fastest", "4", "5", "6.0%", "70 ms", "8.0%", "own"]
    assert [value.key for value in table.lines[0][5:]] == [
        *(2000.0, 0.123, 1.0, "fastest", 4.0, 5.0, 0.06, 0.07, 0.08, "own")
    ]
    assert second[5:9] == ["100", "5.0%", "0.05 [0.05, 0.06]", "slower"]
    assert not table.folded


@pytest.mark.parametrize(
    ("ratio", "text", "key"),
    [
        (against(B, 0.5, 5), "0.50 [0.45, 0.55]", 0.5),
        (against(B, 0.5, 4), "0.50", 0.5),
        (against(B, None, 0), "-", float("inf")),
    ],
)
def test_a_ratio_has_an_interval_from_five_blocks_on(ratio: Any, text: str, key: float) -> None:
    section = all_cells(run(ratio))
    assert section is not None
    value = section.tables[0].lines[1][7]
    assert (value.text, value.key) == (text, key)


def test_a_cell_that_nothing_is_said_of_has_no_ratio() -> None:
    section = all_cells(run())
    assert section is not None
    assert shown(section.tables[0])[1][7:9] == ["-", "-"]


def test_the_worst_of_the_harness_is_said_whatever_its_sign() -> None:
    again = cell("a", again=True, overhead_share=0.9, clocks_differ=0.9)
    section = all_cells(run(summary=[A, B, again]))
    assert section is not None
    assert "0.2000% at most" in section.words[1]
    assert section.words[1].endswith("differ by 3.00% at most.")
    assert all_cells(made(again)) is None
