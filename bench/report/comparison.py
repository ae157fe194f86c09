"""A comparison for a person, a pull request or a program; for the first two in under 30 lines."""

import json
from dataclasses import asdict
from math import isfinite
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from bench.compare.comparing import ANOTHER_DEVICE, Change, Comparison
from bench.report.changes import method, rest, rows, warning

COMPARISON_SCHEMA = 1
NARROW = 104
"""On a terminal narrower than this the iterations per second are left out."""
COLOURS = {
    "slower": "red",
    "faster": "green",
    ANOTHER_DEVICE: "yellow",
    "no difference shown": "dim",
}


def show(console: Console, comparison: Comparison) -> None:
    """Print it, the warning in the first line."""
    first = warning(comparison)
    if first:
        console.print(f"[bold yellow]{escape(first)}[/]", highlight=False)
    for line in method(comparison):
        console.print(escape(line), highlight=False)
    if comparison.changes and rows(comparison):
        console.print(_table(rows(comparison), console.width < NARROW))
    for line in rest(comparison):
        console.print(escape(line), highlight=False)


def markdown(comparison: Comparison) -> str:
    """The same as Markdown."""
    first = warning(comparison)
    parts = [f"**{first}**"] if first else []
    parts += method(comparison)
    lines = [_line(change) for change in rows(comparison)]
    if lines:
        ruled = [lines[0].keys(), ["---"] * len(lines[0]), *(line.values() for line in lines)]
        parts.append("\n".join(f"| {' | '.join(words)} |" for words in ruled))
    return "\n\n".join([*parts, *rest(comparison)])


def as_json(comparison: Comparison) -> str:
    """All of it, every cell included; null where a number is not known."""
    content = {"comparison_schema": COMPARISON_SCHEMA, **asdict(comparison)}
    return json.dumps(_finite(content), indent=1, allow_nan=False)


def _table(changes: list[Change], narrow: bool) -> Table:
    lines = [_line(change) for change in changes]
    names = [name for name in lines[0] if not (narrow and name.endswith("/s"))]
    table = Table(box=None, pad_edge=False)
    for name in names:
        justify = "right" if name.endswith("/s") else "left"
        table.add_column(name, justify=justify, no_wrap=True)  # type: ignore[arg-type]
    for change, line in zip(changes, lines, strict=True):
        table.add_row(*(escape(line[name]) for name in names), style=COLOURS[change.verdict])
    return table


def _line(change: Change) -> dict[str, str]:
    ratio = change.ratio
    shown = f"{ratio.value:.3f}"
    if isfinite(ratio.high) and change.verdict != ANOTHER_DEVICE:
        shown += f" [{ratio.low:.3f}, {ratio.high:.3f}]"
    return {
        "cell": change.name,
        "old it/s": f"{change.old_per_s:.4g}",
        "new it/s": f"{change.new_per_s:.4g}",
        "new/old speed": shown,
        "verdict": change.verdict + (", over the limit" if change.over_limit else ""),
    }


def _finite(content: Any) -> Any:
    """The same with None for numbers that JSON does not have."""
    if isinstance(content, dict):
        return {key: _finite(value) for key, value in content.items()}
    if isinstance(content, list | tuple):
        return [_finite(value) for value in content]
    return None if isinstance(content, float) and not isfinite(content) else content
