"""What an iteration computes in Flax: forwards, gradients by jax.grad or jax.vjp, steps."""

from collections.abc import Callable, Mapping
from functools import partial
from itertools import accumulate
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax
from flax import nnx
from jax import Array as Tensor
from jax import lax
from jax.nn import sigmoid

from backends.flax_nnx import optimizers
from backends.flax_nnx import state as states
from backends.flax_nnx.losses import TERMS
from backends.flax_nnx.networks import Network
from spec.flow import groups, reused, units
from spec.phases import Phase, Pool
from spec.workload import Workload

Draws = Mapping[str, Tensor]
Metrics = dict[str, Tensor]
Unit = tuple[Phase, ...]


class Pass(NamedTuple):
    """What a phase's forwards gave."""

    metrics: Metrics
    gradients: states.Trees
    statistics: states.Trees
    pools: dict[str, states.Pool]
    outputs: dict[str, Tensor]
    """Those that later phases reuse; nothing keeps a gradient from them."""
    pull: Callable[..., Any] | None
    """From gradients of the loss and of open outputs to those of networks and of what was reused;
    only where phases hang together."""


class Phases:
    """The phases of one workload, in one precision."""

    def __init__(self, workload: Workload, dtype: Any) -> None:
        self.workload, self._dtype = workload, dtype
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
        self._paces = {name: workload.pace(name) for name in workload.optimizers}
        # Split once: from here on a network is its graph and trees of arrays.
        self._networks = {
            name: nnx.graphdef(nnx.eval_shape(partial(Network, network, dtype)))
            for name, network in workload.networks.items()
        }

    def drawn_by(self, unit: Unit, draws: Draws) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """(what the phases draw in all repetitions, what they share)."""
        own = {key: draws[key] for phase in unit for key in self._drawn[phase.name]}
        shared = {key: draws[key][0] for phase in unit for key in self._shared[phase.name]}
        return own, shared

    def reused_by(self, unit: Unit, kept: Draws) -> dict[str, Tensor]:
        """What the phases reuse of what other units gave."""
        return {key: kept[key] for key in self._reused[unit[0].name] if key in kept}

    def update(
        self, unit: Unit, state: states.State, kept: Draws, draws: Draws
    ) -> tuple[states.State, Metrics, Draws]:
        """(state after the steps, metrics, outputs that other units reuse)."""
        metrics: Metrics = {}
        passes: dict[str, Pass] = {}
        for group in self.groups[unit[0].name]:
            for phase in group:
                state, passes = self._passed(phase, state, passes, kept, draws)
                metrics |= passes[phase.name].metrics
            for phase in group:
                state = self.apply(phase, state, passes[phase.name].gradients)
        outputs = {
            f"{phase.name}/{name}": passes[phase.name].outputs[name]
            for phase in unit
            for name in self._values[phase.name]
        }
        return state, metrics, outputs

    def until(self, name: str, state: states.State, draws: Draws) -> tuple[Metrics, states.Trees]:
        """(metrics, gradients) of a phase behind those before it in an iteration."""
        kept: Draws = {}
        for unit in self.units:
            own, shared = self.drawn_by(unit, draws)
            for i in range(unit[0].repeat):
                given = {key: value[i] for key, value in own.items()} | shared
                if i == unit[0].repeat - 1 and any(phase.name == name for phase in unit):
                    return self._within(name, unit, state, kept, given)
                state, _, outputs = self.update(unit, state, kept, given)
            kept = {**kept, **outputs}
        raise KeyError(name)

    def alone(
        self, phase: Phase, state: states.State, seen: Draws, draws: Draws
    ) -> tuple[Metrics, states.Trees]:
        """(metrics, gradients) of a phase that needs no other."""
        found = self.differentiate(phase, state, seen, draws)
        if found.pull is None:
            return found.metrics, found.gradients
        one = jnp.ones_like(found.metrics[f"{phase.name}_loss"])
        return found.metrics, self._back(phase.name, {phase.name: found}, one, {}, phase.updates)

    def differentiate(self, phase: Phase, state: states.State, seen: Draws, draws: Draws) -> Pass:
        """A phase's forwards and its gradients; where phases hang together, the way back instead.

        `seen` is what it reuses.
        """

        def alone(moving: states.Trees) -> Any:
            loss, _, beside = self._loss(phase, state, moving, seen, draws)
            return loss, beside

        def hanging(moving: states.Trees, open_: Draws) -> Any:
            loss, graphs, beside = self._loss(phase, state, moving, {**seen, **open_}, draws)
            return (loss, graphs), beside

        if phase.name not in self._chained:
            moving = states.moving(state.parameters, phase.updates)
            gradients, (metrics, (kept, pools, told)) = jax.grad(alone, has_aux=True)(moving)
            return Pass(metrics, gradients, kept, pools, told, None)
        through = {step.network: state.parameters[step.network] for step in phase.forwards}
        open_ = {name: seen[name] for name, r in phase.reuse.items() if r.form == "graph"}
        _, pull, (metrics, (kept, pools, told)) = jax.vjp(hanging, through, open_, has_aux=True)
        return Pass(metrics, {}, kept, pools, told, pull)

    def apply(self, phase: Phase, state: states.State, gradients: states.Trees) -> states.State:
        """The state after one step of the phase's optimizer."""
        name, slots, steps = phase.optimizer, state.slots, state.steps
        moving = states.moving(state.parameters, phase.updates)
        rate = (self.workload.schedule, self._paces[name], steps.get(name), self._dtype)
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

    def move_averages(self, averages: states.Trees, parameters: states.Trees) -> states.Trees:
        """The moving averages after an iteration."""
        return {
            name: optax.incremental_update(parameters[name], averages[name], step_size=1.0 - decay)
            for name, decay in self.workload.averages.items()
        }

    def call(
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
        module = nnx.merge(self._networks[network], parameters, statistics, copy=True)
        made = module(inputs, masks, train=train)
        return made, nnx.to_pure_dict(nnx.state(module, nnx.BatchStat))

    def _loss(
        self, phase: Phase, state: states.State, moving: states.Trees, seen: Draws, draws: Draws
    ) -> tuple[Tensor, Draws, Any]:
        """(loss, outputs that hang together, what is beside them) where parameters `moving` are."""
        values, kept = state.parameters | moving, state.statistics
        outputs = {name: draws[key] for name, key in self._keys[phase.name].items()} | {**seen}
        before = self._mixed_before[phase.name]
        mixed, pools = _mixed(phase, state.pools, before, outputs, draws)
        outputs |= mixed
        whole = dict(outputs)
        for route in self.routes[phase.name]:
            step, name = route.forward, route.forward.network
            fed = {port: [outputs[key] for key in keys] for port, keys in route.given.items()}
            masks = {layer: _joined([draws[k] for k in of]) for layer, of in route.masks.items()}
            x = {port: _joined(batches) for port, batches in fed.items()}
            given = (name, values[name], kept[name], x, masks)
            made, own = self.call(*given, train=step.mode == "train")
            kept = kept | {name: own}
            edges = list(accumulate(len(batch) for batch in next(iter(fed.values()))))[:-1]
            for port, names in route.made.items():
                whole |= dict(zip(names, jnp.split(made[port], edges), strict=True))
                y = lax.stop_gradient(made[port]) if step.detach else made[port]
                outputs |= dict(zip(names, jnp.split(y, edges), strict=True))
            mixed, pools = _mixed(phase, pools, route.mixed, outputs, draws)
            outputs, whole = outputs | mixed, whole | mixed
        loss = sum(TERMS[term.kind](term, outputs) for term in phase.losses)
        reported = {name: sigmoid(outputs[of]).mean() for name, of in phase.metrics.items()}
        graphs = {name: whole[name] for name in self._graphs[phase.name]}
        told = graphs | {name: whole[name] for name in self._values[phase.name]}
        return loss, graphs, ({f"{phase.name}_loss": loss} | reported, (kept, pools, told))

    def _passed(
        self,
        phase: Phase,
        state: states.State,
        passes: dict[str, Pass],
        kept: Draws,
        draws: Draws,
    ) -> tuple[states.State, dict[str, Pass]]:
        """(state with the statistics and pools after a phase, passes with this one)."""
        seen = {
            name: passes[reuse.phase].outputs[reuse.output]
            if reuse.phase in passes
            else kept[f"{reuse.phase}/{reuse.output}"]
            for name, reuse in phase.reuse.items()
        }
        found = self.differentiate(phase, state, seen, draws)
        if found.pull is not None:
            passes = {**passes, phase.name: found}
            one = jnp.ones_like(found.metrics[f"{phase.name}_loss"])
            found = found._replace(gradients=self._back(phase.name, passes, one, {}, phase.updates))
        after = state._replace(statistics=found.statistics, pools=found.pools)
        return after, {**passes, phase.name: found}

    def _back(
        self,
        name: str,
        passes: Mapping[str, Pass],
        of_loss: Tensor,
        of_outputs: Draws,
        networks: tuple[str, ...],
    ) -> states.Trees:
        """What comes back to these networks from a phase's loss and outputs, through all phases."""
        outputs, pull = passes[name].outputs, passes[name].pull
        assert pull is not None
        asked = {
            key: of_outputs.get(key, jnp.zeros_like(outputs[key])) for key in self._graphs[name]
        }
        own, behind = pull((of_loss, asked))
        found = {network: own[network] for network in networks if network in own}
        for key, gradient in behind.items():
            reuse = self._phases[name].reuse[key]
            if reuse.phase not in passes:  # given from outside
                continue
            further = (reuse.phase, passes, jnp.zeros_like(of_loss), {reuse.output: gradient})
            for network, tree in self._back(*further, networks).items():
                found[network] = (
                    jax.tree.map(jnp.add, found[network], tree) if network in found else tree
                )
        return found

    def _within(
        self, name: str, unit: Unit, state: states.State, kept: Draws, draws: Draws
    ) -> tuple[Metrics, states.Trees]:
        """(metrics, gradients) of a phase of a unit, before its step."""
        passes: dict[str, Pass] = {}
        for group in self.groups[unit[0].name]:
            for phase in group:
                state, passes = self._passed(phase, state, passes, kept, draws)
                if phase.name == name:
                    return passes[name].metrics, passes[name].gradients
            for phase in group:
                state = self.apply(phase, state, passes[phase.name].gradients)
        raise KeyError(name)


def _mixed(
    phase: Phase,
    pools: dict[str, states.Pool],
    of_pools: Mapping[str, Pool],
    outputs: Draws,
    draws: Draws,
) -> tuple[dict[str, Tensor], dict[str, states.Pool]]:
    """(what was made mixed with its pools, the pools after it): a gather and a scatter."""
    found = {}
    for name, of in of_pools.items():
        key = f"{phase.name}/{name}"
        (samples, count), new = pools[key], lax.stop_gradient(outputs[of.of])
        places, filling = count + jnp.arange(len(new)), count < of.size
        slots = jnp.where(filling, places % of.size, draws[of.slot(phase.name, name)])
        swaps = draws[of.swap(phase.name, name)] > 0.5
        old = samples[slots]
        found[name] = jnp.where(_beside(swaps & ~filling, new), old, new)
        written = _beside(jnp.where(filling, places < of.size, swaps), new)
        samples = samples.at[slots].set(jnp.where(written, new, old))
        count = jnp.minimum(count + len(new), of.size).astype(count.dtype)
        pools = pools | {key: (samples, count)}
    return found, pools


def _beside(flags: Tensor, samples: Tensor) -> Tensor:
    """Flags (batch,) as they go with samples (batch, ...)."""
    return flags.reshape(-1, *[1] * (samples.ndim - 1))


def _joined(batches: list[Tensor]) -> Tensor:
    """Batches one after the other."""
    return jnp.concatenate(batches) if len(batches) > 1 else batches[0]


def _clip(phase: Phase, when: str, trees: states.Trees) -> states.Trees:
    if phase.clip is None or phase.clip.when != when:
        return trees
    limit = phase.clip.limit
    return jax.tree.map(lambda tensor: jnp.clip(tensor, -limit, limit), trees)
