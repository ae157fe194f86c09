"""Which rows come to the target equally soon, which do not, and what so few seeds cannot show."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

from bench.convergence.reaching import Reached
from bench.convergence.statistics import (
    ALPHA,
    Paired,
    detectable,
    holm,
    paired,
    seeds_for,
    sign_test,
    smallest_margin,
)

Rows = Mapping[str, Sequence[Reached]]


@dataclass(frozen=True)
class Pair:
    """Two rows on the seeds that both have."""

    a: str
    b: str
    margin: float
    found: Paired
    p_differs: float
    """Holm's, over all pairs that are asked together."""

    @property
    def verdict(self) -> str:
        """`equivalent`, `differs`, both of them, as of a small difference, or `not shown`."""
        differs = self.p_differs < ALPHA
        if self.found.p_equivalent < ALPHA:
            return "differs within the margin" if differs else "equivalent"
        return "differs" if differs else "not shown"

    @property
    def words(self) -> str:
        """The verdict in a sentence's end."""
        if self.verdict == "equivalent":
            return f"equivalent within a factor {self.margin:g}"
        if self.verdict == "differs within the margin":
            return f"differs, by less than a factor {self.margin:g}"
        if self.found.censored:
            by = "differs by the sign test" if self.verdict == "differs" else "not shown"
            return (
                f"{by}: in {self.found.censored} of {self.found.pairs} pairs one did not reach it"
            )
        if self.verdict == "differs":
            return "differs"
        if self.found.ratio is None:
            return f"not shown: {self.found.pairs} seeds are too few"
        return f"not shown: within {self.margin:g} by {self._seeds} seeds, if they are equal"

    @property
    def _seeds(self) -> str:
        count = seeds_for(self.found.deviation or 0.0, self.margin)
        return "more than 100,000" if count is None else f"{count:,}"

    @property
    def detectable(self) -> float | None:
        """The smallest factor that so many pairs show as a difference, 4 times of 5."""
        return _of(detectable, self.found)

    @property
    def smallest_margin(self) -> float | None:
        """The smallest margin within which so many pairs show that equals are, 4 times of 5."""
        return _of(smallest_margin, self.found)


def _of(function: object, found: Paired) -> float | None:
    assert callable(function)
    return None if found.deviation is None else float(function(found.deviation, found.pairs))


@dataclass(frozen=True)
class Ended:
    """How many of the trainings that both have were within the band at the end."""

    a: str
    b: str
    seeds: int
    of_a: int
    of_b: int
    p: float
    """Two-sided, of the sign test over the seeds of which one was and the other was not (McNemar's,
    exact)."""

    @property
    def words(self) -> str:
        """One sentence."""
        verdict = "they differ" if self.p < ALPHA else "no difference shown"
        return (
            f"Within the band at the end, of {self.seeds} seeds: {self.a} {self.of_a}, {self.b} "
            f"{self.of_b}; {verdict} (p {self.p:.2g})."
        )


def ended(rows: Rows, others: Rows, name: str) -> list[Ended]:
    """Each row's share at the end and that of the same row of another result."""
    return [
        _ended(f"{row} of {name}", others[row], row, rows[row]) for row in rows if row in others
    ]


def _ended(a: str, one: Sequence[Reached], b: str, other: Sequence[Reached]) -> Ended:
    of_a, of_b = ({r.seed: r.at_end for r in side} for side in (one, other))
    seeds = sorted(of_a.keys() & of_b.keys())
    first, second = [of_a[seed] for seed in seeds], [of_b[seed] for seed in seeds]
    return Ended(a, b, len(seeds), sum(first), sum(second), sign_test(first, second))


def pairs(rows: Rows, margin: float) -> list[Pair]:
    """Every pair of rows."""
    return _compared([(a, rows[a], b, rows[b]) for a, b in combinations(rows, 2)], margin)


def against(rows: Rows, others: Rows, margin: float, name: str) -> list[Pair]:
    """Each row and the same row of another result, which is called `name`."""
    both = [row for row in rows if row in others]
    return _compared([(f"{r} of {name}", others[r], r, rows[r]) for r in both], margin)


def _compared(
    asked: Sequence[tuple[str, Sequence[Reached], str, Sequence[Reached]]], margin: float
) -> list[Pair]:
    found = [(a, b, paired(*_common(one, other), margin)) for a, one, b, other in asked]
    adjusted = holm([of.p_differs for *_, of in found])
    return [Pair(a, b, margin, of, p) for (a, b, of), p in zip(found, adjusted, strict=True)]


def _common(a: Sequence[Reached], b: Sequence[Reached]) -> tuple[list[float], list[float]]:
    """Iterations of both from the seeds that both have, in one order."""
    of_a, of_b = ({one.seed: one.iterations for one in side} for side in (a, b))
    seeds = sorted(of_a.keys() & of_b.keys())
    return [of_a[seed] for seed in seeds], [of_b[seed] for seed in seeds]
