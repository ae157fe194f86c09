"""What an iteration computes in Keras: forwards, gradients by the engine, steps."""

from collections.abc import Callable, Mapping
from functools import partial
from itertools import accumulate
from typing import Any, NamedTuple

import keras
from keras import ops

from backends.keras3 import optimizers
from backends.keras3 import state as states
from backends.keras3.device import engine
from backends.keras3.losses import TERMS
from backends.keras3.networks import Network
from spec.flow import groups, reused, units
from spec.phases import Phase, Pool
from spec.state import optimized, parameters, statistics
from spec.workload import Workload

Tensor = Any
Tensors = dict[str, Tensor]
Unit = tuple[Phase, ...]


class Pass(NamedTuple):
    """What a phase's forwards gave."""

    metrics: Tensors
    gradients: Tensors
    outputs: Tensors
    """Those that later phases reuse; nothing keeps a gradient from them."""
    pull: Callable[..., Any] | None
    """From gradients of the loss and of open outputs to those of parameters and of what was
    reused; only where phases hang together."""


class Phases:
    """The phases of one workload, and the variables that Keras computes on."""

    def __init__(self, workload: Workload) -> None:
        self.workload = workload
        self.units = units(workload.phases)
        self.groups = {unit[0].name: groups(unit) for unit in self.units}
        self._reused = {
            unit[0].name: [f"{r.phase}/{r.output}" for phase in unit for r in phase.reuse.values()]
            for unit in self.units
        }
        # Once: asking a workload takes 0.2 to 0.3 ms, and `run` is timed.
        self._values = reused(workload.phases, "value")
        self._graphs = reused(workload.phases, "graph")
        self._chained = {phase.name for unit in self.units for phase in unit if len(unit) > 1}
        self._phases = {phase.name: phase for phase in workload.phases}
        self._keys = {name: workload.draw_keys(phase) for name, phase in self._phases.items()}
        self._drawn = {name: workload.drawn(phase) for name, phase in self._phases.items()}
        self._shared = {name: workload.shared_keys(phase) for name, phase in self._phases.items()}
        self.routes = {name: workload.routes(phase) for name, phase in self._phases.items()}
        self._mixed_before = {n: workload.mixed_before(phase) for n, phase in self._phases.items()}
        self._moving = {
            name: tuple(parameters(workload, p.updates)) for name, p in self._phases.items()
        }
        self._decays = [
            (decay, tuple(parameters(workload, (name,))))
            for name, decay in workload.averages.items()
        ]
        self.networks = {name: Network(n) for name, n in workload.networks.items()}
        self.averaged = {name: Network(workload.networks[name]) for name in workload.averages}
        self._optimizers = {
            name: optimizers.RULES[o.kind](o, workload.schedule, workload.pace(name))
            for name, o in workload.optimizers.items()
        }
        self.variables = self._named_variables()

    def drawn_by(self, unit: Unit, draws: Tensors) -> tuple[Tensors, Tensors]:
        """(what the phases draw in all repetitions, what they share)."""
        own = {key: draws[key] for phase in unit for key in self._drawn[phase.name]}
        shared = {key: draws[key][0] for phase in unit for key in self._shared[phase.name]}
        return own, shared

    def reused_by(self, unit: Unit, kept: Tensors) -> Tensors:
        """What the phases reuse of what other units gave."""
        return {key: kept[key] for key in self._reused[unit[0].name] if key in kept}

    def update(
        self, unit: Unit, values: Tensors, kept: Tensors, draws: Tensors
    ) -> tuple[Tensors, Tensors, Tensors]:
        """(values after the steps, metrics, outputs that other units reuse)."""
        metrics: Tensors = {}
        passes: dict[str, Pass] = {}
        for group in self.groups[unit[0].name]:
            for phase in group:
                values, passes = self._passed(phase, values, passes, kept, draws)
                metrics |= passes[phase.name].metrics
            for phase in group:
                values = self.apply(phase, values, passes[phase.name].gradients)
        outputs = {
            f"{phase.name}/{name}": passes[phase.name].outputs[name]
            for phase in unit
            for name in self._values[phase.name]
        }
        return values, metrics, outputs

    def until(self, name: str, values: Tensors, draws: Tensors) -> tuple[Tensors, Tensors]:
        """(metrics, gradients) of a phase behind those before it in an iteration."""
        kept: Tensors = {}
        for unit in self.units:
            own, shared = self.drawn_by(unit, draws)
            for i in range(unit[0].repeat):
                given = {key: value[i] for key, value in own.items()} | shared
                if i == unit[0].repeat - 1 and any(phase.name == name for phase in unit):
                    return self._within(name, unit, values, kept, given)
                values, _, outputs = self.update(unit, values, kept, given)
            kept = kept | outputs
        raise KeyError(name)

    def alone(
        self, phase: Phase, values: Tensors, seen: Tensors, draws: Tensors
    ) -> tuple[Tensors, Tensors]:
        """(metrics, gradients) of a phase that needs no other."""
        found, _ = self.differentiate(phase, values, seen, draws)
        if found.pull is None:
            return found.metrics, found.gradients
        one = ops.ones_like(found.metrics[f"{phase.name}_loss"])
        passes, keys = {phase.name: found}, self._moving[phase.name]
        return found.metrics, self._back(phase.name, passes, one, {}, keys)

    def differentiate(
        self, phase: Phase, values: Tensors, seen: Tensors, draws: Tensors
    ) -> tuple[Pass, Tensors]:
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

    def apply(self, phase: Phase, values: Tensors, gradients: Tensors) -> Tensors:
        """The values after one step of the phase's optimizer."""
        optimizer = self._optimizers[phase.optimizer]
        moving = [self.variables[key] for key in self._moving[phase.name]]
        given = [gradients[key] for key in self._moving[phase.name]]

        def step() -> None:
            _clip(phase, "before_step", moving)
            optimizers.apply(optimizer, moving, given)
            _clip(phase, "after_step", moving)

        return engine.within(self, values, step)[1]

    def move_averages(self, values: Tensors) -> Tensors:
        """The values after the moving averages have moved towards the parameters."""

        def move() -> None:
            for decay, keys in self._decays:
                for key in keys:
                    average, live = self.variables[f"average/{key}"], self.variables[key]
                    average.assign(decay * average.value + (1.0 - decay) * live.value)

        return engine.within(self, values, move)[1]

    def forward(
        self, network: str, train: bool, values: Tensors, x: Tensors, masks: Tensors
    ) -> Tensors:
        """A network's outputs; the values stay as they are."""
        model = self.networks[network].given(masks)
        return engine.within(self, values, lambda: model.through(x, training=train))[0]

    def sample(self, network: str, values: Tensors, x: Tensors) -> Tensors:
        """Samples with the moving averages; the running statistics are the live network's."""
        keys = [key for key in statistics(self.workload) if key.startswith(f"{network}/")]
        averaged = {network: self.averaged[network]}

        def call() -> Tensors:
            pairs = zip(states.moving(averaged, keys), keys, strict=True)
            for statistic, key in pairs:
                statistic.assign(self.variables[key].value)
            return averaged[network].through(x, training=False)

        return engine.within(self, values, call)[0]

    def _loss(self, phase: Phase, draws: Tensors, seen: Tensors) -> tuple[Tensor, Tensors, Tensors]:
        """(loss, logits to report by metric, outputs that later phases reuse)."""
        outputs = {name: draws[key] for name, key in self._keys[phase.name].items()} | seen
        outputs |= self._mixed(phase, self._mixed_before[phase.name], outputs, draws)
        whole = dict(outputs)
        for route in self.routes[phase.name]:
            given = {port: [outputs[name] for name in names] for port, names in route.given.items()}
            masks = {name: _joined([draws[key] for key in of]) for name, of in route.masks.items()}
            step = route.forward
            network = self.networks[step.network].given(masks)
            x = {port: _joined(batches) for port, batches in given.items()}
            made = network.through(x, training=step.mode == "train")
            ends = list(accumulate(batch.shape[0] for batch in next(iter(given.values()))))
            for port, names in route.made.items():
                y = made[port]
                parts = ops.split(y, ends[:-1], axis=0) if len(names) > 1 else [y]
                whole |= dict(zip(names, parts, strict=True))
                closed = [ops.stop_gradient(part) for part in parts] if step.detach else parts
                outputs |= dict(zip(names, closed, strict=True))
            mixed = self._mixed(phase, route.mixed, outputs, draws)
            outputs, whole = outputs | mixed, whole | mixed
        loss = sum(TERMS[term.kind](term, outputs) for term in phase.losses)
        wanted = (*self._graphs[phase.name], *self._values[phase.name])
        told = {name: whole[name] for name in wanted}
        return loss, {name: outputs[logits] for name, logits in phase.metrics.items()}, told

    def _hanging(
        self, phase: Phase, draws: Tensors, seen: Tensors, graphs: Tensors
    ) -> tuple[Tensor, Tensors, Tensors, Tensors]:
        """The same as a function of what is reused with its graph; and the open outputs."""
        loss, logits, told = self._loss(phase, draws, seen | graphs)
        return loss, logits, told, {name: told[name] for name in self._graphs[phase.name]}

    def _mixed(
        self, phase: Phase, of_pools: Mapping[str, Pool], outputs: Tensors, draws: Tensors
    ) -> Tensors:
        """What was made mixed with its pools, which are assigned: a gather and a scatter."""
        found = {}
        for name, of in of_pools.items():
            key, new = f"pool/{phase.name}/{name}", ops.stop_gradient(outputs[of.of])
            samples, count = self.variables[f"{key}/samples"], self.variables[f"{key}/count"]
            batch, slots = new.shape[0], draws[of.slot(phase.name, name)]
            places = ops.cast(count.value, "int32") + ops.arange(batch, dtype="int32")
            filling = count.value < of.size
            slots = ops.where(filling, places % of.size, slots)
            swaps = draws[of.swap(phase.name, name)] > 0.5
            old = ops.take(samples.value, slots, axis=0)
            exchanged = ops.logical_and(swaps, ops.logical_not(filling))
            found[name] = ops.where(_beside(exchanged, new), old, new)
            written = _beside(ops.where(filling, places < of.size, swaps), new)
            put = ops.where(written, new, old)
            samples.assign(ops.scatter_update(samples.value, slots[:, None], put))
            count.assign(ops.minimum(count.value + batch, of.size))
        return found

    def _passed(
        self,
        phase: Phase,
        values: Tensors,
        passes: dict[str, Pass],
        kept: Tensors,
        draws: Tensors,
    ) -> tuple[Tensors, dict[str, Pass]]:
        """(values with the statistics after a phase's forwards, passes with this one)."""
        seen = {
            name: passes[reuse.phase].outputs[reuse.output]
            if reuse.phase in passes
            else kept[f"{reuse.phase}/{reuse.output}"]
            for name, reuse in phase.reuse.items()
        }
        found, values = self.differentiate(phase, values, seen, draws)
        if found.pull is not None:
            passes = {**passes, phase.name: found}
            one = ops.ones_like(found.metrics[f"{phase.name}_loss"])
            gradients = self._back(phase.name, passes, one, {}, self._moving[phase.name])
            found = found._replace(gradients=gradients)
        return values, {**passes, phase.name: found}

    def _back(
        self,
        name: str,
        passes: Mapping[str, Pass],
        of_loss: Tensor | None,
        of_outputs: Tensors,
        keys: tuple[str, ...],
    ) -> Tensors:
        """What comes back to these parameters from a phase's loss and outputs, through all."""
        pull = passes[name].pull
        assert pull is not None
        asked = {key: of_outputs.get(key) for key in self._graphs[name]}
        found, behind = pull(of_loss, asked, keys)
        for key, gradient in behind.items():
            reuse = self._phases[name].reuse[key]
            if reuse.phase not in passes:  # given from outside
                continue
            further = (reuse.phase, passes, None, {reuse.output: gradient})
            for parameter, more in self._back(*further, keys).items():
                found[parameter] = found[parameter] + more if parameter in found else more
        return found

    def _within(
        self, name: str, unit: Unit, values: Tensors, kept: Tensors, draws: Tensors
    ) -> tuple[Tensors, Tensors]:
        """(metrics, gradients) of a phase of a unit, before its step."""
        passes: dict[str, Pass] = {}
        for group in self.groups[unit[0].name]:
            for phase in group:
                values, passes = self._passed(phase, values, passes, kept, draws)
                if phase.name == name:
                    return passes[name].metrics, passes[name].gradients
            for phase in group:
                values = self.apply(phase, values, passes[phase.name].gradients)
        raise KeyError(name)

    def _named_variables(self) -> dict[str, keras.Variable]:
        """Every variable that is part of a state, by canonical key."""
        keys = [*parameters(self.workload), *statistics(self.workload)]
        table = dict(zip(keys, states.moving(self.networks, keys), strict=True))
        for name, optimizer in self._optimizers.items():
            keys = list(optimized(self.workload, name))
            optimizer.build([table[key] for key in keys])
            slots = self.workload.optimizers[name].slots
            for slot in slots:
                moments = zip(keys, optimizer.slots[slot], strict=True)
                table |= {f"opt_state/{name}/{slot}/{key}": moment for key, moment in moments}
            if self.workload.counts(name):
                table[f"opt_state/{name}/step"] = optimizer.iterations
        for name, network in self.averaged.items():
            keys = list(parameters(self.workload, (name,)))
            averages = zip(keys, states.moving({name: network}, keys), strict=True)
            table |= {f"average/{key}": average for key, average in averages}
        for name, shape in self.workload.pools().items():
            nothing = {"initializer": "zeros", "trainable": False}
            table[f"pool/{name}/samples"] = keras.Variable(
                shape=shape, dtype=keras.config.floatx(), **nothing
            )
            table[f"pool/{name}/count"] = keras.Variable(shape=(), dtype="int", **nothing)
        return table


def _beside(flags: Tensor, samples: Tensor) -> Tensor:
    """Flags (batch,) as they go with samples (batch, ...)."""
    return ops.reshape(flags, (-1, *[1] * (len(samples.shape) - 1)))


def _joined(batches: list[Tensor]) -> Tensor:
    """Batches one after the other."""
    return ops.concatenate(batches, axis=0) if len(batches) > 1 else batches[0]


def _clip(phase: Phase, when: str, variables: list[keras.Variable]) -> None:
    if phase.clip is not None and phase.clip.when == when:
        for variable in variables:
            variable.assign(ops.clip(variable.value, -phase.clip.limit, phase.clip.limit))
