"""Programs in Keras: an iteration compiled by the engine, or a chunk of them in one loop."""

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any, Literal

import keras
from keras import ops

from backends.keras3 import device, optimizers
from backends.keras3 import draws as device_draws
from backends.keras3 import state as states
from backends.keras3.device import engine
from backends.keras3.phases import Phases, Tensor, Tensors
from backends.protocol import Array, Arrays, Settings, require_supported
from spec.flow import needs_iteration
from spec.randomness import blocks, by_iteration, require_classes, whole_periods, within
from spec.workload import Workload


class Program:
    """One workload made ready in Keras."""

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
        self.held: states.State | None = None
        """The state whose tensors are in the variables, on an engine that trains in place."""
        with self._placed():
            self.of = Phases(workload)
            self.variables = self.of.variables
        self._compile()

    def import_state(self, arrays: Mapping[str, Array]) -> states.State:
        with self._placed():
            return states.import_state(self.workload, arrays, self.settings.precision)

    def export_state(self, state: states.State) -> Arrays:
        seen = states.State(engine.look(self, state), state.iteration)
        return states.export_state(self.workload, seen)

    def apply(
        self,
        state: states.State,
        network: str,
        inputs: Array | Mapping[str, Array],
        *,
        train: bool,
        masks: Mapping[str, Array] | None = None,
    ) -> Array | Arrays:
        with self._placed():
            x = self._inputs(network, inputs)
            given = self._given(masks or {})
            made = self._forwards[network, train](self._scratch(state), x, given)
        return self._numpy(network, made)

    def losses_and_gradients(
        self,
        state: states.State,
        phase: str,
        draws: Mapping[str, Array],
        reused: Mapping[str, Array] | None = None,
    ) -> tuple[dict[str, float], Arrays]:
        with self._placed():
            given, scratch = self._given(draws), self._scratch(state)
            if not needs_iteration(self.phases[phase], reused):
                seen = self._given(reused or {})
                metrics, gradients = self._gradients[phase](scratch, seen, given)
            else:
                metrics, gradients = self._untils[phase](scratch, given)
        return _floats(metrics), states.to_arrays(self.workload, gradients)

    def update(
        self, state: states.State, phase: str, gradients: Mapping[str, Array]
    ) -> states.State:
        with self._placed():
            given = states.from_arrays(self.workload, gradients, self.settings.precision)
            engine.hold(self, state)
            state.values = self._applies[phase](state.values, given)
        return state

    def train_step(
        self, state: states.State, draws: Mapping[str, Array], iteration: int = 0
    ) -> tuple[states.State, dict[str, float]]:
        with self._placed():
            rows = self._given({key: array[None] for key, array in draws.items()})
            metrics = self._train(state, rows, iteration, 1)
        return state, _floats({name: values[0] for name, values in metrics.items()})

    def run(
        self, state: states.State, data: Tensors, seed: int, n: int, first: int = 0
    ) -> tuple[states.State, Tensors]:
        rows = []
        with self._placed():
            chunks = self.chunks(data, seed, n, first)
            pairs = zip(blocks(first, n, self._block), chunks, strict=True)
            for (number, low, high), chunk in pairs:
                start = number * self._block + low
                rows.append(self._train(state, chunk, start, high - low))
            return state, _joined(rows)

    def chunks(self, data: Tensors, seed: int, n: int, first: int = 0) -> Iterator[Tensors]:
        on, batch = device.NAMES[self.settings.device], self.workload.schedule.batch_size
        of = (self._table, data, batch, seed, first, n, self._block, on)
        return device_draws.chunks(*of)

    def draws(self, data: Tensors, seed: int, n: int, first: int = 0) -> Iterator[Arrays]:
        for chunk in self.chunks(data, seed, n, first):
            yield {key: states.to_canonical(value) for key, value in chunk.items()}

    def place(self, arrays: Mapping[str, Array]) -> Tensors:
        with self._placed():
            return self._given(arrays)

    def generate(
        self, state: states.State, network: str, inputs: Array | Mapping[str, Array]
    ) -> Array | Arrays:
        with self._placed():
            engine.hold(self, state)
            x = self._inputs(network, inputs)
            if network in self.of.averaged:
                made = self._averages[network](state.values, x)
            else:
                made = self._forwards[network, False](state.values, x, {})
        return self._numpy(network, made)

    def block_until_ready(self, tree: Any) -> None:
        device.block_until_ready(tree)

    def _placed(self) -> Any:
        return keras.device(device.NAMES[self.settings.device])

    def _compile(self) -> None:
        mode, phases, of = self.settings.mode, self.phases, self.of
        made = partial(engine.compiled, mode=mode, donate=False)
        step = partial(engine.compiled, mode=mode, donate=True)
        self._forwards = {
            (name, train): made(partial(of.forward, name, train))
            for name in of.networks
            for train in (False, True)
        }
        self._averages = {name: made(partial(of.sample, name)) for name in of.averaged}
        self._gradients = {k: made(partial(of.alone, phases[k])) for k in phases}
        self._untils = {k: made(partial(of.until, k)) for k in phases}
        self._applies = {k: made(partial(of.apply, phases[k])) for k in phases}
        self._unstack = engine.compiled(_unstack, mode="eager", donate=False)
        self._stack = engine.compiled(_stack, mode="eager", donate=False)
        # One dispatch an iteration; one an update where a phase repeats; or one a chunk.
        whole = all(phase.repeat == 1 for phase in phases.values())
        updates = [partial(of.update, unit) for unit in of.units]
        looped = mode == "multistep"
        self._updates = updates if whole or looped else [step(update) for update in updates]
        alone = not whole and not looped
        self._average = step(of.move_averages) if alone else of.move_averages
        of_kind: dict[tuple[int, ...], Any] = {}
        kinds = [self._running(place) for place in range(self._period)]
        for kind in kinds:
            one = partial(self._iteration, kind)
            of_kind[kind] = of_kind.get(kind) or (step(one) if whole and not looped else one)
        self._by_place = [of_kind[kind] for kind in kinds]
        self._steps = self._scan if looped else self._loop
        if self._period == 1:
            self._scanned = engine.looped(self._by_place[0], _as_it_is, _as_it_is)
        else:
            self._scanned = engine.looped(self._whole, self._by_period, _one_by_one)
        self._unrolled: dict[tuple[int, int], Callable[..., Any]] = {}

    def _running(self, place: int) -> tuple[int, ...]:
        """The numbers of the units that run at a place in the period; a unit's phases all do."""
        return tuple(i for i, unit in enumerate(self.of.units) if place % unit[0].every == 0)

    def _train(self, state: states.State, draws: Tensors, first: int, n: int) -> Tensors:
        """n iterations on these draws; metrics, each (runs,)."""
        engine.hold(self, state)
        state.values, metrics = self._steps(state.values, draws, first, n)
        state.iteration += n
        return metrics

    def _loop(self, values: Tensors, chunk: Tensors, first: int, n: int) -> tuple[Tensors, Tensors]:
        """The iterations of a chunk, dispatched from Python."""
        rows = []
        given = by_iteration(self._table, self._unstack(chunk), first, n)
        for i, draws in enumerate(given, first):
            values, metrics = self._by_place[i % self._period](values, draws)
            rows.append(metrics)
        return values, self._stack(_by_name(rows))

    def _scan(self, values: Tensors, chunk: Tensors, first: int, n: int) -> tuple[Tensors, Tensors]:
        """The iterations of a chunk: whole periods in one loop on the device."""
        ahead = min(n, -first % self._period)
        behind = (n - ahead) % self._period
        whole = n - ahead - behind
        if whole == n:
            return self._scanned(values, chunk)  # type: ignore[no-any-return]
        rows, start = [], first
        for length in (ahead, whole, behind):
            if length:
                part = within(self._table, chunk, first, start, length)
                if length == whole:
                    values, metrics = self._scanned(values, part)
                else:
                    place = start % self._period, length
                    if place not in self._unrolled:
                        unroll = partial(self._unroll, *place)
                        mode = self.settings.mode
                        self._unrolled[place] = engine.compiled(unroll, mode=mode, donate=True)
                    values, metrics = self._unrolled[place](values, part)
                rows.append(metrics)
            start += length
        return values, _joined(rows)

    def _by_period(self, chunk: Tensors) -> Tensors:
        """Draws of whole periods, which begin with one, a row for each of these."""
        runs = {key: self._period // self._table[key].every for key in chunk}
        return {k: ops.reshape(v, (-1, runs[k], *v.shape[1:])) for k, v in chunk.items()}

    def _whole(self, values: Tensors, chunk: Tensors) -> tuple[Tensors, Tensors]:
        """A period."""
        return self._unroll(0, self._period, values, chunk)

    def _unroll(
        self, place: int, n: int, values: Tensors, chunk: Tensors
    ) -> tuple[Tensors, Tensors]:
        """n iterations from this place in the period on, one after the other."""
        rows = []
        for i, draws in enumerate(by_iteration(self._table, chunk, place, n), place):
            values, metrics = self._by_place[i % self._period](values, draws)
            rows.append(metrics)
        return values, _stack(_by_name(rows))

    def _iteration(
        self, kind: tuple[int, ...], values: Tensors, draws: Tensors
    ) -> tuple[Tensors, Tensors]:
        """The phases of an iteration: the units with these numbers."""
        metrics: Tensors = {}
        kept: Tensors = {}
        for unit, update in ((self.of.units[i], self._updates[i]) for i in kind):
            own, shared = self.of.drawn_by(unit, draws)
            reused = self.of.reused_by(unit, kept)
            if self.settings.mode == "multistep" and unit[0].repeat > 1 and own:
                body = partial(_repetition, update, reused, shared)
                values, rows = engine.repeat(body, values, own)
                reported = {metric: row[-1] for metric, row in rows.items()}
            else:
                # Of several phases it is once; what draws nothing of its own has no rows.
                repetitions = _rows(self._unstack(own)) if own else [{}] * unit[0].repeat
                for one in repetitions:
                    values, reported, outputs = update(values, reused, one | shared)
                kept = kept | outputs
            metrics |= reported
        return self._average(values) if self.of.averaged else values, metrics

    def _scratch(self, state: states.State) -> Tensors:
        """Values to compute on that leave the state as it is."""
        scratch = states.State(dict(engine.look(self, state)), state.iteration)
        engine.hold(self, scratch)
        return scratch.values

    def _inputs(self, network: str, inputs: Array | Mapping[str, Array]) -> Tensors:
        of = self.workload.networks[network]
        require_classes(of.classes, of.by_name(inputs))
        return self._given(of.by_name(inputs))

    def _numpy(self, network: str, outputs: Tensors) -> Array | Arrays:
        found = {name: states.to_canonical(y) for name, y in outputs.items()}
        return self.workload.networks[network].plain(found)  # type: ignore[no-any-return]

    def _given(self, arrays: Mapping[str, Array]) -> Tensors:
        require_classes(self._classes, arrays)
        return {
            key: states.from_canonical(array, self.settings.precision)
            for key, array in arrays.items()
        }


def _repetition(
    update: Callable[..., Any], kept: Tensors, shared: Tensors, values: Tensors, draws: Tensors
) -> tuple[Tensors, Tensors]:
    """One repetition of a phase in a loop: on its own draws and those that all are given."""
    values, metrics, _ = update(values, kept, draws | shared)
    return values, metrics


def _as_it_is(rows: Tensors) -> Tensors:
    return rows


def _one_by_one(rows: Tensors) -> Tensors:
    """Metrics of periods, each with its runs in a row."""
    return {name: ops.reshape(values, (-1,)) for name, values in rows.items()}


def _unstack(draws: Tensors) -> dict[str, list[Tensor]]:
    """The rows of each draw."""
    return {key: ops.unstack(draw, axis=0) for key, draw in draws.items()}


def _rows(table: dict[str, list[Tensor]]) -> list[Tensors]:
    """One dict for each row, of which all have as many."""
    return [dict(zip(table, row, strict=True)) for row in zip(*table.values(), strict=True)]


def _by_name(rows: list[Tensors]) -> dict[str, list[Tensor]]:
    """Metrics by name; not every iteration has each."""
    names = {name: None for row in rows for name in row}
    return {name: [row[name] for row in rows if name in row] for name in names}


def _stack(rows: dict[str, list[Tensor]]) -> Tensors:
    """The inverse of `_unstack`."""
    return {name: ops.stack(values, axis=0) for name, values in rows.items()}


def _joined(rows: list[Tensors]) -> Tensors:
    """Metrics of chunks, one after the other."""
    return {name: ops.concatenate(of, axis=0) for name, of in _by_name(rows).items()}


def _floats(metrics: Tensors) -> dict[str, float]:
    return {name: float(value) for name, value in metrics.items()}
