"""The one place that prints for people: text is never markup, and a table fits or becomes lines."""

import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rich.console import Console, ConsoleDimensions
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from bench.report.streams import escaping, shown

PIPED_WIDTH = 150
"""A file has no width: so many characters show every column."""
NARROWEST = 20
CUT = "\u2026"
"""What rich ends a text with that it cuts."""
Line = Mapping[str, str | Text]
"""A row of a table: what it has under each name; a Text where it is coloured."""


def console(file: Any = None, *, width: int | None = None) -> Console:
    """Standard output or another stream; as wide as its terminal, or as COLUMNS says."""
    made = Console(file=escaping(file or sys.stdout), markup=False, emoji=False, highlight=False)
    columns = os.environ.get("COLUMNS", "")
    if width is None and columns.isdecimal() and int(columns) >= NARROWEST:
        width = int(columns)
    if width is None and not made.is_terminal:
        width = PIPED_WIDTH
    if width is not None:  # with a height, since rich takes a dumb terminal to be 80 wide
        made.size = ConsoleDimensions(width, made.height)
    return made


def say(console: Console, text: str, style: str = "") -> None:
    """One line as it is, however long: paths and errors can be copied."""
    console.print(_text(console, text, style), highlight=False, soft_wrap=True)


def prose(console: Console, text: str, style: str = "") -> None:
    """Sentences, broken between words where the terminal ends."""
    console.print(_text(console, text, style), highlight=False)


def table(
    console: Console,
    title: str | None,
    lines: Sequence[Line],
    *,
    right: Sequence[str] = (),
    spare: Sequence[Sequence[str]] = (),
    styles: Sequence[str] = (),
    ruled: bool = True,
) -> tuple[str, ...]:
    """Print lines as a table, or each as a block of lines where none fits; the names left out.

    `right` names columns that end at the right. `spare` has groups of columns that a narrow
    terminal does without, one group after the other, so that no cell is broken; blocks have all.
    """
    if not lines:
        return ()
    made, out = fitting(console, title, lines, right=right, spare=spare, styles=styles, ruled=ruled)
    if made is not None:
        console.print(made, highlight=False)
        return out
    for text in _blocks(title, lines):
        prose(console, text)
    return ()


def fitting(
    console: Console,
    title: str | None,
    lines: Sequence[Line],
    *,
    right: Sequence[str] = (),
    spare: Sequence[Sequence[str]] = (),
    styles: Sequence[str] = (),
    ruled: bool = True,
) -> tuple[Table | None, tuple[str, ...]]:
    """(the table that fits, None where none does; the names of the columns left out)."""
    for count in range(len(spare) + 1):
        out = tuple(name for group in spare[:count] for name in group)
        names = [name for name in lines[0] if name not in out]
        made = _table(console, title, names, lines, right, styles, ruled)
        for column in made.columns:
            column.no_wrap = bool(spare)
        # So wide that no word is broken, or no cell.
        width = Measurement.get(console, console.options.update_width(10_000), made)
        least = width.maximum if spare else width.minimum
        own = sum(str(line[name]).count(CUT) for line in lines for name in names)
        # Rich may make a column narrower than its longest word all the same, and cut that.
        if least <= console.width and sum(s.text.count(CUT) for s in console.render(made)) <= own:
            return made, out
    return None, ()


def _table(
    console: Console,
    title: str | None,
    names: Sequence[str],
    lines: Sequence[Line],
    right: Sequence[str],
    styles: Sequence[str],
    ruled: bool,
) -> Table:
    heading = None if title is None else _text(console, title)
    made = Table(title=heading) if ruled else Table(title=heading, box=None, pad_edge=False)
    for name in names:
        made.add_column(_text(console, name), justify="right" if name in right else "left")
    for i, line in enumerate(lines):
        cells = (_text(console, line[name]) for name in names)
        made.add_row(*cells, style=styles[i] if styles else None)
    return made


def _blocks(title: str | None, lines: Sequence[Line]) -> Iterator[str]:
    if title is not None:
        yield title
    for line in lines:
        yield ""
        for name, value in line.items():
            if str(value):
                yield f"{name}: {', '.join(str(value).splitlines())}"
    yield ""


def _text(console: Console, text: str | Text, style: str = "") -> Text:
    plain, style = (text.plain, str(text.style)) if isinstance(text, Text) else (text, style)
    return Text(shown(plain, console.encoding), style)
