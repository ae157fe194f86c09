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
    Of what is not drawn in each iteration there are as many rows as it has runs, or nothing.
    """
    for number, low, high in randomness.blocks(first, n, chunk):
        rows: dict[str, list[Any]] = {}
        for i in range(low, high):
            drawn = randomness.draws(workload, seed, number * chunk + i, data, full_only=True)
            for key, value in drawn.items():
                rows.setdefault(key, []).append(value)
        yield {key: np.stack(values) for key, values in rows.items()}
