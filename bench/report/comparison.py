"""A comparison for a person, a pull request or a program; for the first two in under 30 lines."""

import json
from dataclasses import asdict
from math import isfinite

from rich.console import Console

from bench.compare.comparing import ANOTHER_DEVICE, Change, Comparison
from bench.plan.records import strict
from bench.report.changes import method, rest, rows, warning
from bench.report.printing import prose, table

COMPARISON_SCHEMA = 1
SPARE = (("old it/s", "new it/s"),)
"""What a narrow terminal does without."""
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
        prose(console, first, "bold yellow")
    for line in method(comparison):
        prose(console, line)
    changes = rows(comparison)
    if changes:
        lines, styles = [_line(c) for c in changes], [COLOURS[c.verdict] for c in changes]
        table(console, None, lines, right=SPARE[0], spare=SPARE, styles=styles, ruled=False)
    for line in rest(comparison):
        prose(console, line)


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
    return json.dumps(strict(content), indent=1, allow_nan=False)


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
