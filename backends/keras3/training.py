"""One iteration in Keras: its layers and optimizers; gradients and compilation by the engine."""

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from itertools import accumulate
from typing import Any, Literal, NamedTuple

import keras
from keras import ops

from backends.keras3 import device, optimizers
from backends.keras3 import draws as device_draws
from backends.keras3 import state as states
from backends.keras3.device import engine
from backends.keras3.losses import TERMS
from backends.keras3.networks import Network
from backends.protocol import Array, Arrays, Settings, require_supported
from spec.flow import groups, needs_iteration, reused, units
from spec.phases import Phase
from spec.randomness import require_classes
from spec.state import optimized, parameters, statistics
from spec.workload import Workload

Tensor = Any
Tensors = dict[str, Tensor]


class Pass(NamedTuple):
    """What a phase's forwards gave."""

    metrics: Tensors
    gradients: Tensors
    outputs: Tensors
    """Those that later phases reuse; nothing keeps a gradient from them."""
    pull: Callable[..., Any] | None
    """From gradients of the loss and of open outputs to those of parameters and of what was
    reused; only where phases hang together."""


class Program:
    """One workload made ready in Keras."""

    def __init__(self, workload: Workload, settings: Settings) -> None:
        require_supported(workload)
        device.configure(settings.precision)
        self.workload, self.settings = workload, settings
        self.phases = {phase.name: phase for phase in workload.phases}
        # Once: asking a workload takes 0.2 to 0.3 ms, and `run` is timed.
        self._table = workload.draw_table()
        self._classes = workload.classes()
        self._units = units(workload.phases)
        self._values = reused(workload.phases, "value")
        self._graphs_of = reused(workload.phases, "graph")
        self._chained = {phase.name for unit in self._units for phase in unit if len(unit) > 1}
        self._keys = {name: workload.draw_keys(phase) for name, phase in self.phases.items()}
        self._drawn = {name: workload.drawn(phase) for name, phase in self.phases.items()}
        self._shared = {name: workload.shared_keys(phase) for name, phase in self.phases.items()}
        self._masks = {name: workload.mask_keys(phase) for name, phase in self.phases.items()}
        self.optimizer_origin: Literal["native", "own"] = max(
            map(optimizers.origin, workload.optimizers.values()), default="native"
        )
        self._moving = {
            name: tuple(parameters(workload, phase.updates)) for name, phase in self.phases.items()
        }
        self._decays = [
            (decay, tuple(parameters(workload, (name,))))
            for name, decay in workload.averages.items()
        ]
        self.held: states.State | None = None
        """The state whose tensors are in the variables, on an engine that trains in place."""
        with self._placed():
            self._networks = {name: Network(n) for name, n in workload.networks.items()}
            self._averaged = {name: Network(workload.networks[name]) for name in workload.averages}
            self._optimizers = {
                name: optimizers.RULES[o.kind](o, workload.schedule, workload.updates_of(name))
                for name, o in workload.optimizers.items()
            }
            self.variables = self._named_variables()
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
        self, state: states.State, draws: Mapping[str, Array]
    ) -> tuple[states.State, dict[str, float]]:
        with self._placed():
            rows = self._given({key: array[None] for key, array in draws.items()})
            metrics = self._train(state, rows, 1)
        return state, _floats({name: values[0] for name, values in metrics.items()})

    def run(
        self, state: states.State, data: Tensors, seed: int, n: int, first: int = 0
    ) -> tuple[states.State, Tensors]:
        parts = []
        with self._placed():
            for chunk in self.chunks(data, seed, n, first):
                parts.append(self._train(state, chunk, len(next(iter(chunk.values())))))
            names = parts[0]
            return state, {
                name: ops.concatenate([part[name] for part in parts], axis=0) for name in names
            }

    def chunks(self, data: Tensors, seed: int, n: int, first: int = 0) -> Iterator[Tensors]:
        on = device.NAMES[self.settings.device]
        batch, chunk = self.workload.schedule.batch_size, self.settings.chunk
        return device_draws.chunks(self._table, data, batch, seed, first, n, chunk, on)

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
            if network in self._averaged:
                made = self._averages[network](state.values, x)
            else:
                made = self._forwards[network, False](state.values, x, {})
        return self._numpy(network, made)

    def block_until_ready(self, tree: Any) -> None:
        device.block_until_ready(tree)

    def _placed(self) -> Any:
        return keras.device(device.NAMES[self.settings.device])

    def _named_variables(self) -> dict[str, keras.Variable]:
        """Every variable that is part of a state, by canonical key."""
        keys = [*parameters(self.workload), *statistics(self.workload)]
        table = dict(zip(keys, states.moving(self._networks, keys), strict=True))
        for name, optimizer in self._optimizers.items():
            keys = list(optimized(self.workload, name))
            optimizer.build([table[key] for key in keys])
            slots = self.workload.optimizers[name].slots
            for slot in slots:
                moments = zip(keys, optimizer.slots[slot], strict=True)
                table |= {f"opt_state/{name}/{slot}/{key}": moment for key, moment in moments}
            if self.workload.counts(name):
                table[f"opt_state/{name}/step"] = optimizer.iterations
        for name, network in self._averaged.items():
            keys = list(parameters(self.workload, (name,)))
            averages = zip(keys, states.moving({name: network}, keys), strict=True)
            table |= {f"average/{key}": average for key, average in averages}
        return table

    def _compile(self) -> None:
        mode, phases = self.settings.mode, self.phases
        made = partial(engine.compiled, mode=mode, donate=False)
        step = partial(engine.compiled, mode=mode, donate=True)
        self._forwards = {
            (name, train): made(partial(self._forward, name, train))
            for name in self._networks
            for train in (False, True)
        }
        self._averages = {name: made(partial(self._sample, name)) for name in self._averaged}
        self._gradients = {k: made(partial(self._alone, phases[k])) for k in phases}
        self._untils = {k: made(partial(self._until, k)) for k in phases}
        self._applies = {k: made(partial(self._apply, phases[k])) for k in phases}
        self._unstack = engine.compiled(_unstack, mode="eager", donate=False)
        self._stack = engine.compiled(_stack, mode="eager", donate=False)
        # One dispatch an iteration; one an update where a phase repeats.
        whole = self.workload.updates_per_iteration == len(phases)
        updates = [partial(self._update, unit) for unit in self._units]
        looped = mode == "multistep"
        self._updates = updates if whole or looped else [step(update) for update in updates]
        alone = not whole and not looped
        self._average = step(self._move_averages) if alone else self._move_averages
        self._step = step(self._iteration) if whole and not looped else self._iteration
        self._advance = engine.looped(self._iteration) if looped else self._loop

    def _train(self, state: states.State, draws: Tensors, n: int) -> Tensors:
        """n iterations, one for each row of the draws; metrics (n,)."""
        engine.hold(self, state)
        state.values, metrics = self._advance(state.values, draws)
        state.iteration += n
        return metrics

    def _loop(self, values: Tensors, draws: Tensors) -> tuple[Tensors, Tensors]:
        """(values after an iteration on each row of the draws, metrics of all of them)."""
        rows = []
        for given in self._unstack(draws):
            values, metrics = self._step(values, given)
            rows.append(metrics)
        return values, self._stack(rows)

    def _iteration(self, values: Tensors, draws: Tensors) -> tuple[Tensors, Tensors]:
        metrics: Tensors = {}
        kept: Tensors = {}
        for unit, update in zip(self._units, self._updates, strict=True):
            own = {key: draws[key] for phase in unit for key in self._drawn[phase.name]}
            shared = {key: draws[key][0] for phase in unit for key in self._shared[phase.name]}
            if self.settings.mode == "multistep" and unit[0].repeat > 1 and own:
                body = partial(_repetition, update, kept, shared)
                values, rows = engine.repeat(body, values, own)
                reported = {metric: row[-1] for metric, row in rows.items()}
            else:
                # Of several phases it is once; what draws nothing of its own has no rows.
                for one in self._unstack(own) if own else [{}] * unit[0].repeat:
                    values, reported, outputs = update(values, kept, one | shared)
                kept = kept | outputs
            metrics |= reported
        return self._average(values) if self._averaged else values, metrics

    def _move_averages(self, values: Tensors) -> Tensors:
        """The values after the moving averages have moved towards the parameters."""

        def move() -> None:
            for decay, keys in self._decays:
                for key in keys:
                    average, live = self.variables[f"average/{key}"], self.variables[key]
                    average.assign(decay * average.value + (1.0 - decay) * live.value)

        return engine.within(self, values, move)[1]

    def _update(
        self, unit: tuple[Phase, ...], values: Tensors, kept: Tensors, draws: Tensors
    ) -> tuple[Tensors, Tensors, Tensors]:
        """(values after the steps, metrics, outputs that other units reuse)."""
        metrics: Tensors = {}
        passes: dict[str, Pass] = {}
        for group in groups(unit):
            for phase in group:
                values, passes = self._passed(phase, values, passes, kept, draws)
                metrics |= passes[phase.name].metrics
            for phase in group:
                values = self._apply(phase, values, passes[phase.name].gradients)
        outputs = {
            f"{phase.name}/{name}": passes[phase.name].outputs[name]
            for phase in unit
            for name in self._values[phase.name]
        }
        return values, metrics, outputs

    def _passed(
        self,
        phase: Phase,
        values: Tensors,
        passes: dict[str, "Pass"],
        kept: Tensors,
        draws: Tensors,
    ) -> tuple[Tensors, dict[str, "Pass"]]:
        """(values with the statistics after a phase's forwards, passes with this one)."""
        seen = {
            name: passes[reuse.phase].outputs[reuse.output]
            if reuse.phase in passes
            else kept[f"{reuse.phase}/{reuse.output}"]
            for name, reuse in phase.reuse.items()
        }
        found, values = self._differentiate(phase, values, seen, draws)
        if found.pull is not None:
            passes = {**passes, phase.name: found}
            one = ops.ones_like(found.metrics[f"{phase.name}_loss"])
            gradients = self._back(phase.name, passes, one, {}, self._moving[phase.name])
            found = found._replace(gradients=gradients)
        return values, {**passes, phase.name: found}

    def _back(
        self,
        name: str,
        passes: Mapping[str, "Pass"],
        of_loss: Tensor,
        of_outputs: Tensors,
        keys: tuple[str, ...],
    ) -> Tensors:
        """What comes back to these parameters from a phase's loss and outputs, through all."""
        outputs, pull = passes[name].outputs, passes[name].pull
        assert pull is not None
        asked = {
            key: of_outputs[key] if key in of_outputs else ops.zeros_like(outputs[key])
            for key in self._graphs_of[name]
        }
        own, behind = pull(of_loss, asked)
        found = {key: own[key] for key in keys if key in own}
        for key, gradient in behind.items():
            reuse = self.phases[name].reuse[key]
            further = (reuse.phase, passes, ops.zeros_like(of_loss), {reuse.output: gradient})
            for parameter, more in self._back(*further, keys).items():
                found[parameter] = found[parameter] + more if parameter in found else more
        return found

    def _until(self, name: str, values: Tensors, draws: Tensors) -> tuple[Tensors, Tensors]:
        """(metrics, gradients) of a phase behind those before it in an iteration."""
        kept: Tensors = {}
        for unit in self._units:
            for i in range(unit[0].repeat):
                own = {key: draws[key][i] for phase in unit for key in self._drawn[phase.name]}
                own |= {key: draws[key][0] for phase in unit for key in self._shared[phase.name]}
                if i == unit[0].repeat - 1 and any(phase.name == name for phase in unit):
                    return self._within(name, unit, values, kept, own)
                values, _, outputs = self._update(unit, values, kept, own)
            kept = kept | outputs
        raise KeyError(name)

    def _within(
        self, name: str, unit: tuple[Phase, ...], values: Tensors, kept: Tensors, draws: Tensors
    ) -> tuple[Tensors, Tensors]:
        """(metrics, gradients) of a phase of a unit, before its step."""
        passes: dict[str, Pass] = {}
        for group in groups(unit):
            for phase in group:
                values, passes = self._passed(phase, values, passes, kept, draws)
                if phase.name == name:
                    return passes[name].metrics, passes[name].gradients
            for phase in group:
                values = self._apply(phase, values, passes[phase.name].gradients)
        raise KeyError(name)

    def _apply(self, phase: Phase, values: Tensors, gradients: Tensors) -> Tensors:
        optimizer = self._optimizers[phase.optimizer]
        moving = [self.variables[key] for key in self._moving[phase.name]]
        given = [gradients[key] for key in self._moving[phase.name]]

        def step() -> None:
            _clip(phase, "before_step", moving)
            optimizers.apply(optimizer, moving, given)
            _clip(phase, "after_step", moving)

        return engine.within(self, values, step)[1]

    def _alone(
        self, phase: Phase, values: Tensors, seen: Tensors, draws: Tensors
    ) -> tuple[Tensors, Tensors]:
        """(metrics, gradients) of a phase that needs no other."""
        found, _ = self._differentiate(phase, values, seen, draws)
        if found.pull is None:
            return found.metrics, found.gradients
        one = ops.ones_like(found.metrics[f"{phase.name}_loss"])
        passes, keys = {phase.name: found}, self._moving[phase.name]
        return found.metrics, self._back(phase.name, passes, one, {}, keys)

    def _differentiate(
        self, phase: Phase, values: Tensors, seen: Tensors, draws: Tensors
    ) -> tuple["Pass", Tensors]:
        """(a phase's forwards and its gradients, values with the statistics that were kept).

        Where phases hang together, the way back instead of gradients. `seen` is what it reuses.
        """
        if phase.name not in self._chained:
            (loss, logits, told), gradients, values = engine.differentiate(
                self, values, self._moving[phase.name], partial(self._loss, phase, draws, seen)
            )
            pull = None
        else:
            networks = tuple({step.network: None for step in phase.forwards})
            through = tuple(parameters(self.workload, networks)) if networks else ()
            graphs = {name: seen[name] for name, r in phase.reuse.items() if r.form == "graph"}
            (loss, logits, told), pull, values = engine.passed(
                self, values, through, graphs, partial(self._hanging, phase, draws, seen)
            )
            gradients = {}
        metrics = {f"{phase.name}_loss": loss} | {
            name: ops.mean(ops.sigmoid(value)) for name, value in logits.items()
        }
        return Pass(metrics, gradients, told, pull), values

    def _hanging(
        self, phase: Phase, draws: Tensors, seen: Tensors, graphs: Tensors
    ) -> tuple[Tensor, Tensors, Tensors, Tensors]:
        """The same as a function of what is reused with its graph; and the open outputs."""
        loss, logits, told = self._loss(phase, draws, seen | graphs)
        return loss, logits, told, {name: told[name] for name in self._graphs_of[phase.name]}

    def _loss(self, phase: Phase, draws: Tensors, seen: Tensors) -> tuple[Tensor, Tensors, Tensors]:
        """(loss, logits to report by metric, outputs that later phases reuse)."""
        outputs = {name: draws[key] for name, key in self._keys[phase.name].items()} | seen
        whole = dict(outputs)
        for step, keys in zip(phase.forwards, self._masks[phase.name], strict=True):
            given = {port: [outputs[name] for name in names] for port, names in step.given.items()}
            masks = {name: _joined([draws[key] for key in of]) for name, of in keys.items()}
            network = self._networks[step.network].given(masks)
            x = {port: _joined(batches) for port, batches in given.items()}
            made = network.through(x, training=step.mode == "train")
            ends = list(accumulate(batch.shape[0] for batch in next(iter(given.values()))))
            for port, names in step.made.items():
                y = made[port]
                parts = ops.split(y, ends[:-1], axis=0) if len(names) > 1 else [y]
                whole |= dict(zip(names, parts, strict=True))
                closed = [ops.stop_gradient(part) for part in parts] if step.detach else parts
                outputs |= dict(zip(names, closed, strict=True))
        loss = sum(TERMS[term.kind](term, outputs) for term in phase.losses)
        wanted = (*self._graphs_of[phase.name], *self._values[phase.name])
        told = {name: whole[name] for name in wanted}
        return loss, {name: outputs[logits] for name, logits in phase.metrics.items()}, told

    def _forward(
        self, network: str, train: bool, values: Tensors, x: Tensors, masks: Tensors
    ) -> Tensors:
        model = self._networks[network].given(masks)
        return engine.within(self, values, lambda: model.through(x, training=train))[0]

    def _sample(self, network: str, values: Tensors, x: Tensors) -> Tensors:
        """Samples with the moving averages; the running statistics are the live network's."""
        keys = [key for key in statistics(self.workload) if key.startswith(f"{network}/")]
        averaged = {network: self._averaged[network]}

        def call() -> Tensors:
            pairs = zip(states.moving(averaged, keys), keys, strict=True)
            for statistic, key in pairs:
                statistic.assign(self.variables[key].value)
            return averaged[network].through(x, training=False)

        return engine.within(self, values, call)[0]

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


def _joined(batches: list[Tensor]) -> Tensor:
    """Batches one after the other."""
    return ops.concatenate(batches, axis=0) if len(batches) > 1 else batches[0]


def _clip(phase: Phase, when: str, variables: list[keras.Variable]) -> None:
    if phase.clip is not None and phase.clip.when == when:
        for variable in variables:
            variable.assign(ops.clip(variable.value, -phase.clip.limit, phase.clip.limit))


def _unstack(draws: Tensors) -> list[Tensors]:
    """One dict for each row of the draws."""
    rows = zip(*[ops.unstack(draw, axis=0) for draw in draws.values()], strict=True)
    return [dict(zip(draws, row, strict=True)) for row in rows]


def _stack(rows: list[Tensors]) -> Tensors:
    """The inverse of `_unstack`."""
    return {key: ops.stack([row[key] for row in rows], axis=0) for key in rows[0]}


def _floats(metrics: Tensors) -> dict[str, float]:
    return {name: float(value) for name, value in metrics.items()}
