"""Many iterations as one dispatch: a CUDA graph of a whole chunk, captured once and replayed."""

from collections.abc import Callable, Hashable, Mapping, Sequence
from functools import partial

import torch
from torch import Tensor

from backends.pytorch.state import State

Draws = Mapping[str, Tensor]
Metrics = dict[str, Tensor]

WARM_UPS = 3
"""Iterations before a capture, as torch's own `make_graphed_callables` has for other than DDP."""


class ChunkGraph:
    """A chunk of iterations on one state, replayed on other draws.

    A graph holds addresses: of the state's tensors, which it changes in place; of its own copy of
    the draws; and of the metrics, which the next replay overwrites.
    """

    def __init__(
        self,
        steps: Sequence[Callable[[Draws], Metrics]],
        kinds: Sequence[Hashable],
        rows: Callable[[Draws], Sequence[Draws]],
        state: State,
        chunk: Draws,
    ) -> None:
        """Captures an iteration of each step on the state, in order; changes nothing.

        `rows` gives the draws of each from those of a chunk. Steps of one kind run the same code,
        so that one of each is warmed up.
        """
        self._draws = {key: value.clone() for key, value in chunk.items()}
        given = list(zip(steps, rows(self._draws), strict=True))
        for kind in dict.fromkeys(kinds):
            step, row = given[kinds.index(kind)]
            _warm_up(partial(step, row), _changed_in(state))
        self._graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(self._graph):
            found = [step(row) for step, row in given]
            names = {name: None for one in found for name in one}
            self._metrics = {
                name: torch.stack([one[name] for one in found if name in one]) for name in names
            }

    def __call__(self, chunk: Draws) -> Metrics:
        """The iterations on these draws; their metrics, an entry for each iteration that has it."""
        for key, value in chunk.items():
            self._draws[key].copy_(value)
        self._graph.replay()
        return {name: value.clone() for name, value in self._metrics.items()}


def _changed_in(state: State) -> list[Tensor]:
    """All that an iteration changes; what averages share with networks comes twice."""
    networks = [*state.networks.values(), *state.averages.values()]
    moments = [of for slots in state.slots.values() for of in slots.values()]
    return [
        *(tensor for network in networks for tensor in network.parameters()),
        *(tensor for network in networks for tensor in network.buffers()),
        *(tensor for of in moments for tensor in of.values()),
        *state.steps.values(),
        *(tensor for pool in state.pools.values() for tensor in pool),
    ]


def _warm_up(iterate: Callable[[], object], tensors: list[Tensor]) -> None:
    """Compiles and lets libraries set themselves up, which a capture does not allow."""
    before = [tensor.detach().clone() for tensor in tensors]
    aside = torch.cuda.Stream()
    aside.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(aside):
        for _ in range(WARM_UPS):
            iterate()
    torch.cuda.current_stream().wait_stream(aside)
    with torch.no_grad():
        for tensor, value in zip(tensors, before, strict=True):
            tensor.copy_(value)
