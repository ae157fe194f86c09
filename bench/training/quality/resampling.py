"""A value with its 95 % interval over resamples of the samples that it was computed from.

Resamples are halves, drawn without replacement. A bootstrap would not fit: a sample that is drawn
twice lies at distance 0 from itself, so that neighbours and equal pairs are found that no data
have, and distances of distributions are pushed up until their own value is outside the interval.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from math import inf, isfinite
from typing import Any

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

RESAMPLES = 200
CONFIDENCE = 0.95

Record = dict[str, Any]
"""What JSON can hold."""
Indices = NDArray[np.intp]
Statistic = Callable[..., float]
"""Takes as many arrays of indices as there are sets of samples, gives one number."""


@dataclass(frozen=True)
class Estimate:
    """A value and its 95 % interval; None where a number is not finite, as JSON has none such."""

    value: float | None
    low: float | None
    high: float | None


Estimates = dict[str, Estimate]
"""Name of a measure -> its value of one set of samples."""


def by_measure(found: Mapping[str, Estimates]) -> Record:
    """Set -> measure -> estimate, as a record of measure -> set -> value, low and high."""
    names = next(iter(found.values()))
    return {name: {key: asdict(of[name]) for key, of in found.items()} for name in names}


def half_samples(
    statistic: Statistic,
    counts: Sequence[int],
    random: Generator,
    within: tuple[float, float] = (-inf, inf),
) -> Estimate:
    """The statistic on whole sets, and about it the spread over random halves of each set.

    `counts` holds the sets' sizes; `statistic` gets the indices drawn of each. The delete-d
    jackknife with d = n/2 (Shao and Wu 1989): the factor (n - d)/d before the variance is 1, so the
    spread about the halves' own mean is taken as it is. Ends are cut to `within`, what the
    statistic can be. Where a U-statistic is degenerate (two sets of one distribution) the interval
    is too wide, by up to a factor 1.7. A value at the edge of what it can be may have an interval
    of no width: 0 of 250 does not show that there are none.
    """
    value = statistic(*(np.arange(count) for count in counts))
    drawn = [
        statistic(*(random.permutation(count)[: count // 2] for count in counts))
        for _ in range(RESAMPLES)
    ]
    tail = (1 - CONFIDENCE) / 2
    ends = np.quantile(np.array(drawn) - np.mean(drawn), [tail, 1 - tail], method="linear")
    low, high = np.clip(value + ends, *within)
    return Estimate(_finite(value), _finite(low), _finite(high))


def _finite(number: float) -> float | None:
    return float(number) if isfinite(number) else None
