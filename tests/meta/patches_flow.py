"""Planted faults of phases: what they reuse, what they are taken with, and when they run."""

from importlib import import_module
from typing import Any

import numpy as np

from spec.phases import Forward
from spec.workload import Pace, Route
from tests.meta.patches import Patch, phases_of, program_of


def remade(folder: str) -> list[Patch]:
    """What is reused as a value is made once more, by the networks as they are by then."""
    phases = phases_of(folder)
    real = phases.__init__

    def init(self: Any, workload: Any, *rest: Any) -> None:
        again = Forward(
            network="generator", inputs=("z",), outputs=("before",), mode="train", detach=True
        )
        old = next(phase for phase in workload.phases if phase.name == "old")
        own = {"reuse": {}, "forwards": (again, *old.forwards)}
        changed = [p.model_copy(update=own) if p is old else p for p in workload.phases]
        real(self, workload.model_copy(update={"phases": tuple(changed)}), *rest)
        self._keys["old"]["z"] = "d/z"
        self._shared["old"], self._drawn["old"] = ["d/z"], workload.drawn(old)
        made = Route(again, again.given, again.made, again.writes, {}, {})
        self.routes["old"] = (made, *workload.routes(old))

    return [(phases, "__init__", init)]


def given_else_values(folder: str) -> list[Patch]:
    """What a phase is given for what it reuses is taken the other way round."""
    program = program_of(folder)
    real = program.losses_and_gradients

    def other(self: Any, state: Any, phase: str, draws: Any, reused: Any = None) -> Any:
        return real(self, state, phase, draws, reused and {k: -v for k, v in reused.items()})

    return [(program, "losses_and_gradients", other)]


def graphs_cut(workload: Any) -> dict[str, Any]:
    """Where there is another way to the networks too, what is reused is but a value."""
    phases = [
        p.model_copy(
            update={
                "reuse": {k: r.model_copy(update={"form": "value"}) for k, r in p.reuse.items()}
            }
        )
        if p.forwards
        else p
        for p in workload.phases
    ]
    return {"phases": tuple(phases)}


def one_after_the_other(workload: Any) -> dict[str, Any]:
    """The last phase sees what the one in front of it has moved."""
    *others, last = workload.phases
    return {"phases": (*others, last.model_copy(update={"together": False}))}


def an_iteration_late(folder: str) -> list[Patch]:
    """What runs in every second iteration does in the odd ones, on the draws of the even ones."""
    training, program = import_module(f"backends.{folder}.training"), program_of(folder)
    real = training.by_iteration

    def running(self: Any, place: int) -> tuple[int, ...]:
        every = [unit[0].every for unit in self.of.units]
        return tuple(i for i, n in enumerate(every) if (place - (n > 1)) % n == 0)

    def by_iteration(table: Any, chunk: Any, first: int, n: int) -> Any:
        rows: list[dict[str, Any]] = [{} for _ in range(n + 1)]
        for i, row in enumerate(real(table, chunk, first, n)):
            for key, value in row.items():
                rows[i + (table[key].every > 1)][key] = value
        return rows[:n]

    return [(program, "_running", running), (training, "by_iteration", by_iteration)]


def left_out_at_first(folder: str) -> list[Patch]:
    """What does not run in each iteration does not run in the first of a period either."""
    program = program_of(folder)
    real = program._running

    def running(self: Any, place: int) -> tuple[int, ...]:
        lazy = {i for i, unit in enumerate(self.of.units) if unit[0].every == self._period > 1}
        return tuple(i for i in real(self, place) if place or i not in lazy)

    return [(program, "_running", running)]


def rates_as_if_all_ran(folder: str) -> list[Patch]:
    """An iteration is taken to be over after as many steps as a period has."""
    module = import_module(f"backends.{folder}.optimizers")
    factor = module.rate_factor

    def rate_factor(schedule: Any, pace: Pace, *rest: Any) -> Any:
        return factor(schedule, Pace.of((pace.steps,)), *rest)

    return [(module, "rate_factor", rate_factor)]


def samples_of_the_iteration(folder: str) -> list[Patch]:
    """A phase that does not always run passes over the samples that it might have had."""
    module = import_module(f"backends.{folder}.draws")
    real = module.chunks

    def chunks(table: Any, *given: Any) -> Any:
        denser = {key: draw._replace(every=1) for key, draw in table.items()}
        *before, first, n, chunk, like = given
        for number, part in enumerate(real(denser, *before, first, n, chunk, like)):
            start = (first // chunk + number) * chunk if number else first
            length = len(next(iter(part.values())))
            firsts = {key: draw.runs(start, length).start for key, draw in table.items()}
            yield {
                key: value[firsts[key] * table[key].every - start :: table[key].every]
                for key, value in part.items()
            }

    return [(module, "chunks", chunks)]


def slots_drawn_one_by_one(folder: str) -> list[Patch]:
    """Each sample's place in a pool is drawn alone, so that two of a batch may have one."""
    program = program_of(folder)
    real = program.draws

    def draws(self: Any, *of: Any) -> Any:
        random = np.random.default_rng(of[1])
        for chunk in real(self, *of):
            slots = {key: value for key, value in chunk.items() if key.endswith(".slot")}
            drawn = {k: random.integers(0, 8, v.shape, np.int32) for k, v in slots.items()}
            yield chunk | drawn

    return [(program, "draws", draws)]
