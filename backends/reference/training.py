"""One iteration, written for reading: phases in order, each a loss, its gradient and a step."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Literal

import autograd.numpy as np
from autograd import value_and_grad
from autograd.tracer import getval

from backends.protocol import Array, Arrays, Settings, require_supported
from backends.reference import draws as device_draws
from backends.reference import optimizers
from backends.reference import state as states
from backends.reference.device import block_until_ready
from backends.reference.networks import forward, sigmoid, softplus
from spec.phases import BinaryCrossEntropy, Forward, Hinge, LeastSquares, MeanScore, Phase
from spec.randomness import require_classes
from spec.state import parameters
from spec.workload import Workload


class Program:
    """One workload made ready in NumPy."""

    optimizer_origin: Literal["native", "own"] = "own"

    def __init__(self, workload: Workload, settings: Settings) -> None:
        require_supported(workload)
        self.workload, self.settings = workload, settings
        self.value_and_grad: Callable[..., Any] = value_and_grad
        self.phases = {phase.name: phase for phase in workload.phases}
        self._classes = workload.classes()
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
        self, state: Arrays, phase: str, draws: Mapping[str, Array]
    ) -> tuple[dict[str, float], Arrays]:
        require_classes(self._classes, draws)
        metrics, gradients, _ = self._differentiate(self.phases[phase], state, draws)
        return metrics, gradients

    def update(self, state: Arrays, phase: str, gradients: Mapping[str, Array]) -> Arrays:
        phase_ = self.phases[phase]
        state = self._clip(phase_, "before_step", state)
        state = optimizers.apply(self.workload, phase_.optimizer, state, gradients)
        return self._clip(phase_, "after_step", state)

    def train_step(
        self, state: Arrays, draws: Mapping[str, Array]
    ) -> tuple[Arrays, dict[str, float]]:
        require_classes(self._classes, draws)
        metrics: dict[str, float] = {}
        for phase in self.workload.phases:
            for i in range(phase.repeat):
                given = {key: draws[key][i] for key in self._drawn[phase.name]}
                given |= {key: draws[key][0] for key in self._shared[phase.name]}
                reported, gradients, statistics = self._differentiate(phase, state, given)
                state = self.update(state | statistics, phase.name, gradients)
            metrics |= reported
        state = self._average(state)
        return state | {"iteration": state["iteration"] + 1}, metrics

    def run(
        self, state: Arrays, data: Any, seed: int, n: int, first: int = 0
    ) -> tuple[Arrays, Any]:
        rows = []
        for chunk in self.draws(data, seed, n, first):
            for i in range(len(next(iter(chunk.values())))):
                state, metrics = self.train_step(state, {k: v[i] for k, v in chunk.items()})
                rows.append(metrics)
        return state, {name: np.array([row[name] for row in rows]) for name in rows[0]}

    def chunks(self, data: Any, seed: int, n: int, first: int = 0) -> Iterator[Arrays]:
        return device_draws.chunks(self.workload, data, seed, first, n, self.settings.chunk)

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

    def _differentiate(
        self, phase: Phase, state: Arrays, draws: Mapping[str, Array]
    ) -> tuple[dict[str, float], Arrays, Arrays]:
        """(metrics, gradients by parameter key, running statistics after the phase's forwards)."""
        seen: dict[str, Any] = {}

        def loss(moving: Arrays) -> Array:
            values = {**state, **{k: moving[k] for k in moving}}
            statistics: Arrays = {}
            outputs = {name: draws[key] for name, key in self._keys[phase.name].items()}
            for step, keys in zip(phase.forwards, self._masks[phase.name], strict=True):
                masks = {name: _joined([draws[key] for key in of]) for name, of in keys.items()}
                kept = self._forward(step, values, outputs, masks)
                values, statistics = values | kept, statistics | kept
            seen["statistics"] = statistics
            seen["metrics"] = {
                name: float(np.mean(sigmoid(getval(outputs[logits]))))
                for name, logits in phase.metrics.items()
            }
            return sum(TERMS[term.kind](term, outputs) for term in phase.losses)

        value, gradients = self.value_and_grad(loss)(
            {key: state[key] for key in parameters(self.workload, phase.updates)}
        )
        metrics = {f"{phase.name}_loss": float(value)} | seen["metrics"]
        return metrics, gradients, seen["statistics"]

    def _forward(self, step: Forward, values: Arrays, outputs: Arrays, masks: Arrays) -> Arrays:
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
            y = getval(made[port]) if step.detach else made[port]
            for name, low, high in zip(names, edges, edges[1:], strict=False):
                # autograd takes its time for the derivative of a slice, even of a whole.
                outputs[name] = y[low:high] if len(names) > 1 else y
        # Running statistics are no path for gradients.
        return {f"{step.network}/{key}": getval(value) for key, value in kept.items()}


def _joined(batches: list[Array]) -> Array:
    """Batches one after the other."""
    return np.concatenate(batches) if len(batches) > 1 else batches[0]


def _within(network: str, values: Arrays) -> Arrays:
    prefix = f"{network}/"
    return {k.removeprefix(prefix): v for k, v in values.items() if k.startswith(prefix)}


def _bce(term: BinaryCrossEntropy, outputs: Arrays) -> Array:
    x = outputs[term.logits]
    return term.weight * np.mean(term.target * softplus(-x) + (1.0 - term.target) * softplus(x))


def _mean_score(term: MeanScore, outputs: Arrays) -> Array:
    return term.weight * np.mean(outputs[term.scores])


def _least_squares(term: LeastSquares, outputs: Arrays) -> Array:
    return term.weight * np.mean((outputs[term.scores] - term.target) ** 2)


def _hinge(term: Hinge, outputs: Arrays) -> Array:
    margin = 1.0 - term.sign * outputs[term.scores]
    return term.weight * np.mean(np.where(margin > 0, margin, 0.0))


TERMS: dict[str, Callable[..., Any]] = {
    "bce": _bce,
    "mean_score": _mean_score,
    "least_squares": _least_squares,
    "hinge": _hinge,
}
