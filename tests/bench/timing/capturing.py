"""PyTorch's graphs of chunks without a GPU: a stand-in for the graph, asked in the row's worker."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

import spec
from backends.protocol import Arrays, Settings
from spec import data, randomness
from spec.state import init_state
from spec.workload import Workload

SIZES = (8, 4, 8)
"""Images in each iteration: an epoch's last batch, and the next epoch's first."""
CUTS = ((0, 3), (3, 6), (9, 8), (17, 3))
"""(first iteration, how many) of runs: with chunks of four, graphs of (place, length) (0, 3),
(3, 1), (0, 4), (0, 1) and (1, 3), of which three are replayed again."""


class Replayed:
    """What a graph is held to: its own draws, of shapes that stay, and iterations on one state."""

    made = 0

    def __init__(
        self, steps: Any, kinds: Any, rows: Callable[[Any], Any], state: Any, chunk: Any
    ) -> None:
        Replayed.made += 1
        self._steps, self._rows = steps, rows
        self._draws = {key: value.clone() for key, value in chunk.items()}

    def __call__(self, chunk: Mapping[str, Any]) -> dict[str, Any]:
        """The iterations on these draws, which raise where they do not fit."""
        import torch

        for key, value in chunk.items():
            self._draws[key].copy_(value)
        given = zip(self._steps, self._rows(self._draws), strict=True)
        found = [step(row) for step, row in given]
        names = {name for one in found for name in one}
        return {name: torch.stack([one[name] for one in found if name in one]) for name in names}


def batches_of_two_sizes(workload: str) -> dict[str, Any]:
    """{same: whether replayed and looped iterations end with the same bits, graphs: how many}."""
    return _compared(_trained, workload)


def places_in_a_period(workload: str) -> dict[str, Any]:
    """The same of a run that is cut within periods, so that chunks begin and end within them."""
    return _compared(_cut, workload)


def _compared(trained: Callable[[str, str], Arrays], workload: str) -> dict[str, Any]:
    from backends.pytorch import training

    training.ChunkGraph = Replayed  # type: ignore[assignment,misc]
    training._compiled = lambda function: function
    before = Replayed.made
    replayed, looped = (trained(workload, mode) for mode in ("multistep", "eager"))
    return {
        "same": all(np.array_equal(replayed[key], value) for key, value in looped.items()),
        "graphs": Replayed.made - before,
    }


def _cut(name: str, mode: str) -> Arrays:
    workload = spec.load(name, {"schedule.batch_size": 4})
    program = _program(workload, mode)
    placed = program.place(data.synthetic(workload, 0, 3))
    state = program.import_state(init_state(workload, 0))
    metrics: Arrays = {}
    for first, n in CUTS:
        state, found = program.run(state, placed, 0, n, first)
        metrics |= {f"{first}/{name}": values.numpy() for name, values in found.items()}
    return program.export_state(state) | metrics


def _trained(name: str, mode: str) -> Arrays:
    workload = spec.load(name, {"schedule.batch_size": SIZES[0]})
    program = _program(workload, mode)
    state = program.import_state(init_state(workload, 0))
    for i, size in enumerate(SIZES):
        of_this_size = spec.load(name, {"schedule.batch_size": size})
        draws = randomness.draws(of_this_size, 0, i, data.load(of_this_size))
        state, _ = program.train_step(state, draws)
    return program.export_state(state)


def _program(workload: Workload, mode: str) -> Any:
    from backends.pytorch import training

    settings = Settings(mode, "float64", "cpu", 1)  # type: ignore[arg-type]
    return training.Program(workload, settings)  # not prepared: no such mode on a CPU
