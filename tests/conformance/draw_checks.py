"""Draws over many epochs, and against SciPy: what two seeds and three epochs hide."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from scipy import stats

import spec
from spec import data
from spec.sources import (
    Drawn,
    GaussianStream,
    Labels,
    Mask,
    NormalNoise,
    PartOf,
    Slots,
    UniformNoise,
)
from spec.workload import Workload
from tests.conformance.cases import SEED, Case

EPOCHS, EPOCH_BATCHES = 30, 3
FALSE_ALARM = 1e-6
"""Of each test of a distribution: what a correct generator would fail with this probability. Draws
follow from their seed, so a check that has passed once passes on."""
LARGEST_LAG = 8
"""Iterations apart: several chunks."""
LARGEST_SAMPLE = 200_000


def check_long_draws(case: Case) -> None:
    """Thirty epochs: every order is new, every index comes; streams have SciPy's distribution.

    What one iteration draws says nothing of what the next ones do.
    """
    _check_long(case, case.workload)


def check_long_draws_of_other_sources(case: Case) -> None:
    """The same with replacement, from uniform noise and of dropout masks."""
    put: dict[str, Any] = {"schedule.batch_size": case.workload.schedule.batch_size}
    put |= {"data.sampling": "with_replacement"}
    shape = list(case.workload.sources["z"].shape)
    put |= {"noise": {"kind": "uniform", "low": -2.0, "high": 0.5, "shape": shape}}
    layers = [
        layer.model_dump(mode="json", exclude_none=True)
        for layer in case.workload.networks["discriminator"].layers
    ]
    put |= {"discriminator.layers": [{"kind": "dropout", "rate": 0.3}, *layers]}
    _check_long(case, spec.load(case.name, put))


def _check_long(case: Case, workload: Workload) -> None:
    program = case.prepare(workload, case.mode)
    arrays = data.synthetic(workload, SEED, EPOCH_BATCHES)
    chunks = list(program.draws(program.place(arrays), SEED, EPOCHS * EPOCH_BATCHES))
    batch = workload.schedule.batch_size
    for key, draw in workload.draw_table().items():
        source, name = draw.source, draw.name
        drawn = np.concatenate([chunk[key] for chunk in chunks]).astype(np.float64)
        array = arrays.get(name)
        if isinstance(source, PartOf):
            continue  # it follows from the sample's index (check_draws)
        if array is None:
            _check_stream(case, key, source, drawn)
            continue
        indices = _indices(case, key, drawn, array)
        if getattr(source, "sampling", "") == "with_replacement":
            _check_counts(case, key, indices, len(array))
        else:
            _check_orders(case, key, indices, len(array) // batch * batch, len(array))


def _indices(case: Case, key: str, drawn: np.ndarray, array: np.ndarray) -> np.ndarray:
    known = {row.tobytes(): i for i, row in enumerate(array.astype(np.float64))}
    samples = np.ascontiguousarray(drawn.reshape(-1, *array.shape[1:]))
    indices = np.array([known.get(row.tobytes(), -1) for row in samples])
    case.measured.true(bool((indices >= 0).all()), f"{key}: every sample is one of the data's")
    return indices


def _check_counts(case: Case, key: str, indices: np.ndarray, size: int) -> None:
    """Every sample, the first and the last as well, is as likely as another."""
    counts = np.bincount(indices, minlength=size)
    case.measured.true(bool((counts > 0).all()), f"{key}: samples {np.flatnonzero(counts == 0)}")
    _likely(case, float(stats.chisquare(counts).pvalue), f"{key}: each sample as often")
    for lag, moved in _lagged(indices[:, None].astype(np.float64)):
        _likely(case, moved, f"{key}: choices {lag} apart are independent")


def _check_orders(case: Case, key: str, indices: np.ndarray, epoch: int, size: int) -> None:
    """No order of an epoch is an earlier one's; each leaves out others of the last, partial batch.

    And the sample at a place says nothing of the next epoch's there.
    """
    orders = indices[: len(indices) // epoch * epoch].reshape(-1, epoch)
    distinct = len(np.unique(orders, axis=0))
    case.measured.true(distinct == len(orders), f"{key}: {distinct} orders in {len(orders)} epochs")
    seen = len(np.unique(orders))
    case.measured.true(seen == size, f"{key}: {seen} of {size} samples are ever seen")
    same = orders[1:] == orders[:-1]
    alike = stats.binomtest(int(same.sum()), same.size, 1 / size).pvalue
    _likely(case, float(alike), f"{key}: an epoch's order says nothing of the next one's")


def _check_stream(case: Case, key: str, source: Drawn, drawn: np.ndarray) -> None:
    """The distribution, and nothing of it from one iteration to another."""
    numbers = drawn.reshape(-1)[:: max(1, drawn.size // LARGEST_SAMPLE)]
    match source:
        case UniformNoise(low=low, high=high):
            found = stats.kstest(numbers, stats.uniform(low, high - low).cdf).pvalue
        case NormalNoise(mean=mean, std=std) | GaussianStream(mean=mean, std=std):
            found = stats.kstest(numbers, stats.norm(mean, std).cdf).pvalue
        case Labels(classes=classes):
            counts = np.bincount(drawn.reshape(-1).astype(int), minlength=classes)
            found = stats.chisquare(counts).pvalue
        case Slots(classes=classes):
            counts = np.bincount(drawn.reshape(-1).astype(int), minlength=classes)
            found = stats.chisquare(counts).pvalue
        case Mask(rate=rate):
            found = stats.binomtest(int(drawn.sum()), drawn.size, 1.0 - rate).pvalue
        case _:
            raise TypeError(f"{key}: {source.kind} is no stream")
    _likely(case, float(found), f"{key}: its distribution is {source.kind}'s")
    # A sorted row's numbers follow from each other; its mean does not from another's.
    rows = drawn.reshape(len(drawn), -1)
    sorted_ = isinstance(source, GaussianStream) and source.sorted
    rows = rows.mean(axis=1, keepdims=True) if sorted_ else rows
    for lag, moved in _lagged(rows):
        _likely(case, moved, f"{key}: numbers {lag} iterations apart are independent")


def _lagged(rows: np.ndarray) -> Iterator[tuple[int, float]]:
    """(lag, probability of such a correlation of rows that far apart, if there were none)."""
    standard = (rows - rows.mean()) / rows.std()
    for lag in range(1, LARGEST_LAG + 1):
        products = standard[lag:] * standard[:-lag]
        z = float(products.sum() / np.sqrt(products.size))
        yield lag, float(2 * stats.norm.sf(abs(z)))


def _likely(case: Case, probability: float, what: str) -> None:
    sound = probability >= FALSE_ALARM
    case.measured.true(sound, f"{what}: by chance with probability {probability:.1e}")
