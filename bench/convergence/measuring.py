"""What an evaluation measures of generated samples, and whether it is within the target's band."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import inf, isfinite, nan
from typing import Any

import numpy as np
from numpy.random import PCG64, Generator
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from bench.plan.cells import Cell
from bench.training.beside import real_sets
from bench.training.makers import makers, real_like
from bench.training.quality import features, gaussian
from bench.training.quality.kernel_distance import kernel_distance
from bench.training.quality.samples import COMPARED, LARGEST, bounded
from spec.errors import UserError
from spec.sources import GaussianStream
from spec.target import AnyTarget, KernelDistanceTarget, MeanAndStdTarget
from spec.workload import Workload

Array = NDArray[Any]
Quality = dict[str, float]
"""By name of a quantity; NaN where samples are not finite."""
Quantity = Callable[[Array], float]


@dataclass(frozen=True)
class Gauge:
    """The quantities of a target, ready to be taken of samples (n, *shape)."""

    quantities: dict[str, Quantity]

    def of(self, samples: Array) -> Quality:
        """Each quantity of the samples."""
        if not np.all(np.abs(samples) <= LARGEST):
            return dict.fromkeys(self.quantities, nan)
        wide = samples.astype(np.float64)
        # Matrices this small take four times as long on two busy cores as on one.
        with threadpool_limits(limits=1, user_api=None):
            return {name: float(quantity(wide)) for name, quantity in self.quantities.items()}


def within(target: AnyTarget, quality: Mapping[str, float | None]) -> bool:
    """Whether all quantities are in the target's band; one that is not finite is not."""
    return all(_far(quality[name]) < limit for name, limit in limits(target).items())


def limits(target: AnyTarget) -> dict[str, float]:
    """Quantity -> what it has to be below, an error in size."""
    if isinstance(target, MeanAndStdTarget):
        return {"mean_error": target.mean_within, "std_error": target.std_within}
    return {"kernel_distance": target.below}


def source_of(workload: Workload, target: AnyTarget) -> str:
    """The source of real samples that the target compares with; UserError where it cannot."""
    own = makers(workload)
    if len(own) != 1:
        raise UserError(
            f"target: {workload.name} has {len(own)} networks that make samples; a target is of "
            "a workload with one"
        )
    name = real_like(workload, own[0])
    source = workload.sources[name] if name else None
    if isinstance(target, MeanAndStdTarget) and not isinstance(source, GaussianStream):
        raise UserError(
            "target.kind: given mean_and_std; it is for samples of a gaussian_stream, and "
            f"{workload.name} has none"
        )
    if isinstance(target, KernelDistanceTarget):
        held_out = getattr(source, "hold_out", None)
        if held_out is None:
            raise UserError(
                "target.kind: given kernel_distance; it needs an array of images that holds some "
                'out: put "data.hold_out" = 0.2 into target.set'
            )
    assert name is not None
    return name


def gauge_of(cell: Cell, target: AnyTarget) -> Gauge:
    """The gauge of a workload's target; features are fitted once, on the real samples."""
    workload = cell.load()
    name = source_of(workload, target)
    if isinstance(target, MeanAndStdTarget):
        source = workload.sources[name]
        assert isinstance(source, GaussianStream)
        return Gauge(
            {
                "mean_error": lambda rows: gaussian.mean_error(rows, source.mean),
                "std_error": lambda rows: gaussian.std_error(rows, source.std),
            }
        )
    return Gauge({"kernel_distance": _distance(cell, name, target)})


def _distance(cell: Cell, source: str, target: KernelDistanceTarget) -> Quantity:
    """The kernel distance from the held-out samples, in features of the training samples.

    Where the unbiased estimate is below 0 the two cannot be told apart, and it is 0.
    """
    real = real_sets(cell, source, COMPARED)
    classes = real.get("labels") if target.features == "classifier" else None
    if target.features == "classifier" and classes is None:
        raise UserError(f"target.features: given classifier; {source} has no classes: components")
    training, labels = bounded(real["training"], classes, Generator(PCG64(0)))
    with threadpool_limits(limits=1, user_api=None):
        fitted = features.fit(training, labels, seed=0)
        reference = fitted.of(real["held_out"][:COMPARED])
    return lambda images: max(0.0, kernel_distance(fitted.of(images), reference))


def _far(value: float | None) -> float:
    """How far from 0."""
    return inf if value is None or not isfinite(value) else abs(value)
