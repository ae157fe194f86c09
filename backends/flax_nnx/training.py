"""Programs in Flax: an iteration jitted once, or a chunk of them scanned over."""

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any, Literal

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array as Tensor
from jax import lax

from backends.flax_nnx import device, optimizers
from backends.flax_nnx import draws as device_draws
from backends.flax_nnx import state as states
from backends.flax_nnx.phases import Draws, Metrics, Phases
from backends.protocol import Array, Arrays, Settings, require_supported
from spec.flow import needs_iteration
from spec.randomness import blocks, by_iteration, require_classes, whole_periods, within
from spec.workload import Workload


class Program:
    """One workload made ready in Flax."""

    def __init__(self, workload: Workload, settings: Settings) -> None:
        require_supported(workload)
        device.configure(settings.precision)
        self.workload, self.settings = workload, settings
        self.phases = {phase.name: phase for phase in workload.phases}
        # Once: asking a workload takes 0.2 to 0.3 ms, and `run` is timed.
        self._table = workload.draw_table()
        self._classes, self._period = workload.classes(), workload.period
        self._block = whole_periods(settings.chunk, self._period)
        self.optimizer_origin: Literal["native", "own"] = max(
            map(optimizers.origin, workload.optimizers.values()), default="native"
        )
        self._device = jax.devices(device.PLATFORMS[settings.device])[0]
        self._dtype = device.DTYPES[settings.precision]
        self._like = jnp.zeros((), self._dtype, device=self._device)
        self.of = Phases(workload, self._dtype)
        self._compile()

    def import_state(self, arrays: Mapping[str, Array]) -> states.State:
        return states.import_state(self.workload, arrays, self._dtype, self._device)

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
        trees = (state.parameters[network], state.statistics[network])
        given = {name: self._given(mask) for name, mask in (masks or {}).items()}
        of = self.workload.networks[network]
        require_classes(of.classes, of.by_name(inputs))
        x = {name: self._given(array) for name, array in of.by_name(inputs).items()}
        made, _ = self._forward(network, *trees, x, given, train=train)
        found = {name: states.to_canonical(y) for name, y in made.items()}
        return of.plain(found)  # type: ignore[no-any-return]

    def losses_and_gradients(
        self,
        state: states.State,
        phase: str,
        draws: Mapping[str, Array],
        reused: Mapping[str, Array] | None = None,
    ) -> tuple[dict[str, float], Arrays]:
        require_classes(self._classes, draws)
        given = {key: self._given(value) for key, value in draws.items()}
        if not needs_iteration(self.phases[phase], reused):
            seen = {name: self._given(value) for name, value in (reused or {}).items()}
            found = self._gradients[phase](state, seen, given)
        else:
            found = self._untils[phase](state, given)
        return _floats(found[0]), states.to_arrays(self.workload, found[1])

    def update(
        self, state: states.State, phase: str, gradients: Mapping[str, Array]
    ) -> states.State:
        given = states.from_arrays(self.workload, gradients, self._dtype, self._device)
        return self._applies[phase](state, given)

    def train_step(
        self, state: states.State, draws: Mapping[str, Array], iteration: int = 0
    ) -> tuple[states.State, dict[str, float]]:
        require_classes(self._classes, draws)
        chunk = {key: self._given(value[np.newaxis]) for key, value in draws.items()}
        state, metrics = self._steps(state, chunk, iteration, 1)
        return state, _floats(metrics)

    def run(
        self, state: states.State, data: dict[str, Tensor], seed: int, n: int, first: int = 0
    ) -> tuple[states.State, Metrics]:
        rows = []
        chunks = self.chunks(data, seed, n, first)
        for (number, low, high), chunk in zip(blocks(first, n, self._block), chunks, strict=True):
            state, metrics = self._steps(state, chunk, number * self._block + low, high - low)
            rows.append(metrics)
        return state, _join(_by_name(rows))

    def chunks(
        self, data: dict[str, Tensor], seed: int, n: int, first: int = 0
    ) -> Iterator[dict[str, Tensor]]:
        batch = self.workload.schedule.batch_size
        of = (self._table, data, batch, seed, first, n, self._block, self._like)
        return device_draws.chunks(*of)

    def draws(self, data: dict[str, Tensor], seed: int, n: int, first: int = 0) -> Iterator[Arrays]:
        for chunk in self.chunks(data, seed, n, first):
            yield {key: states.to_canonical(value) for key, value in chunk.items()}

    def place(self, arrays: Mapping[str, Array]) -> dict[str, Tensor]:
        require_classes(self._classes, arrays)
        return {name: self._given(array) for name, array in arrays.items()}

    def generate(
        self, state: states.State, network: str, inputs: Array | Mapping[str, Array]
    ) -> Array | Arrays:
        shown = state._replace(parameters=state.parameters | state.averages)
        return self.apply(shown, network, inputs, train=False)

    def block_until_ready(self, tree: Any) -> None:
        device.block_until_ready(tree)

    def _compile(self) -> None:
        """Wraps what is dispatched from Python in jax.jit; the state is given away in each step."""
        dispatched = partial(jax.jit, donate_argnums=0)
        multistep = self.settings.mode == "multistep"
        # One dispatch a chunk; or an iteration; or an update, where a phase repeats.
        whole = all(phase.repeat == 1 for phase in self.workload.phases)
        updates = [partial(self.of.update, unit) for unit in self.of.units]
        self._updates = updates if multistep or whole else [dispatched(one) for one in updates]
        self._average = jax.jit(self.of.move_averages, donate_argnums=0)
        of_kind: dict[tuple[int, ...], Any] = {}
        self._kinds = [self._running(place) for place in range(self._period)]
        for kind in self._kinds:
            step = partial(self._iteration, kind)
            of_kind[kind] = of_kind.get(kind) or (dispatched(step) if whole else step)
        self._by_place = [of_kind[kind] for kind in self._kinds]
        self._steps = self._scan if multistep else self._loop
        self._scanned = dispatched(self._periods)
        self._unrolled = dispatched(self._unroll, static_argnums=(2, 3))
        self._gradients = {
            name: jax.jit(partial(self.of.alone, phase)) for name, phase in self.phases.items()
        }
        self._untils = {name: jax.jit(partial(self.of.until, name)) for name in self.phases}
        self._applies = {
            name: dispatched(partial(self.of.apply, phase)) for name, phase in self.phases.items()
        }
        self._forward = jax.jit(self.of.call, static_argnums=0, static_argnames="train")

    def _running(self, place: int) -> tuple[int, ...]:
        """The numbers of the units that run at a place in the period; a unit's phases all do."""
        return tuple(i for i, unit in enumerate(self.of.units) if place % unit[0].every == 0)

    def _loop(
        self, state: states.State, chunk: Draws, first: int, n: int
    ) -> tuple[states.State, Metrics]:
        """The iterations of a chunk, dispatched from Python."""
        rows = []
        given = by_iteration(self._table, _unstack(chunk), first, n)
        for i, draws in enumerate(given, first):
            state, metrics = self._by_place[i % self._period](state, draws)
            rows.append(metrics)
        return state, _stack(_by_name(rows))

    def _scan(
        self, state: states.State, chunk: Draws, first: int, n: int
    ) -> tuple[states.State, Metrics]:
        """The iterations of a chunk: whole periods in one loop on the device."""
        ahead = min(n, -first % self._period)
        behind = (n - ahead) % self._period
        whole = n - ahead - behind
        if whole == n:
            return self._scanned(state, chunk)
        rows, start = [], first
        for length in (ahead, whole, behind):
            if length:
                part = within(self._table, chunk, first, start, length)
                if length == whole:
                    state, metrics = self._scanned(state, part)
                else:
                    state, metrics = self._unrolled(state, part, start % self._period, length)
                rows.append(metrics)
            start += length
        return state, _join(_by_name(rows))

    def _periods(self, state: states.State, chunk: Draws) -> tuple[states.State, Metrics]:
        """Iterations of whole periods, which begin with one."""
        if self._period == 1:
            return lax.scan(self._by_place[0], state, chunk, unroll=1)

        def body(state: states.State, draws: Draws) -> tuple[states.State, Metrics]:
            return self._unroll(state, draws, 0, self._period)

        runs = {key: self._period // self._table[key].every for key in chunk}
        periods = {k: v.reshape(-1, runs[k], *v.shape[1:]) for k, v in chunk.items()}
        state, metrics = lax.scan(body, state, periods, unroll=1)
        return state, {name: values.reshape(-1) for name, values in metrics.items()}

    def _unroll(
        self, state: states.State, chunk: Draws, place: int, n: int
    ) -> tuple[states.State, Metrics]:
        """n iterations from this place in the period on, one after the other."""
        rows = []
        for i, draws in enumerate(by_iteration(self._table, chunk, place, n), place):
            state, metrics = self._by_place[i % self._period](state, draws)
            rows.append(metrics)
        return state, {k: jnp.stack(values) for k, values in _by_name(rows).items()}

    def _iteration(
        self, kind: tuple[int, ...], state: states.State, draws: Draws
    ) -> tuple[states.State, Metrics]:
        """The phases of an iteration: the units with these numbers."""
        metrics: Metrics = {}
        kept: Draws = {}
        for unit, update in ((self.of.units[i], self._updates[i]) for i in kind):
            own, shared = self.of.drawn_by(unit, draws)
            reused = self.of.reused_by(unit, kept)
            if self.settings.mode == "multistep" and unit[0].repeat > 1 and own:
                body = partial(_repetition, update, reused, shared)
                state, rows = lax.scan(body, state, own, unroll=1)
                reported = {metric: row[-1] for metric, row in rows.items()}
            else:
                for i in range(unit[0].repeat):  # of several phases it is once
                    one = {key: value[i] for key, value in own.items()} | shared
                    state, reported, outputs = update(state, reused, one)
                kept = {**kept, **outputs}
            metrics |= reported
        averages = state.averages and self._average(state.averages, state.parameters)
        return state._replace(averages=averages, iteration=_next(state.iteration)), metrics

    def _given(self, array: Array) -> Tensor:
        return states.from_canonical(array, self._like)


def _repetition(
    update: Callable[..., Any], kept: Draws, shared: Draws, state: states.State, draws: Draws
) -> tuple[states.State, Metrics]:
    """One repetition of a phase in a loop: on its own draws and those that all are given."""
    state, metrics, _ = update(state, kept, {**draws, **shared})
    return state, metrics


@jax.jit
def _next(count: Tensor) -> Tensor:
    return count + 1


@jax.jit
def _unstack(chunk: Draws) -> dict[str, list[list[Tensor]]]:
    """`<key>` (iterations, repeat, ...) -> for each iteration, the arrays of each repetition."""
    return {key: [list(row) for row in value] for key, value in chunk.items()}


def _by_name(rows: list[Metrics]) -> dict[str, list[Tensor]]:
    """Metrics by name; not every iteration has each."""
    names = {name: None for row in rows for name in row}
    return {name: [row[name] for row in rows if name in row] for name in names}


@jax.jit
def _stack(rows: dict[str, list[Tensor]]) -> Metrics:
    return {name: jnp.stack(values) for name, values in rows.items()}


@jax.jit
def _join(rows: dict[str, list[Tensor]]) -> Metrics:
    return {name: jnp.concatenate(values) for name, values in rows.items()}


def _floats(metrics: Metrics) -> dict[str, float]:
    return {name: value.item() for name, value in metrics.items()}
