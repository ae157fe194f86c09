"""What a person reads: a line a row, a line a pair of rows, and what so many seeds can show."""

from collections.abc import Iterator, Mapping, Sequence
from math import isfinite, isnan

from rich.console import Console

from bench.convergence.comparing import Pair
from bench.convergence.measuring import limits
from bench.convergence.results import OfWorkload
from bench.convergence.statistics import Interval
from bench.convergence.summary import OfRow
from bench.report.numbers import number
from bench.report.parts import Table, Value, entry, text
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
    for words in (cannot(rows, pairs), *warnings(rows, pairs)):
        if words:
            prose(console, words)


def of(caption: str, lines: Sequence[Mapping[str, Value]], *, folded: bool = False) -> Table:
    """A page's table of what is shown under each name; one line at least, all with the same.

    Their order is the first line's: in a file another row may have them in another.
    """
    names = tuple(lines[0])
    return Table(caption, names, [[line[name] for name in names] for line in lines], folded)


def band(found: OfWorkload) -> str:
    """The target in words."""
    target = found.target
    bands = " and ".join(f"{name} below {limit:g}" for name, limit in limits(target).items())
    held = f"held for {target.hold} evaluations, one in {target.every} iterations"
    return f"{bands}, {held}; {target.longest:,} at most"


def line(row: OfRow) -> Line:
    """A row's cells as text."""
    return {name: value.text for name, value in cells(row).items()}


def cells(row: OfRow) -> dict[str, Value]:
    """What is shown of a row, and what that is sorted by."""
    share, first = row.share, row.first_chunk_s
    found = {
        "row": text(row.row),
        "precision": text(row.precision),
        "reached": entry(f"{row.reached} of {row.seeds}", share.value),
        "share": entry(f"{share.low:.0%} to {share.high:.0%}", share.value),
        "iterations": entry(shown(row.iterations), row.iterations.value),
        "seconds": entry(shown(row.seconds), row.seconds.value),
        "first chunk, s": entry(number(first), first),
    }
    if row.at_end is not None:
        within = f"{row.at_end.value * row.seeds:.0f} of {row.seeds}"
        found["within at the end"] = entry(within, row.at_end.value)
    ends = {f"{name} at the end": entry(number(of), of) for name, of in row.final.items()}
    return found | ends


def shown(found: Interval) -> str:
    """A median with its interval."""
    if isnan(found.low):
        return _time(found.value)
    return f"{_time(found.value)} ({_time(found.low)} to {_time(found.high)})"


def _time(value: float) -> str:
    return number(value) if isfinite(value) else "not reached"


def pair_line(pair: Pair) -> Line:
    """A pair's cells as text."""
    return {name: value.text for name, value in pair_cells(pair).items()}


def pair_cells(pair: Pair) -> dict[str, Value]:
    """What is shown of a pair, and what that is sorted by."""
    ratio = pair.found.ratio
    return {
        "A": text(pair.a),
        "B": text(pair.b),
        "pairs": entry(str(pair.found.pairs), pair.found.pairs),
        "ratio": _factor(None if ratio is None else ratio.value),
        "90 %": text("" if ratio is None else f"{ratio.low:.3g} to {ratio.high:.3g}"),
        "difference shown from": _factor(pair.detectable),
        "equivalence shown within": _factor(pair.smallest_margin),
        "verdict": text(pair.words),
    }


def _factor(value: float | None) -> Value:
    return entry("" if value is None else f"{value:.3g}", value)


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


def warnings(rows: Sequence[OfRow], pairs: Sequence[Pair]) -> Iterator[str]:
    """What limits the verdicts, and whose trainings do."""
    late = [f"{r.row} in {r.seeds - r.reached} of {r.seeds}" for r in rows if r.reached < r.seeds]
    if late:
        yield f"The target was not reached: {', '.join(late)} trainings."
    if late or any(pair.found.censored for pair in pairs):
        yield (
            "A training that did not reach the target is censored: it counts in the share, is "
            "later than all that did, and equivalence is never claimed of a pair with one."
        )
