"""The reference's draws are the spec's own NumPy streams."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from backends.protocol import Arrays
from spec import randomness
from spec.workload import Workload


def chunks(
    workload: Workload, data: Mapping[str, Any], seed: int, first: int, n: int, chunk: int
) -> Iterator[Arrays]:
    """Draws of n iterations from `first` on: arrays (iterations, repeat, batch, *shape).

    `chunk` at a time, counted from iteration 0. As in every row only an epoch's full batches count.
    """
    for number, low, high in randomness.blocks(first, n, chunk):
        rows = [
            randomness.draws(workload, seed, number * chunk + i, data, full_only=True)
            for i in range(low, high)
        ]
        yield {key: np.stack([row[key] for row in rows]) for key in rows[0]}
