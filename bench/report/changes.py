"""What a comparison says in sentences, and which of its cells have a row of their own."""

from collections.abc import Iterable
from math import sqrt
from statistics import fmean, median

from bench.compare.calibration import FEWEST_RUNS
from bench.compare.comparing import ANOTHER_DEVICE, Change, Comparison
from bench.plan.turns import FEWEST_BLOCKS

MOST_ROWS = 12
"""Changed cells beyond this are counted; the JSON has all."""
FEW = 10
"""Up to as many cells are all shown, unchanged ones too."""
MOST_WARNINGS = 4
ORDER = ("slower", "faster", ANOTHER_DEVICE, "no difference shown")


def rows(comparison: Comparison) -> list[Change]:
    """The cells that are shown: slower, faster, on another device; each by size."""
    ordered = sorted(
        comparison.changes,
        key=lambda c: (ORDER.index(c.verdict), abs(c.ratio.value - 1) * -1),
    )
    if len(ordered) <= FEW:
        return ordered
    return [change for change in ordered if change.verdict != ORDER[-1]][:MOST_ROWS]


def warning(comparison: Comparison) -> str | None:
    """The first line, where machine, versions, devices or specs differ."""
    found = comparison.warnings
    if not found:
        return None
    more = [f"and {len(found) - MOST_WARNINGS} more"] if len(found) > MOST_WARNINGS else []
    return f"warning: {'; '.join([*found[:MOST_WARNINGS], *more])}"


def method(comparison: Comparison) -> list[str]:
    """What the ratios are measured by, and what their intervals include."""
    return [_normalisation(comparison), _run_to_run(comparison)]


def _normalisation(comparison: Comparison) -> str:
    machine = comparison.machine
    if machine is None:
        return _sides(comparison) + (
            "Not normalised: no control program was timed alike in all runs, so a slower machine "
            "looks like slower cells."
        )
    programs = {control.removesuffix("-again") for control in comparison.controls}
    return _sides(comparison) + (
        f"Normalised by {_count(len(programs), 'control program')} timed in "
        f"{'all' if sum(comparison.runs) > 2 else 'both'} runs, {machine:.3f} times as fast in NEW "
        "as in OLD."
    )


def _sides(comparison: Comparison) -> str:
    """Nothing where each side is one run."""
    old, new = (_count(count, "run") for count in comparison.runs)
    return f"OLD is {old}, NEW {new}. " if sum(comparison.runs) > 2 else ""


def _run_to_run(comparison: Comparison) -> str:
    terms = comparison.run_to_run
    if not terms:
        return (
            f"No run-to-run variance is recorded for {' or '.join(comparison.unrecorded)}, so "
            "intervals hold only what varied within the runs. To record it: time one revision "
            f"{FEWEST_RUNS} times or more, then `python -m bench calibrate FILE FILE FILE`, or "
            "give the folder of their files as OLD."
        )
    sd = sqrt(fmean(term.variance for term in terms))
    runs = min(term.freedom for term in terms) + 1
    return f"Intervals include {sd:.1%} standard deviation from run to run, seen in {runs:g} runs."


def rest(comparison: Comparison) -> list[str]:
    """The cells without a row, those that are not compared, and the limit's answer."""
    own = {change.id for change in rows(comparison)}
    others = [change for change in comparison.changes if change.id not in own]
    unchanged = [change for change in others if change.verdict == ORDER[-1]]
    said = [] if len(others) == len(unchanged) else [_more(len(others) - len(unchanged))]
    elsewhere = sum(change.verdict == ANOTHER_DEVICE for change in comparison.changes)
    if elsewhere:
        said.append(
            f"{_count(elsewhere, 'cell')} on another device in NEW, whose speed there says nothing "
            "of the project: no verdict."
        )
    if unchanged:
        said.append(_unchanged(unchanged))
    few = sum(change.ratio.blocks < FEWEST_BLOCKS for change in comparison.changes)
    if few:
        said.append(f"{_count(few, 'cell')} with fewer than {FEWEST_BLOCKS} blocks: no claim.")
    left_out = [
        f"{len(cells)} {reason} ({', '.join(cells[:1] + ['...'] * (len(cells) > 1))})"
        for reason, cells in comparison.not_compared.items()
    ]
    if left_out:
        said.append(f"Not compared: {', '.join(left_out)}.")
    return said + _limit(comparison)


def _more(count: int) -> str:
    return f"{_count(count, 'cell')} more; --json has all."


def _unchanged(changes: Iterable[Change]) -> str:
    ratios = [change.ratio for change in changes]
    values = [ratio.value for ratio in ratios]
    widths = [ratio.half_width for ratio in ratios]
    return (
        f"{_count(len(values), 'cell')}: no difference shown ({min(values):.3f} to "
        f"{max(values):.3f} times the old speed, intervals +-{median(widths):.1%}, at most "
        f"+-{max(widths):.1%})."
    )


def _limit(comparison: Comparison) -> list[str]:
    if comparison.limit is None:
        return []
    over = sum(change.over_limit for change in comparison.changes)
    what = _count(over, "cell") if over else "No cell"
    return [f"{what} slower by more than {100 * comparison.limit:.4g} % with the whole interval."]


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
