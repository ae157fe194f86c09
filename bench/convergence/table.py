"""What a person reads: a line a row, a line a pair of rows, and what so many seeds can show."""

from collections.abc import Iterator, Sequence
from math import isfinite, isnan

from rich.console import Console

from bench.convergence.comparing import Pair
from bench.convergence.measuring import limits
from bench.convergence.results import OfWorkload
from bench.convergence.statistics import Interval
from bench.convergence.summary import OfRow
from bench.report.numbers import number
from bench.report.printing import Line, prose, table


def show(
    console: Console, name: str, found: OfWorkload, rows: Sequence[OfRow], pairs: Sequence[Pair]
) -> None:
    """Print what is known of a workload."""
    lines = [line(row) for row in rows]
    right = [key for key in (lines[0] if lines else ()) if key not in ("row", "precision")]
    prose(console, f"{name}: {band(found)}")
    table(console, None, lines, right=right)
    table(console, "iterations of B over those of A", [pair_line(p) for p in pairs])
    for text in (cannot(rows, pairs), *warnings(pairs)):
        if text:
            prose(console, text)


def band(found: OfWorkload) -> str:
    """The target in words."""
    target = found.target
    bands = " and ".join(f"{name} below {limit:g}" for name, limit in limits(target).items())
    held = f"held for {target.hold} evaluations, one in {target.every} iterations"
    return f"{bands}, {held}; {target.longest:,} at most"


def line(row: OfRow) -> Line:
    """A row's cells."""
    cells = {
        "row": row.row,
        "precision": row.precision,
        "reached": f"{row.reached} of {row.seeds}",
        "share": f"{row.share.low:.0%} to {row.share.high:.0%}",
        "iterations": shown(row.iterations),
        "seconds": shown(row.seconds),
        "first chunk, s": number(row.first_chunk_s),
    }
    if row.at_end is not None:
        cells["within at the end"] = f"{row.at_end.value * row.seeds:.0f} of {row.seeds}"
    return cells | {f"{name} at the end": number(value) for name, value in row.final.items()}


def shown(found: Interval) -> str:
    """A median with its interval."""
    if isnan(found.low):
        return _time(found.value)
    return f"{_time(found.value)} ({_time(found.low)} to {_time(found.high)})"


def _time(value: float) -> str:
    return number(value) if isfinite(value) else "not reached"


def pair_line(pair: Pair) -> Line:
    """A pair's cells."""
    ratio = pair.found.ratio
    return {
        "A": pair.a,
        "B": pair.b,
        "pairs": str(pair.found.pairs),
        "ratio": "" if ratio is None else f"{ratio.value:.3g}",
        "90 %": "" if ratio is None else f"{ratio.low:.3g} to {ratio.high:.3g}",
        "difference shown from": _factor(pair.detectable),
        "equivalence shown within": _factor(pair.smallest_margin),
        "verdict": pair.words,
    }


def _factor(value: float | None) -> str:
    return "" if value is None else f"{value:.3g}"


def cannot(rows: Sequence[OfRow], pairs: Sequence[Pair]) -> str:
    """What so many seeds can show at all."""
    known = [(p.smallest_margin, p.detectable) for p in pairs if p.smallest_margin is not None]
    if not known:
        return ""
    n = min(row.seeds for row in rows)
    margins, factors = zip(*known, strict=True)
    margin = pairs[0].margin
    wide = "this is wide, wider than" if max(margins) > margin else "this is within"
    return (
        f"With {n} seeds an equivalence is shown, 4 times of 5, within a factor "
        f"{_range(margins)} and a difference from a factor {_range(factors)}: {wide} the margin of "
        f"{margin:g}. More seeds narrow it with the root of their number."
    )


def _range(factors: Sequence[float | None]) -> str:
    known = sorted(f"{factor:.2f}" for factor in factors if factor is not None)
    return known[0] if known[0] == known[-1] else f"{known[0]} to {known[-1]}"


def warnings(pairs: Sequence[Pair]) -> Iterator[str]:
    """What limits the verdicts."""
    if any(pair.found.censored for pair in pairs):
        yield (
            "A training that did not reach the target is censored: it is later than all that did, "
            "and equivalence is never claimed of a pair with one."
        )
