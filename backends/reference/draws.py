"""The reference's draws are the spec's own NumPy streams."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from backends.protocol import Arrays
from spec import randomness
from spec.workload import Workload


def chunks(
    workload: Workload, data: Mapping[str, Any], seed: int, n: int, chunk: int
) -> Iterator[Arrays]:
    """n iterations of draws, `chunk` at a time: arrays (iterations, repeat, batch, *shape)."""
    for start in range(0, n, chunk):
        rows = [
            randomness.draws(workload, seed, i, data) for i in range(start, min(n, start + chunk))
        ]
        yield {key: np.stack([row[key] for row in rows]) for key in rows[0]}
