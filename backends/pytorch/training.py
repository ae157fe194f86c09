"""One iteration in PyTorch: modules, autograd.grad, torch's optimizers; eager or one graph."""

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
from backends.pytorch.losses import TERMS
from backends.pytorch.networks import Network
from spec.flow import groups, needs_iteration, reused, units
from spec.phases import Phase
from spec.randomness import require_classes
from spec.state import parameters
from spec.workload import Workload

Draws = Mapping[str, Tensor]
Metrics = dict[str, Tensor]


class Program:
    """One workload made ready in PyTorch."""

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
        self._keys = {name: workload.draw_keys(phase) for name, phase in self.phases.items()}
        self._drawn = {name: workload.drawn(phase) for name, phase in self.phases.items()}
        self._shared = {name: workload.shared_keys(phase) for name, phase in self.phases.items()}
        self._masks = {name: workload.mask_keys(phase) for name, phase in self.phases.items()}
        self._shapes = {key: draw.source.shape for key, draw in self._table.items()}
        self.optimizer_origin: Literal["native", "own"] = max(
            map(optimizers.origin, workload.optimizers.values()), default="native"
        )
        self._moving = {
            name: tuple(parameters(workload, phase.updates)) for name, phase in self.phases.items()
        }
        self._averaged = [
            (decay, tuple(parameters(workload, (name,))))
            for name, decay in workload.averages.items()
        ]
        self._updates_of = {name: workload.updates_of(name) for name in workload.optimizers}
        self._like = torch.empty(
            (), dtype=device.DTYPES[settings.precision], device=settings.device
        )
        wrap: Callable[[Any], Any] = (lambda f: f) if settings.mode == "eager" else _compiled
        # One dispatch an iteration; one an update where a phase repeats.
        whole = workload.updates_per_iteration == len(workload.phases)
        updates = [partial(self._update, unit) for unit in self._units]
        self._updates = updates if whole else [wrap(update) for update in updates]
        self._step = wrap(self._iteration) if whole else self._iteration
        self._average = self._move_averages if whole else wrap(self._move_averages)
        self._generate = wrap(_generate)
        # And one a chunk, where a graph of these is replayed: of the state that was last seen.
        self._steps = self._replay if settings.mode == "multistep" else self._loop
        self._captured: states.State | None = None
        self._graphs: dict[tuple[torch.Size, ...], ChunkGraph] = {}

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
        networks = copy.deepcopy(state.networks)  # keeps the statistics
        given = self._given(draws)
        if not needs_iteration(self.phases[phase], reused):
            values = self._reused(phase, reused or {})
            metrics, gradients, _ = self._differentiate(self.phases[phase], networks, values, given)
        else:
            metrics, gradients = self._until(phase, state, networks, given)
        by_key = dict(zip(self._moving[phase], gradients, strict=True))
        return _floats(metrics), states.to_arrays(self.workload, by_key)

    def update(
        self, state: states.State, phase: str, gradients: Mapping[str, Array]
    ) -> states.State:
        given = states.from_arrays(self.workload, gradients, self._like.dtype, self.settings.device)
        moving = [given[key] for key in self._moving[phase]]
        self._apply(self.phases[phase], state.networks, state.slots, state.steps, moving)
        return state

    def train_step(
        self, state: states.State, draws: Mapping[str, Array]
    ) -> tuple[states.State, dict[str, float]]:
        chunk = {key: value.unsqueeze(0) for key, value in self._given(draws).items()}
        return state, _floats(self._steps(state, chunk))

    def run(
        self, state: states.State, data: dict[str, Tensor], seed: int, n: int, first: int = 0
    ) -> tuple[states.State, Metrics]:
        rows = [self._steps(state, chunk) for chunk in self.chunks(data, seed, n, first)]
        return state, {name: torch.cat([row[name] for row in rows]) for name in rows[0]}

    def chunks(
        self, data: dict[str, Tensor], seed: int, n: int, first: int = 0
    ) -> Iterator[dict[str, Tensor]]:
        batch, chunk = self.workload.schedule.batch_size, self.settings.chunk
        return device_draws.chunks(self._table, data, batch, seed, first, n, chunk, self._like)

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

    def _loop(self, state: states.State, chunk: Draws) -> Metrics:
        """The iterations of a chunk, dispatched from Python."""
        rows = []
        for i in range(len(next(iter(chunk.values())))):
            given = {key: value[i] for key, value in chunk.items()}
            rows.append(self._step(state.networks, state.averages, state.slots, state.steps, given))
            state.iteration += 1
        return {name: torch.stack([row[name] for row in rows]) for name in rows[0]}

    def _replay(self, state: states.State, chunk: Draws) -> Metrics:
        """The iterations of a chunk in one graph on the device."""
        if self._captured is not state:
            self._captured, self._graphs = state, {}
        # Of other lengths, and of an epoch's last, smaller batch, there are other graphs.
        shapes = tuple(value.shape for value in chunk.values())
        if shapes not in self._graphs:
            of = (state.networks, state.averages, state.slots, state.steps)
            self._graphs[shapes] = ChunkGraph(partial(self._step, *of), state, chunk)
        state.iteration += len(next(iter(chunk.values())))
        return self._graphs[shapes](chunk)

    def _iteration(
        self,
        networks: dict[str, Network],
        averages: dict[str, Network],
        slots: states.Slots,
        steps: dict[str, Tensor],
        draws: Draws,
    ) -> Metrics:
        metrics: Metrics = {}
        kept: dict[str, Tensor] = {}
        for unit, update in zip(self._units, self._updates, strict=True):
            for i in range(unit[0].repeat):  # of several phases it is once
                given = self._drawn_by(unit, draws, i)
                reported, outputs, _ = update(networks, slots, steps, kept, given)
            metrics |= reported
            kept |= outputs
        self._average(networks, averages)
        return metrics

    def _drawn_by(self, unit: tuple[Phase, ...], draws: Draws, i: int) -> Draws:
        """What the phases draw in one repetition, and what they share."""
        given: dict[str, Tensor] = {}
        for phase in unit:
            given |= {key: draws[key][i] for key in self._drawn[phase.name]}
            given |= {key: draws[key][0] for key in self._shared[phase.name]}
        return given

    def _move_averages(self, networks: dict[str, Network], averages: dict[str, Network]) -> None:
        with torch.no_grad():
            for decay, keys in self._averaged:
                moved, towards = states.moving(averages, keys), states.moving(networks, keys)
                for average, parameter in zip(moved, towards, strict=True):
                    average.lerp_(parameter, 1.0 - decay)

    def _update(
        self,
        unit: tuple[Phase, ...],
        networks: dict[str, Network],
        slots: states.Slots,
        steps: dict[str, Tensor],
        kept: Draws,
        draws: Draws,
        until: str | None = None,
    ) -> tuple[Metrics, dict[str, Tensor], list[Tensor]]:
        """(metrics, outputs that other units reuse, nothing); moves what it is given in place.

        With `until` only as far as that phase: its metrics and its gradients, before its step.
        """
        metrics: Metrics = {}
        passes: dict[str, dict[str, Tensor]] = {}
        for group in groups(unit):
            pending = []
            for phase in group:
                seen = self._seen(phase, passes, kept)
                reported, gradients, passes[phase.name] = self._differentiate(
                    phase, networks, seen, draws
                )
                if phase.name == until:
                    return reported, {}, gradients
                metrics |= reported
                pending.append((phase, gradients))
            for phase, gradients in pending:
                self._apply(phase, networks, slots, steps, gradients)
        outputs = {
            f"{phase.name}/{name}": passes[phase.name][name].detach()
            for phase in unit
            for name in self._values[phase.name]
        }
        return metrics, outputs, []

    def _seen(
        self, phase: Phase, passes: Mapping[str, Mapping[str, Tensor]], kept: Draws
    ) -> dict[str, Tensor]:
        """What a phase reuses, by its own names: a value, or a tensor with its graph."""
        seen = {}
        for name, reuse in phase.reuse.items():
            if reuse.phase in passes:
                found = passes[reuse.phase][reuse.output]
                seen[name] = found if reuse.form == "graph" else found.detach()
            else:
                seen[name] = kept[f"{reuse.phase}/{reuse.output}"]
        return seen

    def _until(
        self, name: str, state: states.State, networks: dict[str, Network], draws: Draws
    ) -> tuple[Metrics, list[Tensor]]:
        """The phases of an iteration as far as this one, on copies: what that one gave."""
        slots, steps = copy.deepcopy((state.slots, state.steps))
        kept: dict[str, Tensor] = {}
        for unit in self._units:
            wanted = any(phase.name == name for phase in unit)
            for i in range(unit[0].repeat):
                until = name if wanted and i == unit[0].repeat - 1 else None
                given = self._drawn_by(unit, draws, i)
                found = self._update(unit, networks, slots, steps, kept, given, until)
            if wanted:
                return found[0], found[2]
            kept |= found[1]
        raise KeyError(name)

    def _apply(
        self,
        phase: Phase,
        networks: dict[str, Network],
        slots: states.Slots,
        steps: dict[str, Tensor],
        gradients: list[Tensor],
    ) -> None:
        moving = self._moving[phase.name]
        tensors = states.moving(networks, moving)
        name, step = phase.optimizer, steps.get(phase.optimizer)
        updates = self._updates_of[name]
        _clip(phase, "before_step", tensors)
        optimizers.apply(
            self.workload.optimizers[name],
            optimizers.rate_factor(self.workload.schedule, updates, step),
            tensors,
            gradients,
            {slot: [of[k] for k in moving] for slot, of in slots[name].items()},
            step,
        )
        _clip(phase, "after_step", tensors)

    def _differentiate(
        self,
        phase: Phase,
        networks: dict[str, Network],
        seen: Mapping[str, Tensor],
        draws: Draws,
    ) -> tuple[Metrics, list[Tensor], dict[str, Tensor]]:
        """(metrics, gradients of what the phase moves, its outputs with their graph).

        `seen` is what it reuses. Keeps the running statistics in place.
        """
        outputs = {name: draws[key] for name, key in self._keys[phase.name].items()} | {**seen}
        whole, kept = dict(outputs), self._graphs_of[phase.name]
        for step, keys in zip(phase.forwards, self._masks[phase.name], strict=True):
            given = {port: [outputs[name] for name in names] for port, names in step.given.items()}
            masks = {name: _joined([draws[key] for key in of]) for name, of in keys.items()}
            network = networks[step.network].train(step.mode == "train")
            closed = step.detach and set(kept).isdisjoint(step.writes)
            with torch.set_grad_enabled(not closed):
                made = network({port: _joined(of) for port, of in given.items()}, masks)
            sizes = [len(batch) for batch in next(iter(given.values()))]
            for port, names in step.made.items():
                parts = dict(zip(names, torch.split(made[port], sizes), strict=True))
                whole |= parts
                outputs |= {n: y.detach() if step.detach else y for n, y in parts.items()}
        loss = sum(TERMS[term.kind](term, outputs) for term in phase.losses)
        moving = states.moving(networks, self._moving[phase.name])
        gradients = torch.autograd.grad(
            loss, moving, create_graph=False, allow_unused=False, retain_graph=bool(kept)
        )
        metrics = {f"{phase.name}_loss": loss.detach()} | {
            name: torch.sigmoid(outputs[logits].detach()).mean()
            for name, logits in phase.metrics.items()
        }
        return metrics, list(gradients), whole

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
        shapes, given = of.taken, of.by_name(inputs)
        require_classes(of.classes, given)
        return {
            name: states.from_canonical(array, shapes[name], self._like)
            for name, array in given.items()
        }

    def _numpy(self, network: str, outputs: Mapping[str, Tensor]) -> Array | Arrays:
        of = self.workload.networks[network]
        shapes = of.made
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


def _joined(batches: list[Tensor]) -> Tensor:
    """Batches one after the other."""
    return torch.cat(batches) if len(batches) > 1 else batches[0]


def _clip(phase: Phase, when: str, tensors: list[Tensor]) -> None:
    if phase.clip is not None and phase.clip.when == when:
        with torch.no_grad():
            for tensor in tensors:
                tensor.clamp_(-phase.clip.limit, phase.clip.limit)


def _generate(network: Network, inputs: dict[str, Tensor]) -> dict[str, Tensor]:
    with torch.no_grad():
        return network.eval()(inputs, {})


def _floats(metrics: Metrics) -> dict[str, float]:
    return {name: float(value) for name, value in metrics.items()}
