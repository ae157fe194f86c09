"""The part of a record that is about rows of numbers: gaussian's measures with their intervals."""

from collections.abc import Callable
from math import inf
from typing import NamedTuple

import numpy as np
from numpy.random import Generator

from bench.training.quality import gaussian
from bench.training.quality.gaussian import Rows
from bench.training.quality.resampling import (
    Estimate,
    Estimates,
    Indices,
    Record,
    by_measure,
    half_samples,
)
from bench.training.quality.samples import FEWEST, Compared

POOLED = 50_000
"""The most numbers of a set in Wasserstein and Kolmogorov-Smirnov distances: each is sorted."""


class Target(NamedTuple):
    """The normal distribution that rows should come from, in the data's units."""

    mean: float
    std: float


def measured(sets: Compared, target: Target, random: Generator) -> Record:
    """Whether each set has settled, and its measures."""
    wide = {name: array.astype(np.float64) for name, array in sets.candidates.items()}
    reference = sets.reference.astype(np.float64)
    found = {name: _estimates(rows, reference, target, random) for name, rows in wide.items()}
    return {
        "target": target._asdict(),
        "settled": {name: gaussian.settled(rows, *target) for name, rows in wide.items()},
        "measures": by_measure(found),
    }


def _estimates(rows: Rows, reference: Rows, target: Target, random: Generator) -> Estimates:
    shown = max(FEWEST, POOLED // rows.shape[1])
    few, others = rows[:shown], reference[:shown]

    def of_rows(error: Callable[[Rows, float], float], number: float) -> Estimate:
        return half_samples(lambda i: error(rows[i], number), [len(rows)], random)

    def of_numbers(distance: Callable[[Rows, Rows], float], most: float) -> Estimate:
        # Whole rows are drawn: the numbers of one row are not independent.
        def of_part(i: Indices, j: Indices) -> float:
            return distance(few[i], others[j])

        return half_samples(of_part, [len(few), len(others)], random, (0.0, most))

    return {
        "mean_error": of_rows(gaussian.mean_error, target.mean),
        "std_error": of_rows(gaussian.std_error, target.std),
        "wasserstein": of_numbers(gaussian.wasserstein, inf),
        "kolmogorov_smirnov": of_numbers(gaussian.kolmogorov_smirnov, 1.0),
        "z_sensitivity": gaussian.sensitivity_with_interval(rows, reference, random),
    }
