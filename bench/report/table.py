"""The table of a run: workload x row x mode, with spread, ratio to the fastest, and proof."""

from itertools import chain
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from bench.results.statistics import FEWEST_BLOCKS
from bench.results.verdicts import Group, diverging, group_of, sentences

STEP = (
    "iterations/s: median over blocks; +- half the range of the blocks. "
    "of fastest: geometric mean over blocks of the ratio within a block, with its 95 % interval. "
    "An iteration is one pass through the workload's phases. draws: the share of it that drawing "
    "random numbers takes when timed alone; it is inside the timed call, loading data is outside. "
    "first step: the first call, compiling included. proof: the share of its limit that the timed "
    "callable used against the float64 reference."
)
SENSITIVE = (
    "*: rounding in float32 alone moves the reference itself beyond a ceiling; the same mode was "
    "proved in float64 too."
)

RECOGNISED = (
    "proof recognised: it ended with the same bits as one that was proved before, by the same code "
    "on the same machine; --prove-anew proves it again."
)

CLOCKS_AGREE = 0.01
DROPPED = (
    (150, ("draws", "first step", "optimizer")),
    (116, ("updates/s", "images/s")),
)
"""What a terminal narrower than this many characters is not shown: a cut number is none."""


def show(console: Console, result: dict[str, Any]) -> None:
    """Print the tables of a result, then the absent cells, the failed ones, and the count."""
    summary = [cell for cell in result["summary"] if not cell["again"]]
    for group in dict.fromkeys(group_of(cell) for cell in summary):
        show_group(console, result, group, with_diverging=False)
    console.print(f"[dim]{STEP}[/dim]")
    if any(cell.get("proof_sensitive") for cell in summary):
        console.print(f"[dim]{SENSITIVE}[/dim]")
    recognised = sum(cell.get("proof") == "recognised" for cell in summary)
    if recognised:
        console.print(f"[dim]{recognised} of {len(summary)} cells: {RECOGNISED}[/dim]")
    _show_clocks(console, summary)
    dropped = _dropped(console.width)
    if dropped:
        console.print(f"[dim]Left out of this narrow terminal: {', '.join(dropped)}.[/dim]")
    _show_absent(console, result["absent"])
    for line in chain(*diverging(result).values()):
        console.print(escape(line), highlight=False)
    for failure in result["failures"]:
        line = f"{failure['id']}: {failure['stage']}: {failure['error']}"
        console.print(f"[bold red]failed[/bold red] {escape(line)}")
    for control in result.get("controls", []):
        if control["error"]:
            line = f"control {control['id']}: {control['error']}; compare does without it"
            console.print(escape(line))
    _show_counts(console, result, len(summary))


def _show_counts(console: Console, result: dict[str, Any], measured: int) -> None:
    counts = [
        f"{measured} cells measured",
        f"{len(result['absent'])} cells declared absent with reason",
        f"{len(result['failures'])} failed",
    ]
    if result.get("diverged"):
        counts.append(f"{len(result['diverged'])} diverge")
    console.print(f"[bold]{', '.join(counts)}[/bold]")


def show_group(
    console: Console, result: dict[str, Any], group: Group, *, with_diverging: bool = True
) -> None:
    """Print the table of a group and what is said of it."""
    for shown in of_group(result, group, console.width):
        console.print(shown)
    for comparison in result["comparisons"]:
        if group_of(comparison) == group:
            for sentence in sentences(comparison, result["summary"]):
                console.print(escape(sentence))
    for line in diverging(result).get(group[0], []) if with_diverging else ():
        console.print(escape(line), highlight=False)


def of_group(result: dict[str, Any], group: Group, width: int) -> list[Table]:
    """The table of a group, the fastest cell first; none while nothing is measured."""
    found = [c for c in result["summary"] if group_of(c) == group and not c["again"]]
    if not found:
        return []
    found.sort(key=lambda cell: -cell["steps_per_s"])
    return [_table(group[0], found, _comparison(result, found[0]), _dropped(width))]


def _dropped(width: int) -> list[str]:
    return [name for limit, names in DROPPED if width < limit for name in names]


def _show_clocks(console: Console, summary: list[dict[str, Any]]) -> None:
    """The harness's own share, and the cells on which the two clocks do not agree."""
    if summary:
        worst = max(cell["overhead_share"] for cell in summary)
        call_ms = 1e3 * max(cell["call_s"] for cell in summary)
        console.print(
            f"An empty round takes {worst:.4%} of a round at most, by the workers' clocks. The "
            f"call around a round, {call_ms:.2f} ms at most, is in no time."
        )
    for cell in summary:
        on_device = cell.get("device_clock_differs")
        if on_device is not None and abs(on_device) > CLOCKS_AGREE:
            console.print(
                f"{escape(cell['id'])}: the worker's clock and the device's own differ by "
                f"{on_device:+.1%}"
            )
        if abs(cell["clocks_differ"]) > CLOCKS_AGREE:
            console.print(
                f"{escape(cell['id'])}: the caller's clock and the worker's differ by "
                f"{cell['clocks_differ']:+.1%}"
            )


def _comparison(result: dict[str, Any], cell: dict[str, Any]) -> dict[str, Any]:
    return next(c for c in result["comparisons"] if group_of(c) == group_of(cell))


def _table(
    label: str, cells: list[dict[str, Any]], comparison: dict[str, Any], dropped: list[str]
) -> Table:
    ratios = {v["id"]: v for v in comparison["versus"]}
    first = cells[0]
    title = f"{label}, {first['precision']}, batch {first['batch_size']}, {first['device']}"
    table = Table(title=title)
    lines = [_line(cell, ratios.get(cell["id"])) for cell in cells]
    shown = [name for name in lines[0] if name not in dropped]
    for name in shown:
        justify = "left" if name in ("row", "mode", "optimizer") else "right"
        table.add_column(name, justify=justify, no_wrap=True)  # type: ignore[arg-type]
    for line in lines:
        table.add_row(*(line[name] for name in shown))
    return table


def _line(cell: dict[str, Any], ratio: dict[str, Any] | None) -> dict[str, str]:
    return {
        "row": cell["row"],
        "mode": cell["mode"],
        "iterations/s": _number(cell["steps_per_s"]),
        "+-": f"{cell['spread']:.0%}",
        "of fastest": _ratio(ratio),
        "updates/s": _number(cell["updates_per_s"]),
        "images/s": _number(cell["images_per_s"]),
        "draws": f"{cell['draws_share']:.0%}",
        "first step": f"{cell['first_step_s']:.2f} s",
        "proof": f"{cell['proof_share']:.1%}{'*' if cell.get('proof_sensitive') else ''}",
        "optimizer": cell["optimizer"],
    }


def _ratio(ratio: dict[str, Any] | None) -> str:
    """The ratio to the fastest with its interval, where there are blocks enough for one."""
    if ratio is None:
        return "1"
    if ratio["value"] is None:
        return "-"
    if ratio["blocks"] < FEWEST_BLOCKS:
        return f"{ratio['value']:.2f}"
    return f"{ratio['value']:.3f} [{ratio['low']:.3f}, {ratio['high']:.3f}]"


def _show_absent(console: Console, absent: list[dict[str, Any]]) -> None:
    reasons: dict[tuple[str, str, str], list[str]] = {}
    for cell in absent:
        key = (cell["row"], cell["mode"], cell["reason"])
        reasons.setdefault(key, []).append(cell["label"])
    for (row, mode, reason), labels in reasons.items():
        console.print(f"absent {row} {mode} ({', '.join(labels)}): {escape(reason)}")


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 1000 else f"{value:.4g}"
