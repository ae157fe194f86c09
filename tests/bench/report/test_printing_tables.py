"""What is printed, by widths that are counted: tables that just fit, blocks, colours, streams."""

import io
import sys
from typing import Any

import pytest
from rich.console import Console
from rich.text import Text

from bench.report import printing, streams
from tests.bench.report.parts_of_results import printed, styled

LINES: list[printing.Line] = [{"a": "xx", "b": "1", "c": "y z"}, {"a": "x", "b": "22", "c": ""}]
WHOLE = ["a    b  c", "xx   1  y z", "x   22"]
"""Eleven wide: two, two and three characters, and two spaces between them."""
BLOCKS = ["", "a: xx", "b: 1", "c: y z", "", "a: x", "b: 22", ""]
SPARE = (("c",), ("a",))


def lines(width: int = 80, **how: Any) -> list[str]:
    options: dict[str, Any] = {"right": ["b"], "ruled": False} | how
    return printed(lambda to: printing.table(to, None, LINES, **options), width)


def test_columns_end_at_the_right_where_that_is_asked() -> None:
    assert lines() == WHOLE
    assert lines(right=()) == ["a   b   c", "xx  1   y z", "x   22"]


def test_with_spare_columns_no_cell_is_broken() -> None:
    assert lines(11, spare=SPARE) == WHOLE
    assert lines(10, spare=SPARE) == lines(6, spare=SPARE) == ["a    b", "xx   1", "x   22"]
    assert lines(5, spare=SPARE) == lines(2, spare=SPARE) == [" b", " 1", "22"]


def test_without_spare_columns_cells_are_broken_between_words() -> None:
    assert lines(11) == WHOLE
    assert lines(10) == ["a    b  c", "xx   1  y", "        z", "x   22"]
    assert lines(8) == BLOCKS


def test_blocks_have_all_columns_and_say_that_nothing_is_left_out() -> None:
    assert lines(8, spare=()) == BLOCKS
    out: list[Any] = []
    wide: list[printing.Line] = [{"a": "x" * 9, "b": "y" * 9}]
    spare = [["a"]]
    text = printed(lambda to: out.append(printing.table(to, "All", wide, spare=spare)), 8)
    assert text[:2] == ["All", ""]
    assert (text.count("b:"), out) == (1, [()])


def test_the_table_that_fits_is_told_with_what_it_leaves_out() -> None:
    def fitting(width: int) -> Any:
        return printing.fitting(console(width), None, LINES, spare=SPARE, ruled=False)

    for width, out in ((11, ()), (10, ("c",)), (5, ("c", "a"))):
        made, left_out = fitting(width)
        assert (left_out, len(made.columns)) == (out, 3 - len(out))
    assert fitting(1) == (None, ())
    framed, _ = printing.fitting(console(80), None, LINES)
    assert framed is not None
    assert framed.box is not None


def test_a_table_has_a_frame_and_its_title_unless_asked_otherwise() -> None:
    framed = printed(lambda to: printing.table(to, "Title", LINES))
    assert (framed[0].strip(), len(framed)) == ("Title", 7)
    assert "\u2502 xx " in framed[4]
    bare = printed(lambda to: printing.table(to, "Title", LINES, ruled=False))
    assert [line.strip() for line in bare] == ["Title", "a   b   c", "xx  1   y z", "x   22"]


def test_lines_have_their_own_styles_and_texts_their_own_colour() -> None:
    text = styled(lambda to: printing.table(to, None, LINES, styles=["red", "green"], ruled=False))
    _, first, second = text.splitlines()
    assert first.startswith("\x1b[31mxx")
    assert second.startswith("\x1b[32mx")
    coloured: list[printing.Line] = [{"a": Text("xx", "blue"), "b": "plain"}]
    _, line = styled(lambda to: printing.table(to, None, coloured, ruled=False)).splitlines()
    assert line.startswith("\x1b[34mxx")
    assert line.endswith("plain")
    # Numbers in it are not coloured by themselves.
    assert "\x1b[36m" not in styled(lambda to: printing.table(to, None, LINES, ruled=False))


def test_a_blocks_text_of_several_lines_is_one() -> None:
    long = "c" * 30
    given: list[printing.Line] = [{"name": "a\nb", "empty": Text(""), "a long name": long}]
    found = printed(lambda to: printing.table(to, None, given), 45)
    assert found[:3] == ["", "name: a, b", f"a long name: {long}"]


@pytest.mark.parametrize("tell", [printing.say, printing.prose])
def test_a_sentence_has_its_style_and_no_other(tell: Any) -> None:
    assert styled(lambda to: tell(to, "12 of 'x'", "red")) == "\x1b[31m12 of 'x'\x1b[0m\n"
    assert styled(lambda to: tell(to, "12 of 'x'")) == "12 of 'x'\n"


def test_prose_is_broken_between_words() -> None:
    assert printed(lambda to: printing.prose(to, "one two three"), 8) == ["one two", "three"]


def console(width: int | None, stream: Any = None) -> Console:
    return printing.console(stream or io.StringIO(), width=width)


@pytest.mark.parametrize(
    ("columns", "width"), [("19", 150), ("20", 20), ("21", 21), ("2.5", 150), (None, 150)]
)
def test_columns_counts_from_twenty_on(
    columns: str | None, width: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    if columns is not None:
        monkeypatch.setenv("COLUMNS", columns)
    assert console(None).width == width
    assert console(33).width == 33  # what is given counts first


def test_a_terminal_keeps_its_own_width(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    monkeypatch.setenv("FORCE_COLOR", "1")  # as a terminal
    monkeypatch.setattr(Console, "size", property(lambda self: printing.ConsoleDimensions(77, 9)))
    assert console(None).width == 77


def test_the_height_stays_where_a_width_is_given() -> None:
    made = console(44)
    assert (made.width, made.height) == (44, Console(file=io.StringIO()).height)


def test_standard_output_is_printed_to_unless_another_stream_is_given(
    capsys: pytest.CaptureFixture[str],
) -> None:
    printing.say(printing.console(), "out")
    stream = io.StringIO()
    printing.say(printing.console(stream), "own")
    assert (capsys.readouterr().out, stream.getvalue()) == ("out\n", "own\n")


def test_lines_go_to_output_or_to_errors(capsys: pytest.CaptureFixture[str]) -> None:
    streams.line("one")
    streams.line("two", error=True)
    assert capsys.readouterr() == ("one\n", "two\n")


def test_every_control_character_is_escaped_but_tab_and_newline() -> None:
    given = "".join(map(chr, range(170)))
    shown = streams.shown(given, "utf-8")
    left = {ord(letter) for letter in shown} & {*range(32), *range(127, 160)}
    assert left == {9, 10}
    assert shown.startswith("\\x00\\x01")
    assert "\\x1f !" in shown
    assert "~\\x7f\\x80" in shown
    assert "\\x9f\u00a0" in shown


def test_what_an_encoding_does_not_have_is_escaped() -> None:
    assert streams.shown("\u00e9\u2713", "latin-1") == "\u00e9\\u2713"
    stream = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    assert streams.escaping(stream) is stream
    assert stream.errors == "backslashreplace"
    own = io.StringIO()
    assert streams.escaping(own) is own


def test_a_line_is_written_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    monkeypatch.setattr(sys, "stdout", stream)
    streams.line("\u00e9\x07")
    assert stream.buffer.getvalue().splitlines() == [rb"\xe9\x07"]  # type: ignore[attr-defined]


@pytest.mark.parametrize("ruled", [False, True])
@pytest.mark.parametrize("width", range(20, 60))
def test_no_number_is_cut_whatever_the_width(width: int, ruled: bool) -> None:
    lines = [
        {"a": "some words", "b": "1", "c": "other words here"},
        {"a": "x", "b": "1234567", "c": ""},
    ]
    said = printed(lambda to: printing.table(to, None, lines, right=["b"], ruled=ruled), width)
    assert "1234567" in " ".join(said)
    assert "\u2026" not in " ".join(said)
