"""The reference on given draws, and moved by rounding: what a run is compared with."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Literal

import numpy as np

from backends.protocol import Arrays, Program
from bench.proof.closeness import Diverges, loss_error
from bench.proof.sensitivity import Moved, Terms, limits, oracle, rounded
from spec import tolerances
from spec.state import proof_state
from spec.workload import Workload

Metrics = dict[str, np.ndarray]
Way = Literal["exact", "up", "down"]
"""The reference itself, or from moved weights with gradients rounded one way or the other."""


@dataclass(frozen=True)
class Course:
    """What a run of the reference came to: state and metrics after one iteration, and at the end.

    `undetermined` holds the parameters without a gradient but for rounding, at the same two places.
    """

    first: tuple[Arrays, Metrics]
    last: tuple[Arrays, Metrics]
    undetermined: tuple[frozenset[str], frozenset[str]] = (frozenset(), frozenset())
    terms: Terms = field(default_factory=dict)
    """Of a moved run: what its gradients' terms were, so that the other way need not measure."""

    def alone(self) -> "Course":
        """The course of a run that ended after one iteration."""
        return Course(self.first, self.first, (self.undetermined[0],) * 2, self.terms)


@dataclass
class Replay:
    """The reference's state and metrics on given draws, and those of its moved runs.

    Without moved runs nothing has grown: the limits are those of one step.
    """

    state: Arrays
    metrics: Metrics
    moved: list[tuple[Arrays, Metrics]]
    undetermined: frozenset[str]
    """Parameters without a gradient but for rounding."""

    def loss_growth(self, known: Mapping[str, int]) -> float:
        """How far the perturbation has moved any metric, of each as many as are known by then.

        It can cancel in one loss; what it once was, rounding can be later.
        """
        return max(
            (
                loss_error(moved[name][:end], self.metrics[name][:end])
                for name, end in known.items()
                for _, moved in self.moved
            ),
            default=0.0,
        )

    def limits(
        self, keys: list[str], quantity: tolerances.Quantity, precision: str
    ) -> dict[str, float]:
        """The limit of each of these tensors at the end."""
        states = [state for state, _ in self.moved]
        return limits(self.state, states, keys, quantity, precision, self.undetermined)


def course(
    workload: Workload,
    rows: Sequence[Arrays],
    precision: str,
    seed: int,
    way: Way,
    terms: Terms | None = None,
    start: int = 0,
) -> Course:
    """Run the reference over these draws, each row an iteration's, from iteration `start` on.

    `terms` are those that the other way has measured. Raises Diverges where it leaves the numbers
    that are finite in this precision.
    """
    first = rounded(proof_state(workload, seed, start), precision)
    if way == "exact":
        early_end, end = _ends(oracle(workload), first, rows, precision, start, lambda: None)
        return Course(early_end, end)
    moved = Moved(workload, first, precision, seed, terms)
    shaken = moved.ways[["up", "down"].index(way)]
    early: list[frozenset[str]] = []
    early_end, end = _ends(
        shaken.program,
        moved.first,
        rows,
        precision,
        start,
        lambda: early.append(shaken.undetermined),
    )
    return Course(early_end, end, (early[0], shaken.undetermined), shaken.terms)


def replay(
    workload: Workload,
    rows: Sequence[Arrays],
    precision: str,
    seed: int,
    exact: Course | None = None,
    start: int = 0,
) -> tuple[Replay, Replay | None]:
    """The replay of all rows, and of the first alone; None where that needs a run of its own.

    `exact` is the reference's own course over these rows, where it is known.
    """
    run = partial(course, workload, rows, precision, seed, start=start)
    exact, up = exact or run("exact"), run("up")
    return joined(exact, up, run("down", terms=up.terms) if up.undetermined[1] else None)


def unmoved(exact: Course) -> tuple[Replay, Replay]:
    """The replays of all rows and of the first alone, without moved runs."""
    whole, first = (Replay(*end, [], frozenset()) for end in (exact.last, exact.first))
    return whole, first


def joined(exact: Course, up: Course, down: Course | None) -> tuple[Replay, Replay | None]:
    """The replay of all rows, and of the first alone, from the reference's courses.

    Both ways of rounding were run only if a parameter was left without a gradient to the end.
    """
    moved = [up, down] if down else [up]
    whole = Replay(*exact.last, [run.last for run in moved], up.undetermined[1])
    if up.undetermined[0] and not up.undetermined[1]:
        return whole, None
    return whole, Replay(*exact.first, [run.first for run in moved], up.undetermined[0])


def _ends(
    program: Program,
    state: Arrays,
    rows: Sequence[Arrays],
    precision: str,
    start: int,
    after_first: Callable[[], Any],
) -> Iterator[tuple[Arrays, Metrics]]:
    """State and metrics after the first row, and after all."""
    metrics: list[dict[str, float]] = []
    state = program.import_state(state)
    for i, row in enumerate(rows, start):
        with np.errstate(all="ignore"):  # what overflows is found below
            state, reported = program.train_step(state, _in_float64(row), i)
        if not is_finite({**state, **reported}, precision):
            raise Diverges(i + 1)
        metrics.append(reported)
        if i == start:
            after_first()
            yield state, _by_name(metrics)
    yield state, _by_name(metrics)


def is_finite(values: dict[str, Any], precision: str) -> bool:
    """Whether all numbers are finite ones of this precision."""
    largest = float(np.finfo(precision).max)
    return all(bool((np.abs(value) <= largest).all()) for value in values.values())


def _in_float64(row: Arrays) -> Arrays:
    """Real numbers; whole ones, such as labels, stay as they are."""
    return {
        key: value if value.dtype.kind == "i" else np.asarray(value, np.float64)
        for key, value in row.items()
    }


def _by_name(metrics: list[dict[str, float]]) -> Metrics:
    names = {name: None for m in metrics for name in m}
    return {name: np.array([m[name] for m in metrics if name in m]) for name in names}
