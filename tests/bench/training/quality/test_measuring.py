"""The record: of digits, of rows, of generators that fail in known ways, and of what is not finite.

A good generator of digits is played by real digits that are in no other set.
"""

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.random import PCG64, Generator
from threadpoolctl import threadpool_info, threadpool_limits

from bench.training.quality import features, resampling
from bench.training.quality import rows as of_rows
from bench.training.quality.meaning import MEANING
from bench.training.quality.measuring import measure
from bench.training.quality.rows import Target
from bench.training.quality.samples import Samples
from spec.data import digits
from spec.errors import UserError

TARGET = Target(4.0, 1.5)
SETS = {"generated", "held_out", "noise"}
FOR_ROWS = {"mean_error", "std_error", "wasserstein", "kolmogorov_smirnov", "z_sensitivity"}
OF_CLASSES = {"classes_found", "class_evenness", "confidence"}
FOR_IMAGES = {"kernel_distance", "precision", "recall", "distance_ratio", "share_nearer"}


@pytest.fixture(name="images", scope="module")
def _images() -> Samples:
    """8x8, as the digits are, so that the tests are fast."""
    random = Generator(PCG64(5))
    small = digits.images()[..., None] / 8.0 - 1.0
    order = random.permutation(len(small))
    small, labels = small[order], digits.classes()[order]
    noise = random.uniform(-1.0, 1.0, (300, 8, 8, 1))
    return Samples(
        small[1400:], small[1000:1400], noise, small[:1000], labels[:1000], labels[1000:1400]
    )


@pytest.fixture(name="rows")
def _rows(random: Generator) -> Samples:
    real, generated = random.normal(4.0, 1.5, (2, 60, 100))
    return Samples(generated, real, random.uniform(0.0, 1.0, (60, 100)))


@pytest.fixture(name="record", scope="module")
def _record(images: Samples) -> dict[str, Any]:
    return measure(images)


@pytest.fixture(name="_quick")
def _few_resamples(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resampling, "RESAMPLES", 20)
    monkeypatch.setattr(features, "UPDATES", 300)


def values(record: dict[str, Any], name: str) -> dict[str, float]:
    return {key: found["value"] for key, found in record["measures"][name].items()}


def test_every_measure_has_its_value_of_three_sets_and_its_meaning(
    record: dict[str, Any], rows: Samples
) -> None:
    other = measure(rows, TARGET)
    assert set(record["measures"]) == FOR_IMAGES | OF_CLASSES
    assert set(other["measures"]) == FOR_ROWS
    assert set(MEANING) == FOR_IMAGES | OF_CLASSES | FOR_ROWS | {"class_shares"}
    for found in [*record["measures"].values(), *other["measures"].values()]:
        assert set(found) == SETS
        for estimate in found.values():
            assert estimate["low"] <= estimate["value"] <= estimate["high"]
    for one in (record, other):
        assert json.loads(json.dumps(one, allow_nan=False)) == one


def test_a_record_says_what_was_used(record: dict[str, Any]) -> None:
    assert (record["outcome"], record["kind"]) == ("measured", "images")
    assert record["counts"] == {
        "given": {"generated": 397, "held_out": 400, "noise": 300, "training": 1000},
        "compared": 200,
        "reference": 200,
    }
    assert (record["resamples"], record["confidence"], record["seed"]) == (200, 0.95, 0)
    told = record["features"]
    assert (told["kind"], told["width"], told["training"]) == ("classifier", 64, 1000)
    assert told["held_out_accuracy"] > 0.95
    assert told["accurate"]


def test_real_digits_are_told_from_noise_by_every_measure(record: dict[str, Any]) -> None:
    for name in FOR_IMAGES - {"share_nearer"} | OF_CLASSES:
        generated, held_out, noise = (
            record["measures"][name][key] for key in ("generated", "held_out", "noise")
        )
        assert generated["low"] <= held_out["high"], name
        assert held_out["low"] <= generated["high"], name
        apart = held_out["high"] < noise["low"] or noise["high"] < held_out["low"]
        assert apart, name


def test_shares_of_classes_stand_by_name(record: dict[str, Any]) -> None:
    found = record["classes"]
    assert found["names"] == list(range(10))
    assert found["smallest_share"] == pytest.approx(0.01)
    assert set(found["shares"]) == SETS
    for shares in found["shares"].values():
        assert sum(share["value"] for share in shares) == pytest.approx(1.0)
    assert all(0.03 < share["value"] < 0.2 for share in found["shares"]["held_out"])
    least = min(share["low"] for share in found["shares"]["noise"])
    assert least == 0.0


def test_intervals_of_classes_are_over_samples(record: dict[str, Any]) -> None:
    for name in OF_CLASSES:
        noise = record["measures"][name]["noise"]
        assert noise["low"] < noise["high"], name
    assert all(share["low"] < share["high"] for share in record["classes"]["shares"]["held_out"])


@pytest.mark.usefixtures("_quick")
def test_a_generator_that_collapsed_is_seen(images: Samples) -> None:
    one = np.repeat(images.generated[:1], 300, axis=0)
    record = measure(replace(images, generated=one))
    assert values(record, "recall")["generated"] < 0.02
    assert values(record, "precision")["generated"] == 1.0
    assert values(record, "classes_found")["generated"] == 1.0
    assert values(record, "class_evenness")["generated"] == 0.0


@pytest.mark.usefixtures("_quick")
def test_a_generator_that_memorised_is_seen_without_labels_too(images: Samples) -> None:
    assert images.training is not None
    record = measure(replace(images, generated=images.training[:300], labels=None))
    assert record["features"] == {"kind": "pca", "width": 65, "training": 1000}
    assert "classes" not in record
    assert set(record["measures"]) == FOR_IMAGES
    assert values(record, "distance_ratio")["generated"] < 0.01
    assert values(record, "share_nearer")["generated"] == 1.0
    assert values(record, "precision")["generated"] > 0.7


def test_rows_are_settled_or_not(rows: Samples) -> None:
    record = measure(rows, TARGET)
    assert record["target"] == {"mean": 4.0, "std": 1.5}
    assert record["settled"] == {"generated": True, "held_out": True, "noise": False}
    assert values(record, "mean_error")["noise"] == pytest.approx(-3.5, abs=0.03)
    assert values(record, "wasserstein")["noise"] == pytest.approx(3.5, abs=0.1)
    for name, right in (("mean_error", 0.0), ("std_error", 0.0), ("z_sensitivity", 1.0)):
        held_out = record["measures"][name]["held_out"]
        assert held_out["low"] < right + 0.03
        assert right - 0.03 < held_out["high"]


def test_a_generator_that_ignores_its_noise_settles_and_is_seen(rows: Samples) -> None:
    row = rows.held_out[:1]
    row = 4.0 + 1.5 * (row - row.mean()) / row.std()
    record = measure(replace(rows, generated=np.repeat(row, 60, axis=0)), TARGET)
    assert record["settled"]["generated"]
    assert record["measures"]["z_sensitivity"]["generated"] == dict.fromkeys(
        ("value", "low", "high"), 0.0
    )


@pytest.mark.usefixtures("_quick")
def test_a_record_repeats_itself_and_the_seed_matters(images: Samples, rows: Samples) -> None:
    assert measure(rows, TARGET, seed=3) == measure(rows, TARGET, seed=3)
    assert measure(rows, TARGET, seed=4)["measures"] != measure(rows, TARGET, seed=3)["measures"]
    assert measure(images) == measure(images)


@pytest.mark.parametrize("name", ["generated", "held_out", "noise", "training"])
@pytest.mark.parametrize("number", [np.nan, np.inf, 1e30])
def test_what_is_not_finite_is_an_outcome(images: Samples, name: str, number: float) -> None:
    broken = getattr(images, name).copy()
    broken[2, 3, 4, 0] = number
    record = measure(replace(images, **{name: broken}))
    assert (record["outcome"], record["measures"]) == ("not finite", {})
    assert record["not_finite"] == {name: 1}
    json.dumps(record, allow_nan=False)


@pytest.mark.usefixtures("_quick")
@pytest.mark.parametrize("size", [1e12, 1e-30, 0.0])
def test_what_is_barely_finite_is_measured(images: Samples, rows: Samples, size: float) -> None:
    """Without a warning, or pytest's settings would make it an error."""
    for samples in (images, rows):
        generated = np.clip(samples.generated * size, -size, size).astype(np.float32)
        record = measure(replace(samples, generated=generated), TARGET)
        json.dumps(record, allow_nan=False)
        assert record["outcome"] == "measured"


@pytest.mark.usefixtures("_quick")
def test_what_is_undefined_is_none(rows: Samples) -> None:
    record = measure(replace(rows, held_out=np.ones((60, 100))), TARGET)
    assert values(record, "z_sensitivity") == dict.fromkeys(SETS)
    json.dumps(record, allow_nan=False)


def test_it_stays_on_one_core(rows: Samples, monkeypatch: pytest.MonkeyPatch) -> None:
    def threads(*_: object) -> dict[str, int]:
        return {"threads": max(pool["num_threads"] for pool in threadpool_info())}

    monkeypatch.setattr(of_rows, "measured", threads)
    with threadpool_limits(limits=2, user_api=None):
        assert threads()["threads"] == 2
        assert measure(rows, TARGET)["threads"] == 1
        assert threads()["threads"] == 2


def test_rows_need_a_target(rows: Samples) -> None:
    with pytest.raises(UserError, match="target: given nothing"):
        measure(rows)
