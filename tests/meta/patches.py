"""What a planted fault patches: each function gives the patches for a row's folder.

Most of them hold for every backend, since the backends have the same names in the same files.
"""

from collections.abc import Callable, Iterator
from importlib import import_module
from typing import Any

import numpy as np

from spec import randomness
from spec.workload import Pace, Route

Patch = tuple[Any, str, Any]
"""(object, attribute or key, replacement)."""


def changed_layer(kind: str, **update: Any) -> Callable[[str], list[Patch]]:
    """The layer is built with other numbers than the workload says."""

    def patches(folder: str) -> list[Patch]:
        table = import_module(f"backends.{folder}.networks").LAYERS
        real = table[kind]
        return [(table, kind, lambda layer, *rest: real(layer.model_copy(update=update), *rest))]

    return patches


def changed_optimizer(
    kind: str, change: Callable[[Any], dict[str, Any]]
) -> Callable[[str], list[Patch]]:
    """The optimizer runs with other numbers than the workload says."""

    def patches(folder: str) -> list[Patch]:
        table = import_module(f"backends.{folder}.optimizers").RULES
        real = table[kind]
        return [(table, kind, lambda o, *rest: real(o.model_copy(update=change(o)), *rest))]

    return patches


def changed_term(change: Callable[[Any], dict[str, Any]]) -> Callable[[str], list[Patch]]:
    """The loss is computed from another target or weight."""

    def patches(folder: str) -> list[Patch]:
        table = import_module(f"backends.{folder}.losses").TERMS
        real = table["bce"]
        return [
            (table, "bce", lambda term, *rest: real(term.model_copy(update=change(term)), *rest))
        ]

    return patches


def changed_phase(change: Callable[[Any], dict[str, Any]]) -> Callable[[str], list[Patch]]:
    """A phase's forwards run in another way."""

    def patches(folder: str) -> list[Patch]:
        phases = phases_of(folder)
        real = phases.__init__

        def init(self: Any, workload: Any, *rest: Any) -> None:
            real(self, workload, *rest)
            for phase in workload.phases:
                forwards = change(phase).get("forwards", phase.forwards)
                routes = zip(forwards, self.routes[phase.name], strict=True)
                self.routes[phase.name] = tuple(
                    Route(f, f.given, f.made, f.writes, old.masks, old.mixed) for f, old in routes
                )

        return [(phases, "__init__", init)]

    return patches


def changed_workload(change: Callable[[Any], dict[str, Any]]) -> Callable[[str], list[Patch]]:
    """The whole program is built from other numbers: compilers see nothing of the patch."""

    def patches(folder: str) -> list[Patch]:
        program = program_of(folder)
        real = program.__init__

        def init(self: Any, workload: Any, settings: Any) -> None:
            real(self, workload.model_copy(update=change(workload)), settings)

        return [(program, "__init__", init)]

    return patches


def another_layer(kind: str, other: str) -> Callable[[str], list[Patch]]:
    """One kind of layer is built as another, which takes the same shapes."""

    def patches(folder: str) -> list[Patch]:
        table = import_module(f"backends.{folder}.networks").LAYERS
        return [(table, kind, table[other])]

    return patches


def stale_noise(folder: str) -> list[Patch]:
    """G's step uses the noise of D's step."""
    program = program_of(folder)
    real = program._iteration

    def iteration(self: Any, *rest: Any) -> Any:
        *others, draws = rest
        return real(self, *others, {**draws, "g/z": draws["d/z"]})

    return [(program, "_iteration", iteration)]


def one_iteration_less(folder: str) -> list[Patch]:
    """`run(n)` runs n - 1 iterations, and one where that would be none."""
    program = program_of(folder)
    real = program.run

    def run(self: Any, state: Any, data: Any, seed: int, n: int, first: int = 0) -> Any:
        return real(self, state, data, seed, max(1, n - 1), first)

    return [(program, "run", run)]


def chunk_used_twice(folder: str) -> list[Patch]:
    """`run` trains on its first chunk again and again; `draws` still tells the truth."""
    program = program_of(folder)
    real = program.run

    def run(self: Any, *arguments: Any) -> Any:
        honest = self.chunks

        def repeated(*rest: Any) -> Iterator[Any]:
            first = None
            for chunk in honest(*rest):
                first = chunk if first is None else first
                yield {key: first[key][: len(value)] for key, value in chunk.items()}

        self.chunks = repeated
        try:
            return real(self, *arguments)
        finally:
            del self.chunks

    return [(program, "run", run)]


def unseeded(folder: str) -> list[Patch]:
    """`run` takes another seed at every call."""
    program = program_of(folder)
    real, calls = program.run, iter(range(1, 1000))

    def run(self: Any, state: Any, data: Any, seed: int, n: int, first: int = 0) -> Any:
        return real(self, state, data, seed + next(calls), n, first)

    return [(program, "run", run)]


def shared_noise(folder: str) -> list[Patch]:
    """Both phases are given the same noise, in `run` and in `draws` alike."""
    program = program_of(folder)
    real = program.chunks

    def chunks(self: Any, *rest: Any) -> Iterator[Any]:
        for chunk in real(self, *rest):
            yield {**chunk, "g/z": chunk["d/z"]}

    return [(program, "chunks", chunks)]


def given_else(
    phase_name: str, change: Callable[[Any], dict[str, Any]]
) -> Callable[[str], list[Patch]]:
    """A phase is given other arrays than were drawn for it."""

    def patches(folder: str) -> list[Patch]:
        phases = phases_of(folder)
        real = phases.differentiate

        def differentiate(self: Any, phase: Any, *rest: Any) -> Any:
            *others, draws = rest
            draws = {**draws, **change(draws)} if phase.name == phase_name else draws
            return real(self, phase, *others, draws)

        return [(phases, "differentiate", differentiate)]

    return patches


def epochs_begun_anew(folder: str) -> list[Patch]:
    """A chunk does not go on where the one before it ended, but with a new epoch."""
    program = program_of(folder)
    real = program.chunks

    def chunks(self: Any, data: Any, seed: int, n: int, first: int = 0) -> Iterator[Any]:
        for number, low, high in randomness.blocks(first, n, self.settings.chunk):
            yield from real(self, data, seed + number, high - low, low)

    return [(program, "chunks", chunks)]


def begun_anew(folder: str) -> list[Patch]:
    """A run that goes on is given the draws of the first iterations once more."""
    program = program_of(folder)
    real = program.chunks

    def chunks(self: Any, data: Any, seed: int, n: int, first: int = 0) -> Iterator[Any]:
        return real(self, data, seed, n)

    return [(program, "chunks", chunks)]


def cut_from_its_own_chunk(folder: str) -> list[Patch]:
    """Chunks are counted from where a run begins, not from iteration 0: seeds go by that place."""
    program = program_of(folder)
    real = program.chunks

    def chunks(self: Any, data: Any, seed: int, n: int, first: int = 0) -> Iterator[Any]:
        return real(self, data, seed, n, -(-first // self.settings.chunk) * self.settings.chunk)

    return [(program, "chunks", chunks)]


def ignored_seed(folder: str) -> list[Patch]:
    """Every seed gives the same draws."""
    program = program_of(folder)
    real = program.chunks
    return [(program, "chunks", lambda self, data, seed, *of: real(self, data, 0, *of))]


def flipped_kernels(folder: str) -> list[Patch]:
    """Transposed convolutions use their kernels upside down; export hides it."""
    program = program_of(folder)
    to, back = program.import_state, program.export_state

    def flip(arrays: Any) -> Any:
        return {
            key: np.ascontiguousarray(value[::-1, ::-1]) if "conv_transpose" in key else value
            for key, value in arrays.items()
        }

    return [
        (program, "import_state", lambda self, arrays: to(self, flip(arrays))),
        (program, "export_state", lambda self, state: flip(back(self, state))),
    ]


def masks_exchanged(folder: str) -> list[Patch]:
    """A forward of several inputs drops of each what it should of another."""
    phases = phases_of(folder)
    real = phases.__init__

    def init(self: Any, *rest: Any) -> None:
        real(self, *rest)
        self.routes = {
            phase: tuple(
                route._replace(masks={name: of[::-1] for name, of in route.masks.items()})
                for route in routes
            )
            for phase, routes in self.routes.items()
        }

    return [(phases, "__init__", init)]


def rates_by_steps(folder: str) -> list[Patch]:
    """A schedule counts every step of an optimizer as an iteration."""
    module = import_module(f"backends.{folder}.optimizers")
    factor = module.rate_factor
    each = Pace.of((1,))
    return [(module, "rate_factor", lambda schedule, _, *rest: factor(schedule, each, *rest))]


def samples_with_live_parameters(folder: str) -> list[Patch]:
    """`generate` takes the parameters as they are."""
    program = program_of(folder)

    def generate(self: Any, state: Any, network: str, inputs: Any) -> Any:
        return self.apply(state, network, inputs, train=False)

    return [(program, "generate", generate)]


def samples_in_train_mode(folder: str) -> list[Patch]:
    """`generate` normalises with the batch's statistics."""
    program = program_of(folder)

    def generate(self: Any, state: Any, network: str, inputs: Any) -> Any:
        return self.apply(state, network, inputs, train=True)

    return [(program, "generate", generate)]


def epsilon_inside_the_root(folder: str) -> list[Patch]:
    """Adam divides by sqrt(v + epsilon), or, in Keras, by its own epsilon-hat form."""
    module = import_module(f"backends.{folder}.optimizers")
    if folder == "keras3":
        import keras

        return [(module._Adam, "update_step", keras.optimizers.Adam.update_step)]
    if folder == "flax_nnx":
        real = module.optax.scale_by_adam

        def scale_by_adam(**numbers: Any) -> Any:
            return real(**numbers | {"eps": 0.0, "eps_root": numbers["eps"]})

        return [(module.optax, "scale_by_adam", scale_by_adam)]
    return [(module, "adam", _torch_adam_inside)]


def _torch_adam_inside(
    parameters: Any, gradients: Any, first: Any, second: Any, _: Any, steps: Any, **numbers: Any
) -> None:
    b1, b2 = numbers["beta1"], numbers["beta2"]
    for p, g, m, v, t in zip(parameters, gradients, first, second, steps, strict=True):
        m.mul_(b1).add_(g, alpha=1 - b1)
        v.mul_(b2).addcmul_(g, g, value=1 - b2)
        count = float(t) + 1
        denominator = (v / (1 - b2**count) + numbers["eps"]).sqrt()
        p.sub_(numbers["lr"] / (1 - b1**count) * m / denominator)


def biased_running_variance(folder: str) -> list[Patch]:
    """The framework's own batch norm, which keeps the biased variance."""
    module = import_module(f"backends.{folder}.networks")
    if folder == "keras3":
        import keras

        return [(module, "_BatchNorm", keras.layers.BatchNormalization)]
    from flax import nnx

    return [(module, "_BatchNorm", nnx.BatchNorm)]


def program_of(folder: str) -> Any:
    return import_module(f"backends.{folder}.training").Program


def phases_of(folder: str) -> Any:
    return import_module(f"backends.{folder}.phases").Phases
