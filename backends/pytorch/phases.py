"""What an iteration computes in PyTorch: forwards, gradients by autograd.grad, steps, in place."""

import copy
from collections.abc import Mapping
from typing import NamedTuple

import torch
from torch import Tensor

from backends.pytorch import optimizers
from backends.pytorch import state as states
from backends.pytorch.losses import TERMS
from backends.pytorch.networks import Network
from spec.flow import groups, reused, units
from spec.phases import Phase, Pool
from spec.state import parameters
from spec.workload import Workload

Draws = Mapping[str, Tensor]
Metrics = dict[str, Tensor]
Unit = tuple[Phase, ...]


class Pass(NamedTuple):
    """What a phase's forwards gave."""

    metrics: Metrics
    gradients: list[Tensor]
    """Of what the phase moves, in order."""
    outputs: dict[str, Tensor]
    """Those that later phases reuse, with their graph; nothing keeps a gradient from them."""


class Phases:
    """The phases of one workload."""

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
        phases = {phase.name: phase for phase in workload.phases}
        self._again = {
            phase.name
            for unit in self.units
            for phase in unit[:-1]
            if self._graphs[phase.name] or any(r.form == "graph" for r in phase.reuse.values())
        }
        """Phases whose graph, or one that they reuse, a later one may go through too."""
        self._keys = {name: workload.draw_keys(phase) for name, phase in phases.items()}
        self._drawn = {name: workload.drawn(phase) for name, phase in phases.items()}
        self._shared = {name: workload.shared_keys(phase) for name, phase in phases.items()}
        self.routes = {name: workload.routes(phase) for name, phase in phases.items()}
        self._mixed_before = {n: workload.mixed_before(phase) for n, phase in phases.items()}
        self.moving = {
            name: tuple(parameters(workload, phase.updates)) for name, phase in phases.items()
        }
        self._averaged = [
            (decay, tuple(parameters(workload, (name,))))
            for name, decay in workload.averages.items()
        ]
        self._paces = {name: workload.pace(name) for name in workload.optimizers}

    def drawn_by(self, unit: Unit, draws: Draws, i: int) -> Draws:
        """What the phases draw in one repetition, and what they share."""
        given: dict[str, Tensor] = {}
        for phase in unit:
            given |= {key: draws[key][i] for key in self._drawn[phase.name]}
            given |= {key: draws[key][0] for key in self._shared[phase.name]}
        return given

    def reused_by(self, unit: Unit, kept: Draws) -> dict[str, Tensor]:
        """What the phases reuse of what other units gave."""
        return {key: kept[key] for key in self._reused[unit[0].name] if key in kept}

    def update(
        self, unit: Unit, state: states.State, kept: Draws, draws: Draws, until: str | None = None
    ) -> tuple[Metrics, dict[str, Tensor], list[Tensor]]:
        """(metrics, outputs that other units reuse, nothing); moves what it is given in place.

        With `until` only as far as that phase: its metrics and its gradients, before its step.
        """
        metrics: Metrics = {}
        passes: dict[str, Pass] = {}
        for group in self.groups[unit[0].name]:
            for phase in group:
                seen = self._seen(phase, passes, kept)
                found = passes[phase.name] = self.differentiate(phase, state, seen, draws)
                if phase.name == until:
                    return found.metrics, {}, found.gradients
                metrics |= found.metrics
            for phase in group:
                self.apply(phase, state, passes[phase.name].gradients)
        outputs = {
            f"{phase.name}/{name}": passes[phase.name].outputs[name].detach()
            for phase in unit
            for name in self._values[phase.name]
        }
        return metrics, outputs, []

    def until(self, name: str, state: states.State, draws: Draws) -> tuple[Metrics, list[Tensor]]:
        """The phases of an iteration as far as this one, on copies: what that one gave."""
        state = copy.deepcopy(state)
        kept: dict[str, Tensor] = {}
        for unit in self.units:
            wanted = any(phase.name == name for phase in unit)
            for i in range(unit[0].repeat):
                until = name if wanted and i == unit[0].repeat - 1 else None
                found = self.update(unit, state, kept, self.drawn_by(unit, draws, i), until)
            if wanted:
                return found[0], found[2]
            kept |= found[1]
        raise KeyError(name)

    def differentiate(
        self, phase: Phase, state: states.State, seen: Mapping[str, Tensor], draws: Draws
    ) -> Pass:
        """A phase's forwards and its gradients; keeps the running statistics and pools in place.

        `seen` is what it reuses.
        """
        outputs = {name: draws[key] for name, key in self._keys[phase.name].items()} | {**seen}
        outputs |= _mixed(phase, state.pools, self._mixed_before[phase.name], outputs, draws)
        whole, kept, networks = dict(outputs), self._graphs[phase.name], state.networks
        for route in self.routes[phase.name]:
            given = {port: [outputs[name] for name in names] for port, names in route.given.items()}
            masks = {name: _joined([draws[key] for key in of]) for name, of in route.masks.items()}
            step = route.forward
            network = networks[step.network].train(step.mode == "train")
            closed = step.detach and set(kept).isdisjoint(route.writes)
            with torch.set_grad_enabled(not closed):
                made = network({port: _joined(of) for port, of in given.items()}, masks)
            sizes = [len(batch) for batch in next(iter(given.values()))]
            for port, names in route.made.items():
                own = dict(zip(names, torch.split(made[port], sizes), strict=True))
                whole |= own
                outputs |= (
                    {n: y.detach() for n, y in own.items()} if step.detach and not closed else own
                )
            mixed = _mixed(phase, state.pools, route.mixed, outputs, draws)
            outputs, whole = outputs | mixed, whole | mixed
        loss = sum(TERMS[term.kind](term, outputs) for term in phase.losses)
        moving = states.moving(networks, self.moving[phase.name])
        gradients = torch.autograd.grad(
            loss,
            moving,
            create_graph=False,
            allow_unused=True,  # another head's parameters: zero, as everywhere
            materialize_grads=True,
            retain_graph=phase.name in self._again,
        )
        metrics = {f"{phase.name}_loss": loss.detach()} | {
            name: torch.sigmoid(outputs[logits].detach()).mean()
            for name, logits in phase.metrics.items()
        }
        return Pass(metrics, list(gradients), whole)

    def apply(self, phase: Phase, state: states.State, gradients: list[Tensor]) -> None:
        """One step of the phase's optimizer."""
        moving, name = self.moving[phase.name], phase.optimizer
        tensors, step = states.moving(state.networks, moving), state.steps.get(name)
        _clip(phase, "before_step", tensors)
        optimizers.apply(
            self.workload.optimizers[name],
            optimizers.rate_factor(self.workload.schedule, self._paces[name], step),
            tensors,
            gradients,
            {slot: [of[k] for k in moving] for slot, of in state.slots[name].items()},
            step,
        )
        _clip(phase, "after_step", tensors)

    def move_averages(self, networks: dict[str, Network], averages: dict[str, Network]) -> None:
        """The moving averages move towards the parameters."""
        with torch.no_grad():
            for decay, keys in self._averaged:
                moved, towards = states.moving(averages, keys), states.moving(networks, keys)
                for average, parameter in zip(moved, towards, strict=True):
                    average.lerp_(parameter, 1.0 - decay)

    def _seen(self, phase: Phase, passes: Mapping[str, Pass], kept: Draws) -> dict[str, Tensor]:
        """What a phase reuses, by its own names: a value, or a tensor with its graph."""
        seen = {}
        for name, reuse in phase.reuse.items():
            if reuse.phase in passes:
                found = passes[reuse.phase].outputs[reuse.output]
                seen[name] = found if reuse.form == "graph" else found.detach()
            else:
                seen[name] = kept[f"{reuse.phase}/{reuse.output}"]
        return seen


def _mixed(
    phase: Phase,
    pools: dict[str, states.Pool],
    of_pools: Mapping[str, Pool],
    outputs: Mapping[str, Tensor],
    draws: Draws,
) -> dict[str, Tensor]:
    """What was made mixed with its pools, which it changes in place: a gather and a scatter."""
    found = {}
    for name, of in of_pools.items():
        (samples, count), new = pools[f"{phase.name}/{name}"], outputs[of.of].detach()
        places = torch.arange(len(new), device=new.device) + count
        filling = count < of.size
        slots = torch.where(filling, places % of.size, draws[of.slot(phase.name, name)])
        swaps = draws[of.swap(phase.name, name)] > 0.5
        old = samples[slots]
        exchanged = _beside(swaps & ~filling, new)
        found[name] = torch.where(exchanged, old, new)
        written = _beside(torch.where(filling, places < of.size, swaps), new)
        samples[slots] = torch.where(written, new, old)
        count.copy_(torch.clamp(count + len(new), max=of.size))
    return found


def _beside(flags: Tensor, samples: Tensor) -> Tensor:
    """Flags (batch,) as they go with samples (batch, ...)."""
    return flags.reshape(-1, *[1] * (samples.dim() - 1))


def _joined(batches: list[Tensor]) -> Tensor:
    """Batches one after the other."""
    return torch.cat(batches) if len(batches) > 1 else batches[0]


def _clip(phase: Phase, when: str, tensors: list[Tensor]) -> None:
    if phase.clip is not None and phase.clip.when == when:
        with torch.no_grad():
            for tensor in tensors:
                tensor.clamp_(-phase.clip.limit, phase.clip.limit)
