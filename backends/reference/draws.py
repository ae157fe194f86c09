"""The reference's draws are the spec's own NumPy streams."""

from collections.abc import Iterator, Mapping
from itertools import count, islice
from typing import Any

import numpy as np

from backends.protocol import Arrays
from spec import randomness
from spec.workload import Workload


def chunks(
    workload: Workload, data: Mapping[str, Any], seed: int, n: int, chunk: int
) -> Iterator[Arrays]:
    """n iterations of draws, `chunk` at a time: arrays (iterations, repeat, batch, *shape).

    As in every row only the full batches of an epoch count.
    """
    full = _full(workload, data, seed)
    for start in range(0, n, chunk):
        rows = list(islice(full, min(chunk, n - start)))
        yield {key: np.stack([row[key] for row in rows]) for key in rows[0]}


def _full(workload: Workload, data: Mapping[str, Any], seed: int) -> Iterator[Arrays]:
    size = workload.schedule.batch_size
    for i in count():
        drawn = randomness.draws(workload, seed, i, data)
        if all(value.shape[1] == size for value in drawn.values()):
            yield drawn
