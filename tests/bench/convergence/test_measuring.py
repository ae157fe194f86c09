"""What an evaluation measures: the quantities of the rooms of quality, on the same samples."""

import json
from math import isnan

import numpy as np
import pytest

import spec
from bench.convergence.measuring import gauge_of, within
from bench.plan.cells import Cell
from bench.training.beside import real_sets
from bench.training.makers import makers
from bench.training.quality import features, gaussian
from bench.training.quality.kernel_distance import kernel_distance


def cell_of(name: str) -> Cell:
    workload = spec.load(name)
    assert workload.target is not None
    put = json.dumps(dict(workload.target.set))
    size = workload.schedule.batch_size
    return Cell(name, "reference", "eager", "float64", "cpu", size, name, put)


def test_rows_of_numbers_by_their_mean_and_deviation() -> None:
    cell, target = cell_of("gaussian"), spec.load("gaussian").target
    assert target is not None
    gauge = gauge_of(cell, target)
    rows = 4.1 + 1.4 * np.random.default_rng(1).standard_normal((500, 100))
    found = gauge.of(rows)
    assert found["mean_error"] == pytest.approx(0.1, abs=0.03)
    assert found["std_error"] == pytest.approx(-0.1, abs=0.03)
    assert within(target, found) == gaussian.settled(rows, 4.0, 1.5)
    assert not within(target, gauge.of(rows - 0.4))
    rows[3, 5] = np.nan
    assert all(isnan(value) for value in gauge.of(rows).values())
    assert not within(target, gauge.of(rows))


def test_images_by_their_distance_from_held_out_ones() -> None:
    cell, target = cell_of("mlp_square"), spec.load("mlp_square").target
    assert target is not None
    gauge = gauge_of(cell, target)
    real = real_sets(cell, "x", 500)
    fitted = features.fit(real["training"], None, 0)
    own = kernel_distance(fitted.of(real["training"][:500]), fitted.of(real["held_out"]))
    found = gauge.of(real["training"][:500])
    assert found["kernel_distance"] == pytest.approx(own, rel=0.05)
    assert within(target, found)
    noise = np.random.default_rng(1).uniform(-1, 1, (500, 28, 28, 1))
    assert not within(target, gauge.of(noise))
    alike = np.repeat(real["training"][:1], 500, axis=0)
    assert not within(target, gauge.of(alike))
    for bad in (np.nan, 1e13):  # a GAN that has left the finite numbers is measured all the same
        broken = noise.copy()
        broken[3, 5] = bad
        assert isnan(gauge.of(broken)["kernel_distance"])
    assert gauge.of(noise) == gauge_of(cell, target).of(noise)  # the same in every run


def test_the_generator_alone_is_asked() -> None:
    for name in ("gaussian", "mlp_square"):
        workload = spec.load(name)
        assert [maker.network for maker in makers(workload)] == ["generator"]
