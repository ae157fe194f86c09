"""The table of a run: workload x row x mode, with spread, ratio to the fastest, and proof."""

from itertools import chain
from typing import Any

from rich.console import Console
from rich.table import Table

from bench.plan.turns import FEWEST_BLOCKS
from bench.report.printing import fitting, prose, say
from bench.report.printing import table as print_table
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
SPARE = (("draws", "first step", "optimizer"), ("updates/s", "images/s"), ("+-",))
"""What a narrow terminal does without, one group after the other: a cut number is none."""
LEFT = ("row", "mode", "optimizer")


def show(console: Console, result: dict[str, Any]) -> None:
    """Print the tables of a result, then the absent cells, the failed ones, and the count."""
    summary = [cell for cell in result["summary"] if not cell["again"]]
    dropped: dict[str, None] = {}
    for group in dict.fromkeys(group_of(cell) for cell in summary):
        dropped |= dict.fromkeys(_show_table(console, result, group))
    prose(console, STEP, "dim")
    if any(cell.get("proof_sensitive") for cell in summary):
        prose(console, SENSITIVE, "dim")
    recognised = sum(cell.get("proof") == "recognised" for cell in summary)
    if recognised:
        prose(console, f"{recognised} of {len(summary)} cells: {RECOGNISED}", "dim")
    _show_clocks(console, summary)
    if dropped:
        prose(console, f"Left out of this narrow terminal: {', '.join(dropped)}.", "dim")
    _show_absent(console, result["absent"])
    for line in chain(*diverging(result).values()):
        say(console, line, "bold red")
    for failure in result["failures"]:
        say(console, f"failed {failure['id']}: {failure['stage']}: {failure['error']}", "bold red")
    for control in result.get("controls", []):
        if control["error"]:
            say(console, f"control {control['id']}: {control['error']}; compare does without it")
    counts = [
        f"{len(summary)} cells measured",
        f"{len(result['absent'])} cells declared absent with reason",
        f"{len(result['failures'])} failed",
    ]
    if result.get("diverged"):
        counts.append(f"{len(result['diverged'])} diverge")
    prose(console, ", ".join(counts), "bold")


def show_group(console: Console, result: dict[str, Any], group: Group) -> None:
    """Print the table of a group, what is said of it, and that its GAN diverges."""
    _show_table(console, result, group)
    for line in diverging(result).get(group[0], []):
        say(console, line, "bold red")


def _show_table(console: Console, result: dict[str, Any], group: Group) -> tuple[str, ...]:
    """Print it with its sentences; the columns for which there was no room."""
    found = _of_group(result, group)
    if not found:
        return ()
    title, lines, right = found
    dropped = print_table(console, title, lines, right=right, spare=SPARE)
    for comparison in result["comparisons"]:
        if group_of(comparison) == group:
            for sentence in sentences(comparison, result["summary"]):
                prose(console, sentence)
    return dropped


def fitted(console: Console, result: dict[str, Any], group: Group) -> Table | None:
    """The table of a group as it would be printed; None where nothing is measured or fits."""
    found = _of_group(result, group)
    if not found:
        return None
    title, lines, right = found
    return fitting(console, title, lines, right=right, spare=SPARE)[0]


def _of_group(
    result: dict[str, Any], group: Group
) -> tuple[str, list[dict[str, str]], list[str]] | None:
    """(title, lines, the fastest cell first, columns that end at the right)."""
    cells = [c for c in result["summary"] if group_of(c) == group and not c["again"]]
    if not cells:
        return None
    cells.sort(key=lambda cell: -cell["steps_per_s"])
    ratios = {v["id"]: v for v in _comparison(result, cells[0])["versus"]}
    first = cells[0]
    title = f"{group[0]}, {first['precision']}, batch {first['batch_size']}, {first['device']}"
    lines = [_line(cell, ratios.get(cell["id"])) for cell in cells]
    return title, lines, [name for name in lines[0] if name not in LEFT]


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
