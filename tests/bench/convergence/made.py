"""Trainings that nobody made, with the times that a test wants."""

from math import isfinite
from typing import Any

from bench.convergence.results import OfWorkload, Row, Training
from spec.target import MeanAndStdTarget

TARGET = MeanAndStdTarget(
    kind="mean_and_std",
    mean_within=0.1,
    std_within=0.1,
    samples=20,
    every=10,
    hold=2,
    longest=1000,
    margin=1.25,
    reason="a test's",
)


def training(seed: int, iterations: float) -> Training:
    """Outside of the band until so many iterations, within from then on; infinite: never."""
    longest = TARGET.longest // TARGET.every
    first = round(iterations) // TARGET.every - 1 if isfinite(iterations) else longest
    count = min(longest, first + TARGET.hold)
    errors: list[float | None] = [0.5 if i < first else 0.05 for i in range(count)]
    return Training(
        seed=seed,
        seconds=[0.1 * (i + 1) for i in range(count)],
        quality={"mean_error": list(errors), "std_error": list(errors)},
    )


def of_workload(**times: list[float]) -> OfWorkload:
    """Row -> its times from seeds 0, 1, ..."""
    rows = {
        name: Row(
            mode="compiled",
            precision="float32",
            device="cpu",
            backend={},
            first_chunk_s=[2.0],
            trainings=[training(seed, time) for seed, time in enumerate(own)],
        )
        for name, own in times.items()
    }
    return OfWorkload(spec_hash="0", put={}, target=TARGET, to_end=False, rows=rows)


def changed(**fields: Any) -> MeanAndStdTarget:
    """The target with other fields."""
    return TARGET.model_copy(update=fields)
