"""What quality is measured on: real samples that no training saw, classes, and noise."""

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from bench.plan.cells import Cell
from bench.training import beside, judging, samples
from bench.training.makers import makers, real_like
from spec import data, load, names

HELD_OUT = {"data.hold_out": 0.1}


def cell_of(name: str, put: Mapping[str, object]) -> Cell:
    size = load(name, put).schedule.batch_size
    return Cell(name, "reference", "eager", "float64", "cpu", size, name, json.dumps(dict(put)))


def test_held_out_samples_are_none_of_those_that_are_trained_on() -> None:
    cell = cell_of("mlp_square", HELD_OUT)
    found = beside.real_sets(cell, "x", 50)
    trained = data.load(cell.load())["x"]
    assert np.array_equal(found["training"], trained)
    assert {name: len(array) for name, array in found.items()} == {
        "training": 1617,
        "labels": 1617,
        "held_out": 180,
        "held_out_labels": 180,
    }
    assert not {a.tobytes() for a in found["held_out"]} & {a.tobytes() for a in trained}


def test_labels_are_those_of_the_same_samples() -> None:
    """A mean of each class, and held-out samples are nearest to their own's."""
    found = beside.real_sets(cell_of("mlp_square", HELD_OUT), "x", 50)
    flat = {key: found[key].reshape(len(found[key]), -1) for key in ("training", "held_out")}
    means = np.stack([flat["training"][found["labels"] == k].mean(axis=0) for k in range(10)])
    distance = ((flat["held_out"][:, None] - means[None]) ** 2).sum(axis=2)
    assert (distance.argmin(axis=1) == found["held_out_labels"]).mean() > 0.8


def test_rows_of_a_stream_are_fresh_and_noise_is_the_generator_s_own() -> None:
    workload = load("gaussian")
    found = beside.real_sets(cell_of("gaussian", {}), "x", 50)
    assert found.keys() == {"held_out"}
    assert found["held_out"].shape == (100, 1000)
    (maker,) = makers(workload)
    noise = beside.noise_like(workload, maker, found["held_out"], 50)
    assert noise.shape == (50, 1000)
    assert 0 <= noise.min() <= noise.max() <= 1  # U[0, 1)


def test_noise_of_images_is_uniform_over_the_real_ones_range() -> None:
    workload = load("pix2pix_64")
    (maker,) = makers(workload)
    noise = beside.noise_like(workload, maker, np.array([-1.0, 1.0]).reshape(2, 1, 1, 1), 500)
    assert noise.shape == (500, 1, 1, 1)
    assert -1 <= noise.min() < -0.9
    assert 0.9 < noise.max() <= 1


def test_each_maker_is_judged_beside_what_its_judge_is_given() -> None:
    two = load("cyclegan_64")
    assert {m.network: real_like(two, m) for m in makers(two)} == {
        "a_to_b": "flower",
        "b_to_a": "china",
    }
    for name in names():
        workload = load(name)
        assert all(real_like(workload, maker) in workload.sources for maker in makers(workload))


def test_records_are_written_by_network_and_what_does_not_fit_says_why(tmp_path: Path) -> None:
    workload = load("gaussian")
    rows = 4 + 1.5 * np.random.default_rng(1).standard_normal((60, 50))
    path = tmp_path / "arrays.npz"
    arrays = {"generated": rows[:20], "held_out": rows[20:], "noise": rows[:20] - 4}
    good = {f"generator|{name}": array for name, array in arrays.items()}
    few = {f"other|{name}": array[:1] for name, array in arrays.items()}
    samples.write(str(path), good | few)
    found = judging.judge(tmp_path, workload, path, 30)
    assert found["generator"]["outcome"] == "measured"
    assert found["generator"]["settled"] == {"generated": True, "held_out": True, "noise": False}
    assert found["other"]["outcome"].startswith("not measured: ")
    assert {record["iteration"] for record in found.values()} == {30}
    assert json.loads((tmp_path / judging.FILE).read_text("utf-8")).keys() == found.keys()
