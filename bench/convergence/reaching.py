"""When a training reached its target: the first of so many evaluations in a row within the band."""

from dataclasses import dataclass
from math import inf, isfinite

from bench.convergence.measuring import within
from bench.convergence.results import OfWorkload, Training
from spec.target import AnyTarget


@dataclass(frozen=True)
class Reached:
    """What came of a training; times are infinite where it did not reach the target."""

    seed: int
    iterations: float
    seconds: float
    trained: int
    """Iterations in all."""
    at_end: bool
    """Whether the last evaluations, as many as have to hold, were all within the band."""
    final: dict[str, float | None]
    """The quality at its end."""

    @property
    def reached(self) -> bool:
        """Whether it came to the target at all."""
        return isfinite(self.iterations)


def reached(training: Training, target: AnyTarget) -> Reached:
    """From the trace of a training."""
    inside = insides(training, target)
    first = place(inside, target.hold)
    return Reached(
        seed=training.seed,
        iterations=inf if first is None else target.every * (first + 1),
        seconds=inf if first is None else training.seconds[first],
        trained=target.every * len(inside),
        at_end=len(inside) >= target.hold and all(inside[-target.hold :]),
        final={name: values[-1] for name, values in training.quality.items()},
    )


def insides(training: Training, target: AnyTarget) -> list[bool]:
    """For each evaluation, whether it was within the band."""
    names = list(training.quality)
    columns = zip(*training.quality.values(), strict=True)
    return [within(target, dict(zip(names, values, strict=True))) for values in columns]


def place(inside: list[bool], hold: int) -> int | None:
    """The index of the first of `hold` in a row; None where there are none."""
    run = 0
    for i, good in enumerate(inside):
        run = run + 1 if good else 0
        if run == hold:
            return i - hold + 1
    return None


def by_row(found: OfWorkload, seeds: tuple[int, ...] | None = None) -> dict[str, list[Reached]]:
    """Row -> what came of its trainings, in the order of seeds; of these seeds alone if given."""
    return {
        name: [
            reached(training, found.target)
            for training in sorted(row.trainings, key=lambda one: one.seed)
            if seeds is None or training.seed in seeds
        ]
        for name, row in found.rows.items()
    }
