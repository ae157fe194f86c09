"""One iteration in Flax: NNX modules, value_and_grad, optax; jitted once, or scanned over."""

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from itertools import accumulate
from typing import Any, Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import nnx
from jax import Array as Tensor
from jax import lax
from jax.nn import sigmoid

from backends.flax_nnx import device, optimizers
from backends.flax_nnx import draws as device_draws
from backends.flax_nnx import state as states
from backends.flax_nnx.losses import TERMS
from backends.flax_nnx.networks import Network
from backends.protocol import Array, Arrays, Settings, require_supported
from spec.flow import groups, needs_iteration, reused, units
from spec.phases import Phase
from spec.randomness import require_classes
from spec.workload import Workload

Draws = Mapping[str, Tensor]
Metrics = dict[str, Tensor]


class Pass(NamedTuple):
    """What a phase's forwards gave."""

    metrics: Metrics
    gradients: states.Trees
    statistics: states.Trees
    outputs: dict[str, Tensor]
    """Those that later phases reuse; nothing keeps a gradient from them."""
    pull: Callable[..., Any] | None
    """From gradients of the loss and of open outputs to those of networks and of what was reused;
    only where phases hang together."""


class Program:
    """One workload made ready in Flax."""

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
        self._device = jax.devices(device.PLATFORMS[settings.device])[0]
        self._dtype = device.DTYPES[settings.precision]
        self._like = jnp.zeros((), self._dtype, device=self._device)
        # Split once: from here on a network is its graph and trees of arrays.
        self._graphs = {
            name: nnx.graphdef(nnx.eval_shape(partial(Network, network, self._dtype)))
            for name, network in workload.networks.items()
        }
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
            found = self._gradients[phase](state.parameters, state.statistics, seen, given)
        else:
            found = self._untils[phase](state, given)
        return _floats(found[0]), states.to_arrays(self.workload, found[1])

    def update(
        self, state: states.State, phase: str, gradients: Mapping[str, Array]
    ) -> states.State:
        given = states.from_arrays(self.workload, gradients, self._dtype, self._device)
        return self._applies[phase](state, given)

    def train_step(
        self, state: states.State, draws: Mapping[str, Array]
    ) -> tuple[states.State, dict[str, float]]:
        require_classes(self._classes, draws)
        chunk = {key: self._given(value[np.newaxis]) for key, value in draws.items()}
        state, metrics = self._steps(state, chunk)
        return state, _floats(metrics)

    def run(
        self, state: states.State, data: dict[str, Tensor], seed: int, n: int, first: int = 0
    ) -> tuple[states.State, Metrics]:
        rows = []
        for chunk in self.chunks(data, seed, n, first):
            state, metrics = self._steps(state, chunk)
            rows.append(metrics)
        return state, _join(rows)

    def chunks(
        self, data: dict[str, Tensor], seed: int, n: int, first: int = 0
    ) -> Iterator[dict[str, Tensor]]:
        batch, chunk = self.workload.schedule.batch_size, self.settings.chunk
        return device_draws.chunks(self._table, data, batch, seed, first, n, chunk, self._like)

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
        whole = self.workload.updates_per_iteration == len(self.workload.phases)
        updates = [partial(self._update, unit) for unit in self._units]
        self._updates = updates if multistep or whole else [dispatched(one) for one in updates]
        self._average = jax.jit(self._move_averages, donate_argnums=0)
        self._step = dispatched(self._iteration) if whole else self._iteration
        self._steps = dispatched(self._scan) if multistep else self._loop
        self._gradients = {
            name: jax.jit(partial(self._alone, phase)) for name, phase in self.phases.items()
        }
        self._untils = {name: jax.jit(partial(self._until, name)) for name in self.phases}
        self._applies = {
            name: dispatched(partial(self._apply, phase)) for name, phase in self.phases.items()
        }
        self._forward = jax.jit(self._call, static_argnums=0, static_argnames="train")

    def _loop(self, state: states.State, chunk: Draws) -> tuple[states.State, Metrics]:
        """The iterations of a chunk, dispatched from Python."""
        rows = []
        for given in _unstack(chunk):
            state, metrics = self._step(state, given)
            rows.append(metrics)
        return state, _stack(rows)

    def _scan(self, state: states.State, chunk: Draws) -> tuple[states.State, Metrics]:
        """The iterations of a chunk in one loop on the device."""
        return lax.scan(self._iteration, state, chunk, unroll=1)

    def _iteration(self, state: states.State, draws: Draws) -> tuple[states.State, Metrics]:
        metrics: Metrics = {}
        kept: Draws = {}
        for unit, update in zip(self._units, self._updates, strict=True):
            own = {key: draws[key] for phase in unit for key in self._drawn[phase.name]}
            shared = {key: draws[key][0] for phase in unit for key in self._shared[phase.name]}
            if self.settings.mode == "multistep" and unit[0].repeat > 1 and own:
                body = partial(_repetition, update, kept, shared)
                state, rows = lax.scan(body, state, own, unroll=1)
                reported = {metric: row[-1] for metric, row in rows.items()}
            else:
                for i in range(unit[0].repeat):  # of several phases it is once
                    one = {key: value[i] for key, value in own.items()} | shared
                    state, reported, outputs = update(state, kept, one)
                kept = {**kept, **outputs}
            metrics |= reported
        averages = state.averages and self._average(state.averages, state.parameters)
        return state._replace(averages=averages, iteration=_next(state.iteration)), metrics

    def _move_averages(self, averages: states.Trees, parameters: states.Trees) -> states.Trees:
        """The moving averages after an iteration."""
        return {
            name: optax.incremental_update(parameters[name], averages[name], step_size=1.0 - decay)
            for name, decay in self.workload.averages.items()
        }

    def _update(
        self, unit: tuple[Phase, ...], state: states.State, kept: Draws, draws: Draws
    ) -> tuple[states.State, Metrics, Draws]:
        """(state after the steps, metrics, outputs that other units reuse)."""
        metrics: Metrics = {}
        passes: dict[str, Pass] = {}
        for group in groups(unit):
            for phase in group:
                state, passes = self._passed(phase, state, passes, kept, draws)
                metrics |= passes[phase.name].metrics
            for phase in group:
                state = self._apply(phase, state, passes[phase.name].gradients)
        outputs = {
            f"{phase.name}/{name}": passes[phase.name].outputs[name]
            for phase in unit
            for name in self._values[phase.name]
        }
        return state, metrics, outputs

    def _passed(
        self,
        phase: Phase,
        state: states.State,
        passes: dict[str, "Pass"],
        kept: Draws,
        draws: Draws,
    ) -> tuple[states.State, dict[str, "Pass"]]:
        """(state with the statistics after a phase's forwards, passes with this one)."""
        seen = {
            name: passes[reuse.phase].outputs[reuse.output]
            if reuse.phase in passes
            else kept[f"{reuse.phase}/{reuse.output}"]
            for name, reuse in phase.reuse.items()
        }
        given = (phase, state.parameters, state.statistics, seen, draws)
        found = self._differentiate(*given)
        if found.pull is not None:
            passes = {**passes, phase.name: found}
            one = jnp.ones_like(found.metrics[f"{phase.name}_loss"])
            found = found._replace(gradients=self._back(phase.name, passes, one, {}, phase.updates))
        return state._replace(statistics=found.statistics), {**passes, phase.name: found}

    def _back(
        self,
        name: str,
        passes: Mapping[str, "Pass"],
        of_loss: Tensor,
        of_outputs: Draws,
        networks: tuple[str, ...],
    ) -> states.Trees:
        """What comes back to these networks from a phase's loss and outputs, through all phases."""
        outputs, pull = passes[name].outputs, passes[name].pull
        assert pull is not None
        asked = {
            key: of_outputs.get(key, jnp.zeros_like(outputs[key])) for key in self._graphs_of[name]
        }
        own, behind = pull((of_loss, asked))
        found = {network: own[network] for network in networks if network in own}
        for key, gradient in behind.items():
            reuse = self.phases[name].reuse[key]
            further = (reuse.phase, passes, jnp.zeros_like(of_loss), {reuse.output: gradient})
            for network, tree in self._back(*further, networks).items():
                found[network] = (
                    jax.tree.map(jnp.add, found[network], tree) if network in found else tree
                )
        return found

    def _until(self, name: str, state: states.State, draws: Draws) -> tuple[Metrics, states.Trees]:
        """(metrics, gradients) of a phase behind those before it in an iteration."""
        kept: Draws = {}
        for unit in self._units:
            for i in range(unit[0].repeat):
                own = {key: draws[key][i] for phase in unit for key in self._drawn[phase.name]}
                own |= {key: draws[key][0] for phase in unit for key in self._shared[phase.name]}
                if i == unit[0].repeat - 1 and any(phase.name == name for phase in unit):
                    return self._within(name, unit, state, kept, own)
                state, _, outputs = self._update(unit, state, kept, own)
            kept = {**kept, **outputs}
        raise KeyError(name)

    def _within(
        self, name: str, unit: tuple[Phase, ...], state: states.State, kept: Draws, draws: Draws
    ) -> tuple[Metrics, states.Trees]:
        """(metrics, gradients) of a phase of a unit, before its step."""
        passes: dict[str, Pass] = {}
        for group in groups(unit):
            for phase in group:
                state, passes = self._passed(phase, state, passes, kept, draws)
                if phase.name == name:
                    return passes[name].metrics, passes[name].gradients
            for phase in group:
                state = self._apply(phase, state, passes[phase.name].gradients)
        raise KeyError(name)

    def _apply(self, phase: Phase, state: states.State, gradients: states.Trees) -> states.State:
        name, slots, steps = phase.optimizer, state.slots, state.steps
        moving = states.moving(state.parameters, phase.updates)
        updates = self.workload.updates_of(name)
        rate = (self.workload.schedule, updates, steps.get(name), self._dtype)
        moved, kept, step = optimizers.apply(
            self.workload.optimizers[name],
            optimizers.rate_factor(*rate),
            _clip(phase, "before_step", moving),
            gradients,
            {slot: states.moving(of, phase.updates) for slot, of in slots[name].items()},
            steps.get(name),
        )
        return state._replace(
            parameters=state.parameters | _clip(phase, "after_step", moved),
            slots=slots | {name: {slot: of | kept[slot] for slot, of in slots[name].items()}},
            steps=steps | ({name: step} if name in steps else {}),
        )

    def _alone(
        self,
        phase: Phase,
        parameters: states.Trees,
        statistics: states.Trees,
        seen: Draws,
        draws: Draws,
    ) -> tuple[Metrics, states.Trees]:
        """(metrics, gradients) of a phase that needs no other."""
        found = self._differentiate(phase, parameters, statistics, seen, draws)
        if found.pull is None:
            return found.metrics, found.gradients
        one = jnp.ones_like(found.metrics[f"{phase.name}_loss"])
        return found.metrics, self._back(phase.name, {phase.name: found}, one, {}, phase.updates)

    def _differentiate(
        self,
        phase: Phase,
        parameters: states.Trees,
        statistics: states.Trees,
        seen: Draws,
        draws: Draws,
    ) -> "Pass":
        """A phase's forwards and its gradients; where phases hang together, the way back instead.

        `seen` is what it reuses.
        """

        def objective(moving: states.Trees, seen: Draws) -> Any:
            values, kept = parameters | moving, statistics
            outputs = {name: draws[key] for name, key in self._keys[phase.name].items()} | {**seen}
            whole = dict(outputs)
            for step, keys in zip(phase.forwards, self._masks[phase.name], strict=True):
                name = step.network
                fed = {port: [outputs[key] for key in keys] for port, keys in step.given.items()}
                masks = {layer: _joined([draws[k] for k in of]) for layer, of in keys.items()}
                x = {port: _joined(batches) for port, batches in fed.items()}
                given = (name, values[name], kept[name], x, masks)
                made, own = self._call(*given, train=step.mode == "train")
                kept = kept | {name: own}
                edges = list(accumulate(len(batch) for batch in next(iter(fed.values()))))[:-1]
                for port, names in step.made.items():
                    whole |= dict(zip(names, jnp.split(made[port], edges), strict=True))
                    y = lax.stop_gradient(made[port]) if step.detach else made[port]
                    outputs |= dict(zip(names, jnp.split(y, edges), strict=True))
            loss = sum(TERMS[term.kind](term, outputs) for term in phase.losses)
            reported = {
                name: sigmoid(outputs[logits]).mean() for name, logits in phase.metrics.items()
            }
            graphs = {name: whole[name] for name in self._graphs_of[phase.name]}
            told = graphs | {name: whole[name] for name in self._values[phase.name]}
            return loss, graphs, ({f"{phase.name}_loss": loss} | reported, kept, told)

        def alone(moving: states.Trees) -> Any:
            loss, _, beside = objective(moving, seen)
            return loss, beside

        def hanging(moving: states.Trees, open_: Draws) -> Any:
            loss, graphs, beside = objective(moving, {**seen, **open_})
            return (loss, graphs), beside

        if phase.name not in self._chained:
            moving = states.moving(parameters, phase.updates)
            gradients, (metrics, kept, told) = jax.grad(alone, has_aux=True)(moving)
            return Pass(metrics, gradients, kept, told, None)
        through = {step.network: parameters[step.network] for step in phase.forwards}
        open_ = {name: seen[name] for name, r in phase.reuse.items() if r.form == "graph"}
        _, pull, (metrics, kept, told) = jax.vjp(hanging, through, open_, has_aux=True)
        return Pass(metrics, {}, kept, told, pull)

    def _call(
        self,
        network: str,
        parameters: Any,
        statistics: Any,
        inputs: dict[str, Tensor],
        masks: dict[str, Tensor],
        *,
        train: bool,
    ) -> tuple[dict[str, Tensor], Any]:
        """(outputs, running statistics after it) of a network, from its own trees."""
        module = nnx.merge(self._graphs[network], parameters, statistics, copy=True)
        made = module(inputs, masks, train=train)
        return made, nnx.to_pure_dict(nnx.state(module, nnx.BatchStat))

    def _given(self, array: Array) -> Tensor:
        return states.from_canonical(array, self._like)


def _repetition(
    update: Callable[..., Any], kept: Draws, shared: Draws, state: states.State, draws: Draws
) -> tuple[states.State, Metrics]:
    """One repetition of a phase in a loop: on its own draws and those that all are given."""
    state, metrics, _ = update(state, kept, {**draws, **shared})
    return state, metrics


def _joined(batches: list[Tensor]) -> Tensor:
    """Batches one after the other."""
    return jnp.concatenate(batches) if len(batches) > 1 else batches[0]


def _clip(phase: Phase, when: str, trees: states.Trees) -> states.Trees:
    if phase.clip is None or phase.clip.when != when:
        return trees
    limit = phase.clip.limit
    return jax.tree.map(lambda tensor: jnp.clip(tensor, -limit, limit), trees)


@jax.jit
def _next(count: Tensor) -> Tensor:
    return count + 1


@jax.jit
def _unstack(chunk: Draws) -> list[dict[str, list[Tensor]]]:
    """`<key>` (iterations, repeat, ...) -> for each iteration, the arrays of each repetition."""
    table = {key: [list(row) for row in value] for key, value in chunk.items()}
    return [dict(zip(table, rows, strict=True)) for rows in zip(*table.values(), strict=True)]


@jax.jit
def _stack(rows: list[Metrics]) -> Metrics:
    return jax.tree.map(lambda *values: jnp.stack(values), *rows)


@jax.jit
def _join(rows: list[Metrics]) -> Metrics:
    return jax.tree.map(lambda *values: jnp.concatenate(values), *rows)


def _floats(metrics: Metrics) -> dict[str, float]:
    return {name: value.item() for name, value in metrics.items()}
