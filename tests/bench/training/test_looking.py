"""What is measured of samples at each record: how far apart they lie, whether they are finite."""

from typing import Any

import numpy as np
import pytest

import spec
from bench.training import looking
from bench.training.makers import inputs_of, makers
from bench.training.quality import gaussian, spread
from spec import data

RANDOM = np.random.default_rng(1)


class Made:
    """A program whose networks make what is asked for of their inputs."""

    def __init__(self, of: Any) -> None:
        self.of = of

    def generate(self, state: Any, network: str, given: Any) -> Any:
        """As a Program does."""
        return self.of(network, given)


def looked(name: str, of: Any) -> dict[str, Any]:
    workload = spec.load(name)
    arrays = data.synthetic(workload, 1, batches=64, partial=False) if workload.arrays else {}
    return looking.looked_at(workload, Made(of), None, arrays)  # type: ignore[arg-type]


def test_a_share_is_that_of_the_gaussian_s_measure_and_of_images_too() -> None:
    real, own = RANDOM.normal(size=(20, 8)), 0.25 * RANDOM.normal(size=(30, 8))
    wanted = gaussian.sensitivity(own, real)
    assert spread.share(own, real) == pytest.approx(wanted)
    assert wanted == pytest.approx(0.25, rel=0.1)
    images = (own.reshape(30, 2, 2, 2), real.reshape(20, 2, 2, 2))
    assert spread.share(*images) == pytest.approx(wanted)
    assert spread.share(own[:1].repeat(5, axis=0), real) == 0.0


def test_samples_of_noise_are_measured_beside_real_ones() -> None:
    found = looked("gaussian", lambda network, given: 1.5 * np.sqrt(12) * given["input"])
    assert found["samples_not_finite"] == []
    assert found["spread"].keys() == {"generator"}
    # Uniform numbers lie 1/3 of their width apart, normal ones 2/sqrt(pi) of their deviation.
    uniform, normal = 1.5 * np.sqrt(12) / 3, 1.5 * 2 / np.sqrt(np.pi)
    assert found["spread"]["generator"] == pytest.approx(uniform / normal, rel=0.01)


def test_one_sample_that_is_not_finite_is_seen() -> None:
    def broken(network: str, given: Any) -> Any:
        made = np.array(given["input"])
        made[7, 3] = np.nan
        return made

    found = looked("gaussian", broken)
    assert found == {"spread": {"generator": None}, "samples_not_finite": ["generator"]}


def test_of_a_conditional_network_noise_alone_varies() -> None:
    """One that heeds its label and no noise makes the same of any noise."""
    workload = spec.load("cgan")
    (maker,) = makers(workload)
    given = inputs_of(workload, maker, {}, 64)
    alike = looking.alike(workload, maker, given)
    assert len(np.unique(given["label"])) > 1
    assert np.array_equal(alike["label"], np.repeat(given["label"][:1], 64, axis=0))
    assert np.array_equal(alike["z"], given["z"])

    def by_label(network: str, given: Any) -> Any:
        return np.ones((64, 28, 28, 1)) * given["label"].reshape(64, 1, 1, 1)

    assert looked("cgan", by_label)["spread"] == {"generator": 0.0}


def test_without_noise_all_inputs_vary() -> None:
    found = looked("cyclegan_64", lambda network, given: given["input"])
    assert found["spread"].keys() == {"a_to_b", "b_to_a"}
    assert all(0.5 < share < 2 for share in found["spread"].values())
