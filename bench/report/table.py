"""The table of a run: workload x row x mode, with spread, ratio to the fastest, and proof."""

from collections.abc import Iterable
from typing import Any

from rich.console import Console

from bench.report.printing import prose, say
from bench.report.printing import table as print_table
from bench.results.statistics import FEWEST_BLOCKS
from bench.results.verdicts import group_of, sentences

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

CLOCKS_AGREE = 0.01
SPARE = (("draws", "first step", "optimizer"), ("updates/s", "images/s"), ("+-",))
"""What a narrow terminal does without, one group after the other: a cut number is none."""
LEFT = ("row", "mode", "optimizer")


def show(console: Console, result: dict[str, Any]) -> None:
    """Print the tables of a result, then the absent cells, the failed ones, and the count."""
    summary = [cell for cell in result["summary"] if not cell["again"]]
    dropped: dict[str, None] = {}
    for label in dict.fromkeys(cell["workload"] for cell in summary):
        for group in _groups([c for c in summary if c["workload"] == label]):
            comparison = _comparison(result, group[0])
            dropped |= dict.fromkeys(_show_group(console, label, group, comparison))
            for sentence in sentences(comparison, summary):
                prose(console, sentence)
    prose(console, STEP, "dim")
    if any(cell.get("proof_sensitive") for cell in summary):
        prose(console, SENSITIVE, "dim")
    _show_clocks(console, summary)
    if dropped:
        prose(console, f"Left out of this narrow terminal: {', '.join(dropped)}.", "dim")
    _show_absent(console, result["absent"])
    for failure in result["failures"]:
        say(console, f"failed {failure['id']}: {failure['stage']}: {failure['error']}", "bold red")
    for control in result.get("controls", []):
        if control["error"]:
            say(console, f"control {control['id']}: {control['error']}; compare does without it")
    prose(
        console,
        f"{len(summary)} cells measured, {len(result['absent'])} cells declared absent with "
        f"reason, {len(result['failures'])} failed",
        "bold",
    )


def _show_clocks(console: Console, summary: list[dict[str, Any]]) -> None:
    """The harness's own share, and the cells on which the two clocks do not agree."""
    if summary:
        worst = max(cell["overhead_share"] for cell in summary)
        call_ms = 1e3 * max(cell["call_s"] for cell in summary)
        prose(
            console,
            f"An empty round takes {worst:.4%} of a round at most, by the workers' clocks. The "
            f"call around a round, {call_ms:.2f} ms at most, is in no time.",
        )
    for cell in summary:
        on_device = cell.get("device_clock_differs")
        if on_device is not None and abs(on_device) > CLOCKS_AGREE:
            prose(
                console,
                f"{cell['id']}: the worker's clock and the device's own differ by {on_device:+.1%}",
            )
        if abs(cell["clocks_differ"]) > CLOCKS_AGREE:
            prose(
                console,
                f"{cell['id']}: the caller's clock and the worker's differ by "
                f"{cell['clocks_differ']:+.1%}",
            )


def _comparison(result: dict[str, Any], cell: dict[str, Any]) -> dict[str, Any]:
    return next(c for c in result["comparisons"] if group_of(c) == group_of(cell))


def _groups(cells: list[dict[str, Any]]) -> Iterable[list[dict[str, Any]]]:
    """Cells that compare with each other, the fastest first."""
    for key in dict.fromkeys(group_of(c) for c in cells):
        group = [c for c in cells if group_of(c) == key]
        yield sorted(group, key=lambda c: -c["steps_per_s"])


def _show_group(
    console: Console, label: str, cells: list[dict[str, Any]], comparison: dict[str, Any]
) -> tuple[str, ...]:
    """Print its table; the columns for which there was no room."""
    ratios = {v["id"]: v for v in comparison["versus"]}
    first = cells[0]
    title = f"{label}, {first['precision']}, batch {first['batch_size']}, {first['device']}"
    lines = [_line(cell, ratios.get(cell["id"])) for cell in cells]
    right = [name for name in lines[0] if name not in LEFT]
    return print_table(console, title, lines, right=right, spare=SPARE)


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
        say(console, f"absent {row} {mode} ({', '.join(labels)}): {reason}")


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 1000 else f"{value:.4g}"
