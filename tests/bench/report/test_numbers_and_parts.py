"""How numbers are written at the borders between two forms, and what a table is sorted by."""

from math import inf

import pytest

from bench.report.numbers import interval, number, percent, seconds, size
from bench.report.parts import Section, Table, entry, text


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (0.0, "0"),
        (1.23456, "1.235"),
        (999.4, "999.4"),
        (-999.4, "-999.4"),
        (1000, "1,000"),
        (1000.9, "1,001"),
        (-1234.6, "-1,235"),
        (1234567.0, "1,234,567"),
    ],
)
def test_numbers_have_four_digits_and_commas_from_a_thousand_on(value: float, shown: str) -> None:
    assert number(value) == shown


@pytest.mark.parametrize(
    ("share", "shown"),
    [
        (0.0, "0%"),
        (0.0004, "0.0%"),
        (0.0123, "1.2%"),
        (-0.0123, "-1.2%"),
        (0.0999, "10.0%"),
        (0.1, "10%"),
        (-0.1, "-10%"),
        (0.256, "26%"),
        (1.5, "150%"),
    ],
)
def test_small_shares_keep_a_digit(share: float, shown: str) -> None:
    assert percent(share) == shown


@pytest.mark.parametrize(
    ("value", "shown"),
    [(0.0, "0 ms"), (0.09996, "100 ms"), (0.0123, "12.3 ms"), (0.1, "0.1 s"), (12.345, "12.3 s")],
)
def test_times_are_milliseconds_below_a_tenth_of_a_second(value: float, shown: str) -> None:
    assert seconds(value) == shown


@pytest.mark.parametrize(
    ("count", "shown"),
    [
        (2**20, "1 MiB"),
        (3.6 * 2**20, "4 MiB"),
        (2**30 - 2**20, "1,023 MiB"),
        (2**30, "1.00 GiB"),
        (1.255 * 2**30 + 2**22, "1.26 GiB"),
        (0, "0 MiB"),
    ],
)
def test_sizes_are_gib_from_one_on(count: float, shown: str) -> None:
    assert size(count) == shown


def test_an_interval_stands_behind_its_value() -> None:
    assert interval({"value": 0.5, "low": 0.256, "high": inf}) == "0.50 [0.26, inf]"


def test_what_has_no_number_is_sorted_last_and_text_is_no_number() -> None:
    assert entry("-", None).key == inf
    assert (entry("0", 0.0).key, entry("5 s", 5.0).text) == (0.0, "5 s")
    assert (text(5).key, text(5).text) == ("5", "5")
    assert [value.numeric for value in (entry("-", None), entry("1", 1), text(1))] == [
        *(True, True, False)
    ]


def test_tables_are_folded_and_sections_empty_unless_asked_otherwise() -> None:
    table = Table("t", ("a",), [])
    assert (table.folded, table.prose) == (True, False)
    one, two = Section("a", "A"), Section("b", "B")
    one.words.append("x")
    assert (two.words, two.figures, two.tables) == ([], [], [])
