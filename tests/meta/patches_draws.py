"""Planted faults of draws that need many epochs, or a distribution, to be seen."""

from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any

import numpy as np
from scipy import stats

from tests.meta.patches import Patch, program_of

Rows = dict[str, np.ndarray]


def _rewritten(change: Callable[[Any, Any, Rows], None]) -> Callable[[str], list[Patch]]:
    """All draws of a call, changed by key: (iterations, repeat, batch, *shape) each."""

    def patches(folder: str) -> list[Patch]:
        program = program_of(folder)
        real = program.draws

        def draws(self: Any, *of: Any) -> Iterator[Rows]:
            data, chunks = of[0], list(real(self, *of))
            rows = {k: np.concatenate([c[k] for c in chunks]) for k in chunks[0]}
            change(self, data, rows)
            yield rows

        return [(program, "draws", draws)]

    return patches


def _samples(program: Any, data: Any, rows: Rows) -> Iterator[tuple[np.ndarray, int]]:
    """(what was drawn of an array of samples, how many there are)."""
    table = program.workload.draw_table()
    for key, drawn in rows.items():
        name = table[key].name
        if name in data:
            yield drawn, len(data[name])


def _frozen(program: Any, data: Any, rows: Rows) -> None:
    for drawn, size in _samples(program, data, rows):
        epoch = size // drawn.shape[2]
        for i in range(3 * epoch, len(drawn)):
            drawn[i] = drawn[i - epoch]


def _never_the_last(program: Any, data: Any, rows: Rows) -> None:
    for drawn, _ in _samples(program, data, rows):
        flat = drawn.reshape(-1, *drawn.shape[3:])
        last = flat[-1].copy()
        for i, sample in enumerate(flat):
            if np.array_equal(sample, last):
                drawn.reshape(-1, *drawn.shape[3:])[i] = flat[i - 1]


def _box(program: Any, data: Any, rows: Rows) -> None:
    for key, drawn in rows.items():
        if key.endswith("/z"):
            drawn[...] = np.sqrt(12.0) * (stats.norm.cdf(drawn) - 0.5)


def _echo(program: Any, data: Any, rows: Rows) -> None:
    for key, drawn in rows.items():
        if key.endswith("/z"):
            mixed = [
                drawn[0],
                *(0.98 * b + 0.199 * a for a, b in pairwise(drawn)),
            ]
            drawn[...] = np.stack(mixed)


def _kept_more(program: Any, data: Any, rows: Rows) -> None:
    random = np.random.default_rng(0)
    for key, drawn in rows.items():
        if ".dropout" in key:
            drawn[...] = np.maximum(drawn, random.random(drawn.shape) < 0.05)


def _of_the_next(program: Any, data: Any, rows: Rows) -> None:
    for key, drawn in rows.items():
        if key.endswith(".label"):
            drawn[...] = np.roll(drawn, 1, axis=2)


labels_of_the_next = _rewritten(_of_the_next)
"""Each sample has the label of the one before it."""
frozen_epochs = _rewritten(_frozen)
"""From its fourth epoch on the order stays the same."""
never_the_last = _rewritten(_never_the_last)
"""One sample of the data is never drawn."""
uniform_for_normal = _rewritten(_box)
"""Noise of the right mean and deviation, and of another distribution."""
echoes = _rewritten(_echo)
"""A fifth of an iteration's noise is the last one's."""
masks_of_another_rate = _rewritten(_kept_more)
"""A twentieth of what dropout should leave out is kept."""
