"""How long a training is: iterations, the grid of its chunks, and its intervals."""

from collections.abc import Mapping
from fractions import Fraction
from math import ceil
from typing import Any

from spec.randomness import whole_periods
from spec.sources import ARRAYS
from spec.workload import Workload

INTERVALS = 200
"""Records of a training that is as long as its document says: a point every half per cent."""


def iterations(workload: Workload, arrays: Mapping[str, Any]) -> int:
    """Iterations of the document's length; of epochs those that take all samples once.

    Full batches count alone, as `run` has no others. Of several arrays the longest epoch counts.
    """
    length = workload.schedule.length
    if workload.schedule.unit != "epochs":
        return length
    return ceil(length * max(_epoch(workload, arrays, name) for name in workload.arrays))


def grid(workload: Workload) -> int:
    """Iterations of a chunk: `run` has its draws in blocks of so many, and may be cut there."""
    return whole_periods(workload.chunk_iterations(), workload.period)


def interval(workload: Workload, total: int, wanted: int | None = None) -> int:
    """Iterations from one record to the next, as near to those wanted as whole chunks are."""
    chunk = grid(workload)
    return chunk * max(1, round((wanted or total / INTERVALS) / chunk))


def _epoch(workload: Workload, arrays: Mapping[str, Any], name: str) -> Fraction:
    """Iterations that take every sample of an array once."""
    full = len(arrays[name]) // workload.schedule.batch_size
    drawn = [d for d in workload.draw_table().values() if d.name == name]
    batches = max(Fraction(d.repeat, d.every) for d in drawn if isinstance(d.source, ARRAYS))
    return max(full, 1) / batches
