"""The built-in workloads say what the documents say."""

import re
import tomllib
from math import prod
from pathlib import Path
from typing import Any

import pytest

import spec
from spec.layers import Tanh
from tests.conformance.golden import golden, read_golden

PARAMETERS = {
    "mlp_square": {"generator": 468_240, "discriminator": 267_009},
    "dcgan_32": {"generator": 1_068_928, "discriminator": 663_296},
    "gaussian": {"generator": 66_088, "discriminator": 1_185},
    "gaussian_raw": {"generator": 66_088, "discriminator": 33_121},
    "mlp_small": {"generator": 227_344, "discriminator": 201_217},
    "mlp_wide": {"generator": 1_486_352, "discriminator": 533_505},
    "mlp_wide_relu": {"generator": 1_486_352, "discriminator": 533_505},
    "wgan": {"generator": 1_510_032, "critic": 533_505},
    "dcgan_64": {"generator": 3_576_704, "discriminator": 2_765_568},
    "dcgan_28": {"generator": 2_305_472, "discriminator": 212_865},
    "cgan": {"generator": 1_757_412, "discriminator": 1_055_845},
    "pix2pix_64": {"generator": 29_241_987, "discriminator": 2_766_657},
    "cyclegan_64": dict.fromkeys(("a_to_b", "b_to_a"), 1_079_555)
    | dict.fromkeys(("d_a", "d_b"), 694_241),
}
"""Counted by hand from the documents, or published."""


@pytest.mark.parametrize("name", spec.names())
def test_parameter_counts(name: str) -> None:
    networks = spec.load(name).networks
    counts = {n: sum(prod(p.shape) for p in w.parameters().values()) for n, w in networks.items()}
    assert counts == PARAMETERS[name]


@pytest.mark.parametrize("name", spec.names())
def test_data_have_the_range_that_the_generator_gives(name: str) -> None:
    workload = spec.load(name)
    made = next(iter(workload.networks.values()))
    if not any(isinstance(layer, Tanh) for layer in made.layers):
        return
    assert workload.arrays
    for source in workload.arrays.values():
        assert source.range == (-1.0, 1.0)


@pytest.mark.parametrize("name", spec.names())
def test_golden_losses_are_current(name: str) -> None:
    committed, now = read_golden(name), golden(name)
    assert committed["spec_hash"] == now["spec_hash"]
    for then, metrics in zip(committed["iterations"], now["iterations"], strict=True):
        assert metrics == pytest.approx(then, rel=1e-12, abs=1e-12)


@pytest.mark.parametrize("name", spec.names())
def test_provenance_says_what_was_taken(name: str) -> None:
    workload = spec.load(name)
    assert workload.provenance is not None
    assert len(workload.provenance.fields) >= 10
    for entry in workload.provenance.fields:
        if entry.status != "document":
            assert entry.taken, f"{entry.field} is {entry.status}: what was taken instead?"


@pytest.mark.parametrize("name", spec.names())
def test_provenance_speaks_of_fields_that_there_are(name: str) -> None:
    text = (Path(spec.__file__).parent / "workloads" / f"{name}.toml").read_text(encoding="utf-8")
    written = tomllib.loads(text)
    for entry in written["provenance"]["fields"]:
        value: Any = written
        for word in re.findall(r"\w+", entry["field"]):
            key = int(word) if word.isdecimal() else word
            assert key in (range(len(value)) if isinstance(value, list) else value), entry["field"]
            value = value[key]


def test_provenance_is_not_part_of_the_hash() -> None:
    workload = spec.load("gaussian")
    assert workload.model_copy(update={"provenance": None}).spec_hash == workload.spec_hash
    other = spec.load("gaussian", {"schedule.batch_size": 99})
    assert other.spec_hash != workload.spec_hash


def test_multiply_adds_of_dcgan() -> None:
    networks = spec.load("dcgan_32").networks
    assert networks["generator"].multiply_adds() == 17_973_248
    assert networks["discriminator"].multiply_adds() == 17_567_744
