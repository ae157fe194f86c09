"""Programs in PyTorch: an iteration as it is, or compiled, or a chunk of them replayed."""

import copy
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from types import FunctionType
from typing import Any, Literal

import torch
from torch import Tensor

from backends.protocol import Array, Arrays, Settings, require_supported
from backends.pytorch import device, optimizers
from backends.pytorch import draws as device_draws
from backends.pytorch import state as states
from backends.pytorch.cuda_graph import ChunkGraph
from backends.pytorch.networks import Network
from backends.pytorch.phases import Draws, Metrics, Phases, Unit
from spec.flow import needs_iteration
from spec.randomness import blocks, by_iteration, require_classes, whole_periods
from spec.workload import Workload


class Program:
    """One workload made ready in PyTorch."""

    def __init__(self, workload: Workload, settings: Settings) -> None:
        require_supported(workload)
        device.configure(settings.precision)
        self.workload, self.settings = workload, settings
        self.phases = {phase.name: phase for phase in workload.phases}
        self.of = Phases(workload)
        # Once: asking a workload takes 0.2 to 0.3 ms, and `run` is timed.
        self._table = workload.draw_table()
        self._classes, self._period = workload.classes(), workload.period
        self._block = whole_periods(settings.chunk, self._period)
        self._shapes = {key: draw.source.shape for key, draw in self._table.items()}
        self._taken = {name: network.taken for name, network in workload.networks.items()}
        self._made = {name: network.made for name, network in workload.networks.items()}
        self.optimizer_origin: Literal["native", "own"] = max(
            map(optimizers.origin, workload.optimizers.values()), default="native"
        )
        self._like = torch.empty(
            (), dtype=device.DTYPES[settings.precision], device=settings.device
        )
        self._compile()

    def import_state(self, arrays: Mapping[str, Array]) -> states.State:
        return states.import_state(self.workload, arrays, self._like.dtype, self.settings.device)

    def export_state(self, state: states.State) -> Arrays:
        return states.export_state(self.workload, state)

    def apply(
        self,
        state: states.State,
        network: str,
        inputs: Array | Mapping[str, Array],
        *,
        train: bool,
        masks: Mapping[str, Array] | None = None,
    ) -> Array | Arrays:
        module = copy.deepcopy(state.networks[network]).train(train)  # keeps the statistics
        drops = self.workload.networks[network].masks()
        given = {
            name: states.from_canonical(mask, drops[name].shape, self._like)
            for name, mask in (masks or {}).items()
        }
        with torch.no_grad():
            return self._numpy(network, module(self._samples(network, inputs), given))

    def losses_and_gradients(
        self,
        state: states.State,
        phase: str,
        draws: Mapping[str, Array],
        reused: Mapping[str, Array] | None = None,
    ) -> tuple[dict[str, float], Arrays]:
        given = self._given(draws)
        if not needs_iteration(self.phases[phase], reused):
            own, values = copy.deepcopy(state), self._reused(phase, reused or {})
            found = self.of.differentiate(self.phases[phase], own, values, given)
            metrics, gradients = found.metrics, found.gradients
        else:
            metrics, gradients = self.of.until(phase, state, given)
        by_key = dict(zip(self.of.moving[phase], gradients, strict=True))
        return _floats(metrics), states.to_arrays(self.workload, by_key)

    def update(
        self, state: states.State, phase: str, gradients: Mapping[str, Array]
    ) -> states.State:
        given = states.from_arrays(self.workload, gradients, self._like.dtype, self.settings.device)
        moving = [given[key] for key in self.of.moving[phase]]
        self.of.apply(self.phases[phase], state, moving)
        return state

    def train_step(
        self, state: states.State, draws: Mapping[str, Array], iteration: int = 0
    ) -> tuple[states.State, dict[str, float]]:
        chunk = {key: value.unsqueeze(0) for key, value in self._given(draws).items()}
        return state, _floats({k: v[0] for k, v in self._steps(state, chunk, iteration, 1).items()})

    def run(
        self, state: states.State, data: dict[str, Tensor], seed: int, n: int, first: int = 0
    ) -> tuple[states.State, Metrics]:
        rows = []
        chunks = self.chunks(data, seed, n, first)
        for (number, low, high), chunk in zip(blocks(first, n, self._block), chunks, strict=True):
            rows.append(self._steps(state, chunk, number * self._block + low, high - low))
        names = {name: None for row in rows for name in row}
        return state, {
            name: torch.cat([row[name] for row in rows if name in row]) for name in names
        }

    def chunks(
        self, data: dict[str, Tensor], seed: int, n: int, first: int = 0
    ) -> Iterator[dict[str, Tensor]]:
        batch = self.workload.schedule.batch_size
        of = (self._table, data, batch, seed, first, n, self._block, self._like)
        return device_draws.chunks(*of)

    def draws(self, data: dict[str, Tensor], seed: int, n: int, first: int = 0) -> Iterator[Arrays]:
        for chunk in self.chunks(data, seed, n, first):
            yield {
                key: states.to_canonical(value, self._shapes[key]) for key, value in chunk.items()
            }

    def place(self, arrays: Mapping[str, Array]) -> dict[str, Tensor]:
        require_classes(self._classes, arrays)
        return {
            name: states.from_canonical(array, array.shape[1:], self._like)
            for name, array in arrays.items()
        }

    def generate(
        self, state: states.State, network: str, inputs: Array | Mapping[str, Array]
    ) -> Array | Arrays:
        module = state.averages.get(network, state.networks[network])
        return self._numpy(network, self._generate(module, self._samples(network, inputs)))

    def block_until_ready(self, tree: Any) -> None:
        device.block_until_ready(tree)

    def _compile(self) -> None:
        """Wraps what is dispatched from Python: an iteration of each kind, or its updates."""
        wrap: Callable[[Any], Any] = (lambda f: f) if self.settings.mode == "eager" else _compiled
        # One dispatch an iteration; one an update where a phase repeats.
        whole = all(phase.repeat == 1 for phase in self.workload.phases)
        updates = [partial(self.of.update, unit) for unit in self.of.units]
        updates = updates if whole else [wrap(update) for update in updates]
        self._average = self.of.move_averages if whole else wrap(self.of.move_averages)
        of_kind: dict[tuple[int, ...], Any] = {}
        self._kinds = [self._running(i) for i in range(self._period)]
        for kind in self._kinds:
            parts = [(self.of.units[i], updates[i]) for i in kind]
            step = partial(self._iteration, parts)
            of_kind[kind] = of_kind.get(kind) or (wrap(step) if whole else step)
        self._by_place = [of_kind[kind] for kind in self._kinds]
        self._generate = wrap(_generate)
        # And one a chunk, where a graph of these is replayed: of the state that was last seen.
        self._steps = self._replay if self.settings.mode == "multistep" else self._loop
        self._captured: states.State | None = None
        self._replays: dict[Any, ChunkGraph] = {}

    def _running(self, place: int) -> tuple[int, ...]:
        """The numbers of the units that run at a place in the period; a unit's phases all do."""
        return tuple(i for i, unit in enumerate(self.of.units) if place % unit[0].every == 0)

    def _loop(self, state: states.State, chunk: Draws, first: int, n: int) -> Metrics:
        """The iterations of a chunk, dispatched from Python."""
        found = []
        for i, row in enumerate(by_iteration(self._table, chunk, first, n), first):
            found.append(self._by_place[i % self._period](state, row))
        state.iteration += n
        return _stacked(found)

    def _replay(self, state: states.State, chunk: Draws, first: int, n: int) -> Metrics:
        """The iterations of a chunk in one graph on the device."""
        if self._captured is not state:
            self._captured, self._replays = state, {}
        # Of other lengths, of another place to begin at, and of an epoch's last, smaller batch,
        # there are other graphs.
        place = first % self._period
        key = (place, n, *(value.shape for value in chunk.values()))
        if key not in self._replays:
            rows = partial(by_iteration, self._table, first=place, n=n)
            steps = [self._by_place[(place + i) % self._period] for i in range(n)]
            kinds = [self._kinds[(place + i) % self._period] for i in range(n)]
            bound = [partial(step, state) for step in steps]
            self._replays[key] = ChunkGraph(bound, kinds, rows, state, chunk)
        state.iteration += n
        return self._replays[key](chunk)

    def _iteration(
        self, updates: list[tuple[Unit, Any]], state: states.State, draws: Draws
    ) -> Metrics:
        """The phases of an iteration: units, each with what updates it."""
        metrics: Metrics = {}
        kept: dict[str, Tensor] = {}
        for unit, update in updates:
            reused = self.of.reused_by(unit, kept)
            for i in range(unit[0].repeat):  # of several phases it is once
                reported, outputs, _ = update(state, reused, self.of.drawn_by(unit, draws, i))
            metrics |= reported
            kept |= outputs
        self._average(state.networks, state.averages)
        return metrics

    def _reused(self, phase: str, reused: Mapping[str, Array]) -> dict[str, Tensor]:
        """Values for what a phase reuses, as they are given from outside."""
        return {
            name: states.from_canonical(array, array.shape[1:], self._like)
            for name, array in reused.items()
            if name in self.phases[phase].reuse
        }

    def _given(self, draws: Mapping[str, Array]) -> Draws:
        require_classes(self._classes, draws)
        return {
            key: states.from_canonical(value, self._shapes[key], self._like)
            for key, value in draws.items()
        }

    def _samples(self, network: str, inputs: Array | Mapping[str, Array]) -> dict[str, Tensor]:
        of = self.workload.networks[network]
        shapes, given = self._taken[network], of.by_name(inputs)
        require_classes(of.classes, given)
        return {
            name: states.from_canonical(array, shapes[name], self._like)
            for name, array in given.items()
        }

    def _numpy(self, network: str, outputs: Mapping[str, Tensor]) -> Array | Arrays:
        of = self.workload.networks[network]
        shapes = self._made[network]
        found = {name: states.to_canonical(y, shapes[name]) for name, y in outputs.items()}
        return of.plain(found)  # type: ignore[no-any-return]


def _compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function as one graph, compiled for this program alone.

    Dynamo keeps what it has compiled with the code of the function, where another program would
    find it: of another mode, say, whose first step would then cost next to nothing.
    """

    def call(*given: Any) -> Any:
        return function(*given)

    code = call.__code__.replace()  # as it is, but an object of its own
    own = FunctionType(code, call.__globals__, call.__name__, None, call.__closure__)
    return torch.compile(own, fullgraph=True, dynamic=False)


def _stacked(rows: list[Metrics]) -> Metrics:
    """Metrics of several iterations, (runs,) each: of a phase that does not always run, its own."""
    names = {name: None for row in rows for name in row}
    return {name: torch.stack([row[name] for row in rows if name in row]) for name in names}


def _generate(network: Network, inputs: dict[str, Tensor]) -> dict[str, Tensor]:
    with torch.no_grad():
        return network.eval()(inputs, {})


def _floats(metrics: Metrics) -> dict[str, float]:
    return {name: float(value) for name, value in metrics.items()}
