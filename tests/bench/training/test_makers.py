"""Which networks make samples, from what; how long a training is; what its losses come to."""

from math import log

import numpy as np
import pytest

import spec
from bench.training import images, length, metrics
from bench.training.makers import inputs_of, makers, real
from spec import data

MAKERS = {
    "mlp_square": {"generator": {"input": "d/z"}},
    "gaussian": {"generator": {"input": "d/z"}},
    "mlp_wide": {"generator": {"input": "d_fake/z"}},
    "cgan": {"generator": {"z": "g/z", "label": "shared/wanted"}},
    "wgan": {"generator": {"input": "shared/noise"}},
    "pix2pix_64": {"generator": {"input": "shared/pair.edges"}},
    "cyclegan_64": {"a_to_b": {"input": "shared/a"}, "b_to_a": {"input": "shared/b"}},
}


@pytest.mark.parametrize("name", MAKERS)
def test_makers_are_given_draws_and_their_outputs_to_others(name: str) -> None:
    """No network is known by its name: CycleGAN has two, and discriminators are none."""
    assert {m.network: m.inputs for m in makers(spec.load(name))} == MAKERS[name]


def test_every_workload_has_a_maker() -> None:
    for name in spec.names():
        assert makers(spec.load(name)), name


def test_inputs_are_the_same_for_all_and_real_ones_come_from_the_array() -> None:
    workload = spec.load("pix2pix_64")
    arrays = data.synthetic(workload, 1, batches=9, partial=False)
    (maker,) = makers(workload)
    (given,) = inputs_of(workload, maker, arrays, 3).values()
    (source,) = workload.arrays
    assert np.array_equal(given, arrays[f"{source}.edges"][[0, 4, 8]])
    assert np.array_equal(real(workload, arrays, 3)[source], arrays[source][[0, 4, 8]])
    noisy = spec.load("cgan")
    (maker,) = makers(noisy)
    one, other = (inputs_of(noisy, maker, {}, count) for count in (8, 4))
    assert np.array_equal(one["z"][:4], other["z"])
    assert one["label"].dtype.kind == "i"


@pytest.mark.parametrize(
    ("name", "samples", "expected"),
    [
        ("mlp_square", 1797, 200 * 28),  # 28 full batches of 64 an epoch
        ("gaussian", 0, 200),
        ("mlp_wide", 1797, 10_000),
        ("cyclegan_64", 851, 200 * 851),
    ],
)
def test_a_training_is_as_long_as_its_document_says(name: str, samples: int, expected: int) -> None:
    workload = spec.load(name)
    arrays = {source: np.zeros(samples) for source in workload.arrays}
    assert length.iterations(workload, arrays) == expected


def test_epochs_are_shorter_where_an_iteration_takes_several_batches() -> None:
    put = {"steps.d_steps": 4, "schedule.batch_size": 16}
    workload = spec.load("mlp_square", put)
    assert length.iterations(workload, {"x": np.zeros(640)}) == 200 * 10


def test_intervals_are_whole_chunks() -> None:
    workload = spec.load("wgan")
    grid = length.grid(workload)
    assert grid % workload.period == 0
    assert length.interval(workload, 6000) == grid
    assert length.interval(workload, 6000, 100) == 3 * grid
    assert length.interval(workload, 10, 1) == grid


@pytest.mark.parametrize(
    ("name", "put", "losses", "weight"),
    [
        ("mlp_square", {}, ("d_loss",), 2.0),
        ("gaussian", {}, ("d_loss",), 1.0),
        ("mlp_wide", {}, ("d_real_loss", "d_fake_loss"), 2.0),
        ("wgan", {}, None, 0.0),
        ("cgan", {}, None, 0.0),
    ],
)
def test_the_mean_of_the_halves_is_ln_2_where_d_knows_nothing(
    name: str, put: dict[str, object], losses: tuple[str, ...] | None, weight: float
) -> None:
    workload = spec.load(name, put)
    found = metrics.halves(workload)
    if losses is None:  # a critic, and least squares
        assert found == {}
        return
    assert found == {"discriminator_loss_mean": (losses, weight)}
    raw = {loss: [weight * log(2) / len(losses)] * 3 for loss in losses}
    made = metrics.record(workload, 3, 1.0, 1.0, raw)["metrics"]
    assert made["discriminator_loss_mean"] == pytest.approx(log(2))


def test_a_grid_has_samples_row_by_row_in_their_range() -> None:
    samples = np.zeros((3, 2, 2, 1))
    samples[1] = 1.0
    samples[2] = np.nan
    pixels = np.asarray(images.grid(samples, 0.0, 1.0))
    zoom = images.LARGEST_ZOOM
    assert pixels.shape == (6 * zoom, 6 * zoom)
    small = pixels[::zoom, ::zoom]
    assert small[:2].tolist() == [[0, 0, 255, 255, 255, 255]] * 2
    assert small[4:, :2].tolist() == [[0, 0]] * 2  # not a number: the lowest
    wide = np.asarray(images.grid(np.arange(5.0).reshape(5, 1, 1, 1), 0.0, 4.0))[::zoom, ::zoom]
    assert wide[::3, ::3].tolist() == [[0, 64, 128], [191, 255, 255]]
    assert images.grid(np.zeros((1, 4, 4, 3)), -1.0, 1.0).mode == "RGB"
