"""One iteration, written for reading: phases in order, each a loss, its gradient and a step."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import autograd.numpy as np
from autograd import value_and_grad
from autograd.tracer import getval

from backends.protocol import Array, Arrays, Settings, require_supported
from backends.reference import draws as device_draws
from backends.reference import optimizers
from backends.reference import state as states
from backends.reference.device import block_until_ready
from backends.reference.losses import TERMS
from backends.reference.networks import forward, sigmoid
from spec.flow import groups, makers, needs_iteration, running
from spec.phases import Forward, Phase, Reuse
from spec.randomness import blocks, by_iteration, require_classes, whole_periods
from spec.state import parameters
from spec.workload import Workload


@dataclass
class Pass:
    """What a phase is given, and what it knew in the end."""

    state: Arrays
    draws: Mapping[str, Array]
    reused: Arrays = field(default_factory=dict)
    """Values given from outside, by their names in the phase."""
    earlier: dict[str, "Pass"] = field(default_factory=dict)
    """Of the phases before it."""
    outputs: Arrays = field(default_factory=dict)


@dataclass
class Found:
    """What a phase gave: and the state, after its step where it was made."""

    metrics: dict[str, float]
    gradients: Arrays
    statistics: Arrays
    state: Arrays


class Program:
    """One workload made ready in NumPy."""

    optimizer_origin: Literal["native", "own"] = "own"

    def __init__(self, workload: Workload, settings: Settings) -> None:
        require_supported(workload)
        self.workload, self.settings = workload, settings
        self.value_and_grad: Callable[..., Any] = value_and_grad
        self.phases = {phase.name: phase for phase in workload.phases}
        self._classes = workload.classes()
        self._table = workload.draw_table()
        self._keys = {name: workload.draw_keys(phase) for name, phase in self.phases.items()}
        self._drawn = {name: workload.drawn(phase) for name, phase in self.phases.items()}
        self._shared = {name: workload.shared_keys(phase) for name, phase in self.phases.items()}
        self._masks = {name: workload.mask_keys(phase) for name, phase in self.phases.items()}

    def import_state(self, arrays: Mapping[str, Array]) -> Arrays:
        return states.import_state(self.workload, arrays)

    def export_state(self, state: Arrays) -> Arrays:
        return states.export_state(self.workload, state)

    def apply(
        self,
        state: Arrays,
        network: str,
        inputs: Array | Mapping[str, Array],
        *,
        train: bool,
        masks: Mapping[str, Array] | None = None,
    ) -> Array | Arrays:
        of, values = self.workload.networks[network], _within(network, state)
        require_classes(of.classes, of.by_name(inputs))
        return of.plain(forward(of, values, of.by_name(inputs), masks or {}, train=train)[0])

    def losses_and_gradients(
        self,
        state: Arrays,
        phase: str,
        draws: Mapping[str, Array],
        reused: Mapping[str, Array] | None = None,
    ) -> tuple[dict[str, float], Arrays]:
        require_classes(self._classes, draws)
        if not needs_iteration(self.phases[phase], reused):
            found = self._differentiate(self.phases[phase], Pass(state, draws, dict(reused or {})))
            return found.metrics, found.gradients
        *_, last = self._through(state, draws, 0, phase)
        return last.metrics, last.gradients

    def update(self, state: Arrays, phase: str, gradients: Mapping[str, Array]) -> Arrays:
        phase_ = self.phases[phase]
        state = self._clip(phase_, "before_step", state)
        state = optimizers.apply(self.workload, phase_.optimizer, state, gradients)
        return self._clip(phase_, "after_step", state)

    def train_step(
        self, state: Arrays, draws: Mapping[str, Array], iteration: int = 0
    ) -> tuple[Arrays, dict[str, float]]:
        require_classes(self._classes, draws)
        metrics: dict[str, float] = {}
        for found in self._through(state, draws, iteration):
            metrics |= found.metrics
            state = found.state
        state = self._average(state)
        return state | {"iteration": state["iteration"] + 1}, metrics

    def _through(
        self, state: Arrays, draws: Mapping[str, Array], iteration: int, until: str | None = None
    ) -> Iterator["Found"]:
        """Each repetition of each phase that runs, as far as this one: gradients, and the state.

        Of phases that are taken together the last one's state is that after all of their steps.
        """
        passes: dict[str, Pass] = {}
        for group in groups(running(self.workload.phases, iteration)):
            pending = []
            for phase in group:
                for i in range(phase.repeat):
                    given = {key: draws[key][i] for key in self._drawn[phase.name]}
                    given |= {key: draws[key][0] for key in self._shared[phase.name]}
                    one = Pass(state, given, earlier=passes)
                    found = self._differentiate(phase, one)
                    passes = {**passes, phase.name: one}
                    state = state | found.statistics
                    pending.append((phase.name, found.gradients))
                    if phase is group[-1]:
                        for name, gradients in pending:
                            state = self.update(state, name, gradients)
                        pending = []
                    found.state = state
                    yield found
                if phase.name == until:
                    return

    def run(
        self, state: Arrays, data: Any, seed: int, n: int, first: int = 0
    ) -> tuple[Arrays, Any]:
        rows: dict[str, list[float]] = {}
        length = self._block()
        parts = zip(blocks(first, n, length), self.chunks(data, seed, n, first), strict=True)
        for (number, low, high), chunk in parts:
            start = number * length + low
            for i, draws in enumerate(by_iteration(self._table, chunk, start, high - low)):
                state, metrics = self.train_step(state, draws, start + i)
                for name, value in metrics.items():
                    rows.setdefault(name, []).append(value)
        return state, {name: np.array(values) for name, values in rows.items()}

    def chunks(self, data: Any, seed: int, n: int, first: int = 0) -> Iterator[Arrays]:
        return device_draws.chunks(self.workload, data, seed, first, n, self._block())

    def draws(self, data: Any, seed: int, n: int, first: int = 0) -> Iterator[Arrays]:
        return self.chunks(data, seed, n, first)

    def place(self, arrays: Mapping[str, Array]) -> Any:
        require_classes(self._classes, arrays)
        return dict(arrays)

    def generate(
        self, state: Arrays, network: str, inputs: Array | Mapping[str, Array]
    ) -> Array | Arrays:
        averaged = {
            key: state[f"average/{key}"]
            for key in parameters(self.workload, (network,))
            if network in self.workload.averages
        }
        return self.apply(state | averaged, network, inputs, train=False)

    def block_until_ready(self, tree: Any) -> None:
        block_until_ready(tree)

    def _block(self) -> int:
        """How many iterations draws are made at a time."""
        return whole_periods(self.settings.chunk, self.workload.period)

    def _average(self, state: Arrays) -> Arrays:
        """The state after the moving averages have moved towards the parameters."""
        averages = {}
        for network, decay in self.workload.averages.items():
            for key in parameters(self.workload, (network,)):
                kept = decay * state[f"average/{key}"]
                averages[f"average/{key}"] = kept + (1.0 - decay) * state[key]
        return state | averages

    def _clip(self, phase: Phase, when: str, state: Arrays) -> Arrays:
        if phase.clip is None or phase.clip.when != when:
            return state
        limit, keys = phase.clip.limit, parameters(self.workload, phase.updates)
        return state | {key: np.clip(state[key], -limit, limit) for key in keys}

    def _differentiate(self, phase: Phase, one: "Pass") -> "Found":
        """Metrics, gradients by parameter key, and running statistics after the forwards."""
        seen: dict[str, Any] = {}

        def loss(moving: Arrays) -> Array:
            outputs, statistics = self._outputs(phase, one, moving)
            seen["statistics"] = statistics
            # What later phases reuse are these numbers, whatever moves.
            one.outputs = {name: getval(value) for name, value in outputs.items()}
            seen["metrics"] = {
                name: float(np.mean(sigmoid(getval(outputs[logits]))))
                for name, logits in phase.metrics.items()
            }
            return sum(TERMS[term.kind](term, outputs) for term in phase.losses)

        value, gradients = self.value_and_grad(loss)(
            {key: one.state[key] for key in parameters(self.workload, phase.updates)}
        )
        metrics = {f"{phase.name}_loss": float(value)} | seen["metrics"]
        return Found(metrics, gradients, seen["statistics"], one.state)

    def _outputs(
        self, phase: Phase, one: "Pass", moving: Arrays, bare: str | None = None
    ) -> tuple[Arrays, Arrays]:
        """(all that a phase knows, running statistics) as functions of what moves.

        `bare`: an output that no detaching keeps a gradient from, since it is reused itself.
        """
        values, statistics = {**one.state, **{k: moving[k] for k in moving}}, dict[str, Any]()
        outputs: Arrays = {name: one.draws[key] for name, key in self._keys[phase.name].items()}
        for name, reuse in phase.reuse.items():
            outputs[name] = self._reused(name, reuse, one, moving)
        statistics |= self._mix(phase, one, tuple(outputs), outputs)
        for step, keys in zip(phase.forwards, self._masks[phase.name], strict=True):
            masks = {name: _joined([one.draws[key] for key in of]) for name, of in keys.items()}
            kept = self._forward(step, values, outputs, masks, bare)
            values, statistics = values | kept, statistics | kept
            statistics |= self._mix(phase, one, step.writes, outputs)
        return outputs, statistics

    def _mix(self, phase: Phase, one: "Pass", made: tuple[str, ...], outputs: Arrays) -> Arrays:
        """Mixes what was made with its pools, adds the mixtures, and returns the pools after it.

        Sample by sample, as the programs do it.
        """
        kept: Arrays = {}
        for name, pool in phase.mixed(made).items():
            key = f"pool/{phase.name}/{name}"
            samples, count = one.state[f"{key}/samples"].copy(), int(one.state[f"{key}/count"])
            filling = count < pool.size
            shown = getval(outputs[pool.of]).copy()
            swaps, slots = (one.draws[of(phase.name, name)] for of in (pool.swap, pool.slot))
            for i, sample in enumerate(getval(outputs[pool.of])):
                if filling and count < pool.size:
                    samples[count], count = sample, count + 1
                elif not filling and swaps[i]:
                    shown[i], samples[slots[i]] = samples[slots[i]].copy(), sample
            outputs[name] = shown
            kept |= {f"{key}/samples": samples, f"{key}/count": np.array(count, np.int64)}
        return kept

    def _reused(self, name: str, reuse: Reuse, one: "Pass", moving: Arrays) -> Array:
        """An earlier phase's output: as it was, or as it depends on what moves.

        The forward is made once more for that, from the numbers of then. Rows keep its graph.
        """
        if name in one.reused:
            return one.reused[name]
        earlier = one.earlier[reuse.phase]
        if reuse.form == "value":
            return earlier.outputs[reuse.output]
        maker = self.phases[reuse.phase]
        # Others may have moved since: a forward of theirs that is detached stays what it was.
        behind = makers(maker, reuse.output, self.phases)
        own = {key: moving[key] for key in moving if key.split("/")[0] in behind}
        return self._outputs(maker, earlier, own, bare=reuse.output)[0][reuse.output]

    def _forward(
        self, step: Forward, values: Arrays, outputs: Arrays, masks: Arrays, bare: str | None
    ) -> Arrays:
        """Runs one forward, adds its outputs, and returns the statistics that it keeps."""
        given = {port: [outputs[name] for name in names] for port, names in step.given.items()}
        made, kept = forward(
            self.workload.networks[step.network],
            _within(step.network, values),
            {port: _joined(batches) for port, batches in given.items()},
            masks,
            train=step.mode == "train",
        )
        edges = [0, *np.cumsum([len(batch) for batch in next(iter(given.values()))])]
        for port, names in step.made.items():
            for name, low, high in zip(names, edges, edges[1:], strict=False):
                # autograd takes its time for the derivative of a slice, even of a whole.
                y = made[port][low:high] if len(names) > 1 else made[port]
                outputs[name] = getval(y) if step.detach and name != bare else y
        # Running statistics are no path for gradients.
        return {f"{step.network}/{key}": getval(value) for key, value in kept.items()}


def _joined(batches: list[Array]) -> Array:
    """Batches one after the other."""
    return np.concatenate(batches) if len(batches) > 1 else batches[0]


def _within(network: str, values: Arrays) -> Arrays:
    prefix = f"{network}/"
    return {k.removeprefix(prefix): v for k, v in values.items() if k.startswith(prefix)}
