"""Which trainings may be compared, what they are called there, and how far apart they are."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from bench.training.side_by_side.reading import Trained
from bench.workers.cleaning import clean

Key = tuple[str, int, str]


@dataclass(frozen=True)
class Group:
    """Trainings of one spec from one seed, with the same kind of draws, by what each is called."""

    trainings: dict[str, Trained]

    @property
    def first(self) -> Trained:
        """Whose words are those of all."""
        return next(iter(self.trainings.values()))

    @property
    def same_draws(self) -> bool:
        """Whether they had the same random numbers."""
        return self.first.about.plan.draws == "spec"

    @property
    def title(self) -> str:
        """For people."""
        plan = self.first.about.plan
        own = f"Trainings of {clean(plan.cell.label)}, batch {plan.cell.batch_size}"
        return f"{own}, seed {plan.seed}, {plan.draws} draws"


class Difference(NamedTuple):
    """How far apart a metric's values are: (largest - smallest) / largest absolute one."""

    metric: str
    first: float
    """At the first iteration that all have recorded."""
    largest: float
    iteration: int
    """Where it is the largest."""
    shared: int
    """Iterations that all have recorded."""


def groups(trainings: Sequence[Trained]) -> list[Group]:
    """By spec hash, seed and draws, in the order given."""
    found: dict[Key, list[Trained]] = {}
    for one in trainings:
        plan = one.about.plan
        found.setdefault((one.about.spec_hash, plan.seed, plan.draws), []).append(one)
    return [Group(_named(own)) for own in found.values()]


def recorded(group: Group) -> dict[str, Trained]:
    """Those that have come to a record."""
    return {name: one for name, one in group.trainings.items() if one.records}


def metrics(group: Group) -> list[str]:
    """All that any of them reports, losses first."""
    every = (record for one in group.trainings.values() for record in one.records)
    names = dict.fromkeys(name for record in every for name in record.metrics)
    return sorted(names, key=lambda name: "loss" not in name)


def sampled(group: Group) -> list[int]:
    """Iterations that all have samples of which have any."""
    own = [set(one.samples) for one in group.trainings.values() if one.samples]
    return sorted(set.intersection(*own)) if own else []


def differences(group: Group) -> list[Difference]:
    """Of each metric that two or more have at the same iterations; numbers that are finite."""
    values = [
        {record.iteration: record.metrics for record in one.records}
        for one in recorded(group).values()
    ]
    if len(values) < 2:
        return []
    shared = sorted(set.intersection(*(set(of) for of in values)))
    found = []
    for name in metrics(group):
        own = {i: [of[i].get(name) for of in values] for i in shared}
        apart = {i: _apart(known) for i, row in own.items() if (known := _all(row))}
        if apart:
            worst = max(apart, key=lambda i: apart[i])
            first = apart[min(apart)]
            found.append(Difference(name, first, apart[worst], worst, len(apart)))
    return found


def _all(values: Sequence[float | None]) -> list[float]:
    """The numbers, if all are there; else none."""
    known = [value for value in values if value is not None]
    return known if len(known) == len(values) else []


def _apart(values: Sequence[float]) -> float:
    """In a form that does not overflow."""
    scale = max(abs(value) for value in values)
    return max(values) / scale - min(values) / scale if scale else 0.0


def _named(trainings: Sequence[Trained]) -> dict[str, Trained]:
    """Each by its row, and by what else tells it from the others."""
    cells = [one.about.plan.cell for one in trainings]
    parts = [
        field
        for field in ("mode", "precision", "device")
        if len({getattr(cell, field) for cell in cells}) > 1
    ]
    found: dict[str, Trained] = {}
    for cell, one in zip(cells, trainings, strict=True):
        name = " ".join((cell.row, *(getattr(cell, part) for part in parts)))
        same = sum(other.partition(" #")[0] == name for other in found)
        found[f"{name} #{same + 1}" if same else name] = one
    return dict(sorted(found.items()))
