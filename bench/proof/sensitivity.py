"""The reference moved by rounding: how far a correct program may be from it."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, TypeVar

import numpy as np

import backends
from backends.protocol import Array, Arrays, Program, Settings
from bench.proof import rounding
from bench.proof.closeness import relative_error
from spec import tolerances
from spec.phases import Phase
from spec.randomness import uniform
from spec.state import parameters
from spec.workload import Workload

Result = TypeVar("Result")
Terms = dict[str, dict[str, float]]
"""Phase -> parameter -> how large what adds up to its gradient is: root mean square."""
ZERO_GRADIENT = 1e-12
"""A gradient this much smaller than the terms that add up to it, or than the largest that its phase
has had, is zero but for rounding.

Than the largest of the same step would not do: a clipped critic whose batch norm meets no kink
gives nothing but rounding to all of G, and later to all of itself.
"""


def oracle(workload: Workload) -> Program:
    """The reference on a workload."""
    settings = Settings("eager", "float64", "cpu", 1)
    return backends.load(backends.ORACLE).program(workload, settings)


def rounded(state: Arrays, precision: str) -> Arrays:
    """The values that a backend at this precision starts from."""
    return {
        key: value.astype(precision).astype(np.float64) if value.dtype.kind == "f" else value
        for key, value in state.items()
    }


def perturbed(workload: Workload, state: Arrays, precision: str, seed: int) -> Arrays:
    """The state with every parameter moved, up or down at random, as tolerances says how far."""
    size = tolerances.PERTURBATION[precision]
    moved = dict(state)
    for key in parameters(workload):
        up = uniform(f"ulp/{seed}/{key}", 0, state[key].size, ()).reshape(state[key].shape) < 0.5
        moved[key] = state[key] * (1.0 + np.where(up, size, -size))
    return moved


class Shaken:
    """A reference whose gradients are off by rounding, as tolerances says how far.

    Moved weights cannot show what rounding does where a gradient is zero whatever the weights are,
    such as a critic's last bias or a bias before batch norm: an optimizer that divides a gradient
    by its own size makes a whole step of it. `way` is 1 or -1: which of the two directions.

    Nor can they show it where large terms nearly cancel, which each phase's first gradient tells
    (bench.proof.rounding). `terms` is where that is noted, by phase and parameter.
    """

    def __init__(self, workload: Workload, precision: str, way: float, terms: Terms) -> None:
        exact: Any = oracle(workload)
        self.program: Program = exact
        self._size = way * tolerances.GRADIENT_NOISE[precision]
        self._shares: dict[str, float] = {}
        self._largest: dict[str, float] = {}
        self._signs: dict[str, Array] = {}
        self.terms = terms
        self._differentiated, exact._differentiate = exact._differentiate, self._differentiate
        self._told, exact.losses_and_gradients = exact.losses_and_gradients, self._tell
        self._updated, exact.update = exact.update, self._update

    @property
    def undetermined(self) -> frozenset[str]:
        """Parameters whose gradient has been nothing but rounding in every step so far."""
        return frozenset(key for key, share in self._shares.items() if share < ZERO_GRADIENT)

    def _differentiate(self, phase: Phase, *given: Any) -> Any:
        if phase.name in self.terms:
            return self._differentiated(phase, *given)
        reference: Any = self.program
        right, reference.value_and_grad = reference.value_and_grad, partial(self._note, phase)
        found = self._differentiated(phase, *given)
        reference.value_and_grad = right
        return found

    def _note(self, phase: Phase, loss: Callable[[Arrays], Any]) -> Callable[[Arrays], Any]:
        """autograd's `value_and_grad`, which notes the terms too: one way there, two ways back."""

        def differentiate(moving: Arrays) -> tuple[Any, Arrays]:
            value, gradients, moved = rounding.value_and_grads(loss, moving)
            off = {key: moved[key] - gradient for key, gradient in gradients.items()}
            self.terms[phase.name] = {k: rounding.rms(v) / rounding.STEP for k, v in off.items()}
            return value, gradients

        return differentiate

    def _tell(
        self, state: Arrays, phase: str, draws: Arrays, reused: Arrays | None = None
    ) -> tuple[Any, Arrays]:
        metrics, gradients = self._told(state, phase, draws, reused)
        return metrics, self._moved(gradients, self.terms[phase], at_least=0.0)

    def _update(self, state: Arrays, phase: str, gradients: Mapping[str, Array]) -> Arrays:
        sizes = {key: rounding.rms(g) for key, g in gradients.items()}
        largest, terms = max(sizes.values(), default=0.0), self.terms.get(phase, {})
        self._largest[phase] = max(largest, self._largest.get(phase, 0.0))
        for key, size in sizes.items():
            scale = max(self._largest[phase], terms.get(key, 0.0))
            share = size / scale if scale else 0.0
            self._shares[key] = max(share, self._shares.get(key, 0.0))
        moved = self._moved(gradients, terms, at_least=largest)
        return self._updated(state, phase, moved)

    def _moved(
        self, gradients: Mapping[str, Array], terms: Mapping[str, float], at_least: float
    ) -> Arrays:
        off = {key: self._size * max(at_least, terms.get(key, 0.0)) for key in gradients}
        return {key: g + off[key] * self._signs_of(key, g) for key, g in gradients.items()}

    def _signs_of(self, key: str, gradient: Array) -> Array:
        """1 or -1 at random, always the same for a tensor."""
        if key not in self._signs:
            drawn = uniform(f"gradient sign/{key}", 0, gradient.size, ())
            self._signs[key] = np.where(drawn < 0.5, 1.0, -1.0).reshape(gradient.shape)
        return self._signs[key]


class Moved:
    """The reference from moved weights, with gradients off by rounding.

    Both ways begin with the same gradients, but for rounding: `terms` are measured once for both.
    """

    def __init__(
        self,
        workload: Workload,
        first: Arrays,
        precision: str,
        seed: int,
        terms: Terms | None = None,
    ) -> None:
        self.first = perturbed(workload, first, precision, seed)
        terms = {} if terms is None else terms
        self.ways = [Shaken(workload, precision, way, terms) for way in (1.0, -1.0)]

    @property
    def undetermined(self) -> frozenset[str]:
        """Parameters without a gradient but for rounding."""
        return self.ways[0].undetermined

    @property
    def programs(self) -> list[Program]:
        """Both ways of rounding."""
        return [shaken.program for shaken in self.ways]

    def each(self, run: Callable[[Program, Arrays], Result]) -> list[Result]:
        """What a run gives one way; and the other way too, where a parameter follows rounding."""
        one, other = self.programs
        results = [run(one, self.first)]
        return [*results, run(other, self.first)] if self.undetermined else results


def limits(
    expected: Arrays,
    moved: Sequence[Arrays],
    keys: list[str],
    quantity: tolerances.Quantity,
    precision: str,
    undetermined: frozenset[str],
) -> dict[str, float]:
    """Each tensor's limit after some iterations, from how far the moved references went.

    Tensors of one quantity share the largest growth, since which of them rounding reaches is
    chance. Those of a parameter without a gradient are rounding themselves: each has its own. Below
    float64 a limit is infinite where rounding leaves nothing to compare.
    """
    growth = {
        k: max((relative_error(state[k], expected[k]) for state in moved), default=0.0)
        for k in keys
    }
    alone = {key for key in keys if parameter_of(key) in undetermined}
    shared = max((growth[key] for key in keys if key not in alone), default=0.0)
    common = tolerances.trajectory_limit(precision, quantity, shared)
    floor = tolerances.limit(precision, quantity)
    own = {key: max(floor, tolerances.allowed(precision, growth[key])) for key in alone}
    return {key: own.get(key, common) for key in keys}


def parameter_of(key: str) -> str:
    """The parameter that an entry of the state belongs to: itself, its average, or a slot of it."""
    if key.startswith("opt_state/"):
        return key.split("/", 3)[-1]
    return key.removeprefix("average/")
