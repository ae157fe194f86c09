"""One iteration in Flax: NNX modules, value_and_grad, optax; jitted once, or scanned over."""

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from itertools import accumulate
from typing import Any, Literal

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import nnx
from jax import Array as Tensor
from jax import lax
from jax.nn import relu, sigmoid, softplus

from backends.flax_nnx import device, optimizers
from backends.flax_nnx import draws as device_draws
from backends.flax_nnx import state as states
from backends.flax_nnx.networks import Network
from backends.protocol import Array, Arrays, Settings, require_supported
from spec.phases import BinaryCrossEntropy, Hinge, LeastSquares, MeanScore, Phase
from spec.randomness import require_classes
from spec.workload import Workload

Draws = Mapping[str, Tensor]
Metrics = dict[str, Tensor]


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
        self, state: states.State, phase: str, draws: Mapping[str, Array]
    ) -> tuple[dict[str, float], Arrays]:
        require_classes(self._classes, draws)
        given = {key: self._given(value) for key, value in draws.items()}
        metrics, gradients, _ = self._gradients[phase](state.parameters, state.statistics, given)
        return _floats(metrics), states.to_arrays(self.workload, gradients)

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
        self._updates = {
            name: partial(self._update, phase)
            if multistep or whole
            else dispatched(partial(self._update, phase))
            for name, phase in self.phases.items()
        }
        self._average = jax.jit(self._move_averages, donate_argnums=0)
        self._step = dispatched(self._iteration) if whole else self._iteration
        self._steps = dispatched(self._scan) if multistep else self._loop
        self._gradients = {
            name: jax.jit(partial(self._differentiate, phase))
            for name, phase in self.phases.items()
        }
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
        for name, phase in self.phases.items():
            shared = {key: draws[key][0] for key in self._shared[name]}
            given = {key: draws[key] for key in self._drawn[name]}
            if self.settings.mode == "multistep" and phase.repeat > 1 and given:
                update = partial(self._update_with, name, shared)
                state, rows = lax.scan(update, state, given, unroll=1)
                reported = {metric: row[-1] for metric, row in rows.items()}
            else:
                for i in range(phase.repeat):
                    one = {key: value[i] for key, value in given.items()}
                    state, reported = self._update_with(name, shared, state, one)
            metrics |= reported
        averages = state.averages and self._average(state.averages, state.parameters)
        return state._replace(averages=averages, iteration=_next(state.iteration)), metrics

    def _update_with(
        self, name: str, shared: Draws, state: states.State, draws: Draws
    ) -> tuple[states.State, Metrics]:
        """One repetition of a phase, on its own draws and those that all of them are given."""
        return self._updates[name](state, {**draws, **shared})

    def _move_averages(self, averages: states.Trees, parameters: states.Trees) -> states.Trees:
        """The moving averages after an iteration."""
        return {
            name: optax.incremental_update(parameters[name], averages[name], step_size=1.0 - decay)
            for name, decay in self.workload.averages.items()
        }

    def _update(
        self, phase: Phase, state: states.State, draws: Draws
    ) -> tuple[states.State, Metrics]:
        metrics, gradients, statistics = self._differentiate(
            phase, state.parameters, state.statistics, draws
        )
        return self._apply(phase, state._replace(statistics=statistics), gradients), metrics

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

    def _differentiate(
        self, phase: Phase, parameters: states.Trees, statistics: states.Trees, draws: Draws
    ) -> tuple[Metrics, states.Trees, states.Trees]:
        """(metrics, gradients of what the phase moves, running statistics after its forwards)."""

        def objective(moving: states.Trees) -> tuple[Tensor, tuple[Metrics, states.Trees]]:
            values, kept = parameters | moving, statistics
            outputs = {name: draws[key] for name, key in self._keys[phase.name].items()}
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
                    y = lax.stop_gradient(made[port]) if step.detach else made[port]
                    outputs |= dict(zip(names, jnp.split(y, edges), strict=True))
            loss = sum(TERMS[term.kind](term, outputs) for term in phase.losses)
            reported = {
                name: sigmoid(outputs[logits]).mean() for name, logits in phase.metrics.items()
            }
            return loss, ({f"{phase.name}_loss": loss} | reported, kept)

        moving = states.moving(parameters, phase.updates)
        gradients, (metrics, kept) = jax.grad(objective, has_aux=True)(moving)
        return metrics, gradients, kept

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


def _joined(batches: list[Tensor]) -> Tensor:
    """Batches one after the other."""
    return jnp.concatenate(batches) if len(batches) > 1 else batches[0]


def _clip(phase: Phase, when: str, trees: states.Trees) -> states.Trees:
    if phase.clip is None or phase.clip.when != when:
        return trees
    limit = phase.clip.limit
    return jax.tree.map(lambda tensor: jnp.clip(tensor, -limit, limit), trees)


def _bce(term: BinaryCrossEntropy, outputs: dict[str, Tensor]) -> Tensor:
    x = outputs[term.logits]
    loss = term.target * softplus(-x) + (1.0 - term.target) * softplus(x)
    return term.weight * loss.mean()


def _mean_score(term: MeanScore, outputs: dict[str, Tensor]) -> Tensor:
    return term.weight * outputs[term.scores].mean()


def _least_squares(term: LeastSquares, outputs: dict[str, Tensor]) -> Tensor:
    return term.weight * ((outputs[term.scores] - term.target) ** 2).mean()


def _hinge(term: Hinge, outputs: dict[str, Tensor]) -> Tensor:
    return term.weight * relu(1.0 - term.sign * outputs[term.scores]).mean()


TERMS: dict[str, Callable[..., Any]] = {
    "bce": _bce,
    "mean_score": _mean_score,
    "least_squares": _least_squares,
    "hinge": _hinge,
}


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
