"""The table of a run: workload x row x mode, with spread, ratio to the fastest, and proof."""

from collections.abc import Iterable
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

STEP = (
    "iterations/s: median over blocks of each block's median; +- half the range of the blocks. "
    "An iteration is one pass through the workload's phases. draws: the share of it that drawing "
    "random numbers takes when timed alone; it is inside the timed call, loading data is outside. "
    "first step: the first call, compiling included. proof: the share of its limit that the timed "
    "callable used against the float64 reference."
)


def show(console: Console, result: dict[str, Any]) -> None:
    """Print the tables of a result, then the absent cells, the failed ones, and the count."""
    summary = result["summary"]
    for label in dict.fromkeys(cell["workload"] for cell in summary):
        for group in _groups([c for c in summary if c["workload"] == label]):
            console.print(_table(label, group))
    console.print(f"[dim]{STEP}[/dim]")
    _show_absent(console, result["absent"])
    for failure in result["failures"]:
        line = f"{failure['id']}: {failure['stage']}: {failure['error']}"
        console.print(f"[bold red]failed[/bold red] {escape(line)}")
    measured = len(summary)
    console.print(
        f"[bold]{measured} cells measured, {len(result['absent'])} cells declared absent with "
        f"reason, {len(result['failures'])} failed[/bold]"
    )


def _groups(cells: list[dict[str, Any]]) -> Iterable[list[dict[str, Any]]]:
    """Cells that compare with each other: the same precision and batch size."""
    for key in dict.fromkeys((c["precision"], c["batch_size"]) for c in cells):
        group = [c for c in cells if (c["precision"], c["batch_size"]) == key]
        yield sorted(group, key=lambda c: -c["steps_per_s"])


def _table(label: str, cells: list[dict[str, Any]]) -> Table:
    first = cells[0]
    title = f"{label}, {first['precision']}, batch {first['batch_size']}, {first['device']}"
    table = Table(title=title)
    for name in ("row", "mode"):
        table.add_column(name, no_wrap=True)
    columns = (
        "iterations/s",
        "+-",
        "of fastest",
        "updates/s",
        "images/s",
        "draws",
        "first step",
        "proof",
        "optimizer",
    )
    for name in columns:
        table.add_column(name, justify="right")
    for cell in cells:
        table.add_row(
            cell["row"],
            cell["mode"],
            _number(cell["steps_per_s"]),
            f"{cell['spread']:.0%}",
            f"{cell['steps_per_s'] / first['steps_per_s']:.2f}",
            _number(cell["updates_per_s"]),
            _number(cell["images_per_s"]),
            f"{cell['draws_share']:.0%}",
            f"{cell['first_step_s']:.2f} s",
            f"{cell['proof_share']:.1%}",
            cell["optimizer"],
        )
    return table


def _show_absent(console: Console, absent: list[dict[str, Any]]) -> None:
    reasons: dict[tuple[str, str, str], list[str]] = {}
    for cell in absent:
        key = (cell["row"], cell["mode"], cell["reason"])
        reasons.setdefault(key, []).append(cell["label"])
    for (row, mode, reason), labels in reasons.items():
        console.print(f"absent {row} {mode} ({', '.join(labels)}): {escape(reason)}")


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 1000 else f"{value:.4g}"
