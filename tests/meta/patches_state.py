"""Planted faults of states and programs: what shows only when a program is used a second time."""

from importlib import import_module
from typing import Any

from spec.state import parameters
from tests.meta.patches import Patch, program_of


def live_variables(folder: str) -> list[Patch]:
    """A state that is put aside gets the variables themselves, not what they hold."""
    engine = import_module(f"backends.{folder}.engine_tensorflow")
    real = engine.look

    def look(program: Any, state: Any) -> Any:
        if program.held is not state:
            return real(program, state)
        return {key: variable.value for key, variable in program.variables.items()}

    return [(engine, "look", look)]


def one_state(folder: str) -> list[Patch]:
    """A program has one state, whatever it is given next."""
    program = program_of(folder)
    real = program.import_state
    seen: dict[int, Any] = {}

    def import_state(self: Any, arrays: Any) -> Any:
        return seen.setdefault(id(self), real(self, arrays))

    return [(program, "import_state", import_state)]


def exports_that_live_on(folder: str) -> list[Patch]:
    """What was exported changes when its state is trained."""
    program = program_of(folder)
    export, train = program.export_state, program.train_step
    given: dict[int, list[Any]] = {}

    def export_state(self: Any, state: Any) -> Any:
        arrays = export(self, state)
        given.setdefault(id(self), []).append(arrays)
        return arrays

    def train_step(self: Any, state: Any, draws: Any, iteration: int = 0) -> Any:
        state, metrics = train(self, state, draws, iteration)
        now = export(self, state)
        for arrays in given.get(id(self), []):
            for key, array in arrays.items():
                array[...] = now[key]
        return state, metrics

    return [(program, "export_state", export_state), (program, "train_step", train_step)]


def moved_by_gradients(folder: str) -> list[Patch]:
    """Asking for gradients takes a step on them, where states are changed in place."""
    program = program_of(folder)
    real = program.losses_and_gradients

    def losses_and_gradients(self: Any, state: Any, phase: str, *given: Any) -> Any:
        found = real(self, state, phase, *given)
        self.update(state, phase, found[1])
        return found

    return [(program, "losses_and_gradients", losses_and_gradients)]


def moved_by_apply(folder: str) -> list[Patch]:
    """A forward pass moves its network's parameters, where states are changed in place."""
    program = program_of(folder)
    real = program.apply

    def apply(self: Any, state: Any, network: str, *rest: Any, **options: Any) -> Any:
        y = real(self, state, network, *rest, **options)
        phase = next(p for p in self.phases.values() if network in p.updates)
        exported, moving = self.export_state(state), parameters(self.workload, phase.updates)
        self.update(state, phase.name, {key: exported[key] for key in moving})
        return y

    return [(program, "apply", apply)]


def first_samples(folder: str) -> list[Patch]:
    """Samples come from the state that the program was first asked about."""
    program = program_of(folder)
    real = program.generate
    first: dict[int, Any] = {}

    def generate(self: Any, state: Any, network: str, inputs: Any) -> Any:
        arrays = first.setdefault(id(self), self.export_state(state))
        return real(self, self.import_state(arrays), network, inputs)

    return [(program, "generate", generate)]


def broken_by_an_error(folder: str) -> list[Patch]:
    """After a call that raised, a program trains on without moving anything."""
    program = program_of(folder)
    real, broken = program.train_step, set()

    def train_step(self: Any, state: Any, draws: Any, iteration: int = 0) -> Any:
        before = self.export_state(state)
        try:
            after, metrics = real(self, state, draws, iteration)
        except Exception:
            broken.add(id(self))
            raise
        return (self.import_state(before) if id(self) in broken else after), metrics

    return [(program, "train_step", train_step)]


def last_numbers(folder: str) -> list[Patch]:
    """Of two programs in a process both take the numbers of the one that was made last."""
    program = program_of(folder)
    real = program.__init__
    made: list[Any] = []

    def init(self: Any, workload: Any, settings: Any) -> None:
        real(self, workload, settings)
        for earlier in made:
            earlier.workload = earlier.of.workload = workload
        made.append(self)

    return [(program, "__init__", init)]


def never_compiled(folder: str) -> list[Patch]:
    """What should be one dispatch runs operation by operation, to the same numbers."""
    training = import_module(f"backends.{folder}.training")
    if folder == "pytorch":
        return [(training, "_compiled", lambda function: function)]
    return [(training.engine, "compiled", lambda function, mode, donate: function)]
