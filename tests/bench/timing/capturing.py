"""PyTorch's graphs of chunks without a GPU: a stand-in for the graph, asked in the row's worker."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

import spec
from backends.protocol import Arrays, Settings
from spec import data, randomness
from spec.state import init_state

SIZES = (8, 4, 8)
"""Images in each iteration: an epoch's last batch, and the next epoch's first."""


class Replayed:
    """What a graph is held to: its own draws, of shapes that stay, and iterations on one state."""

    made = 0

    def __init__(
        self, iterate: Callable[[Mapping[str, Any]], dict[str, Any]], state: Any, chunk: Any
    ) -> None:
        Replayed.made += 1
        self._iterate = iterate
        self._draws = {key: value.clone() for key, value in chunk.items()}

    def __call__(self, chunk: Mapping[str, Any]) -> dict[str, Any]:
        """The iterations on these draws, which raise where they do not fit."""
        import torch

        for key, value in chunk.items():
            self._draws[key].copy_(value)
        length = len(next(iter(chunk.values())))
        rows = [
            self._iterate({key: value[i] for key, value in self._draws.items()})
            for i in range(length)
        ]
        return {name: torch.stack([row[name] for row in rows]) for name in rows[0]}


def batches_of_two_sizes(workload: str) -> dict[str, Any]:
    """{same: whether replayed and looped iterations end with the same bits, graphs: how many}."""
    from backends.pytorch import training

    training.ChunkGraph = Replayed  # type: ignore[assignment,misc]
    training._compiled = lambda function: function
    replayed, looped = (_trained(workload, mode) for mode in ("multistep", "eager"))
    return {
        "same": all(np.array_equal(replayed[key], value) for key, value in looped.items()),
        "graphs": Replayed.made,
    }


def _trained(name: str, mode: str) -> Arrays:
    from backends.pytorch import training

    workload = spec.load(name, {"schedule.batch_size": SIZES[0]})
    settings = Settings(mode, "float64", "cpu", 1)  # type: ignore[arg-type]
    program = training.Program(workload, settings)  # not prepared: no such mode on a CPU
    state = program.import_state(init_state(workload, 0))
    for i, size in enumerate(SIZES):
        of_this_size = spec.load(name, {"schedule.batch_size": size})
        draws = randomness.draws(of_this_size, 0, i, data.load(of_this_size))
        state, _ = program.train_step(state, draws)
    return program.export_state(state)
