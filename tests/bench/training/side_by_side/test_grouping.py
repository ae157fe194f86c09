"""What is compared with what, by which name, where, and how far apart it is."""

from pathlib import Path
from typing import Any

import pytest

from bench.training.side_by_side.grouping import (
    Group,
    differences,
    groups,
    metrics,
    recorded,
    sampled,
)
from tests.bench.training.side_by_side.made import DIGITS, LINES, Lines, trained

IMAGES = {"generator": DIGITS}


def group(folder: Path, *of: dict[str, Any]) -> Group:
    (found,) = groups([trained(folder / str(i), **others) for i, others in enumerate(of)])
    return found


def test_the_same_spec_seed_and_draws_are_one_group(tmp_path: Path) -> None:
    others: list[dict[str, Any]] = [
        {},
        {"seed": 1},
        {"draws": "own"},
        {"spec_hash": "b" * 64},
        {"row": "pytorch", "mode": "eager"},
    ]
    made = [trained(tmp_path / str(i), **own) for i, own in enumerate(others)]
    assert [list(one.trainings) for one in groups(made)] == [
        ["flax_nnx compiled", "pytorch eager"],
        ["flax_nnx"],
        ["flax_nnx"],
        ["flax_nnx"],
    ]
    titles = [one.title for one in groups(made)]
    assert titles[0] == titles[3] == "Trainings of mlp_square, batch 64, seed 0, spec draws"
    assert titles[1:3] == [
        "Trainings of mlp_square, batch 64, seed 1, spec draws",
        "Trainings of mlp_square, batch 64, seed 0, own draws",
    ]
    assert [one.same_draws for one in groups(made)] == [True, True, False, True]


def test_names_say_what_differs_and_no_more(tmp_path: Path) -> None:
    assert list(group(tmp_path / "a", {"row": "pytorch"}, {}).trainings) == ["flax_nnx", "pytorch"]
    precise = {"precision": "float64"}
    assert list(group(tmp_path / "b", {}, precise, {}).trainings) == [
        "flax_nnx float32",
        "flax_nnx float32 #2",
        "flax_nnx float64",
    ]
    on_gpu = {"device": "cuda", "mode": "eager"}
    assert list(group(tmp_path / "c", {}, on_gpu).trainings) == [
        "flax_nnx compiled cpu",
        "flax_nnx eager cuda",
    ]


def test_metrics_of_all_losses_first(tmp_path: Path) -> None:
    first = {"lines": [(32, {"d_x": 0.5, "d_loss": 1.0})]}
    second = {"lines": [(32, {"z": 0.5, "g_loss": 1.0})]}
    found = group(tmp_path, first, second, {"lines": []})
    assert metrics(found) == ["d_loss", "g_loss", "d_x", "z"]
    assert list(recorded(found)) == ["flax_nnx", "flax_nnx #2"]


def test_samples_at_iterations_that_all_have(tmp_path: Path) -> None:
    of = [dict.fromkeys(own, IMAGES) for own in ((0, 16, 32, 64), (0, 32, 48), (0, 32, 64), ())]
    found = group(tmp_path / "a", *({"of": own} for own in of))
    assert sampled(found) == [0, 32]
    assert sampled(group(tmp_path / "b", {"of": {}})) == []
    assert sampled(group(tmp_path / "c", {"of": {0: IMAGES}}, {"of": {32: IMAGES}})) == []


def test_differences_are_relative_and_at_iterations_that_all_have(tmp_path: Path) -> None:
    one: Lines = [(32, {"a": 1.0, "b": 0.0}), (48, {"a": 9.0}), (64, {"a": -2.0, "b": 1.0})]
    two: Lines = [(32, {"a": 1.25, "b": 0.0}), (64, {"a": 2.0, "b": 1.5}), (96, {"a": 100.0})]
    three: Lines = [(32, {"a": 1.0, "b": 0.0}), (64, {"a": 1.0, "b": None})]
    of = [{"lines": own} for own in (one, two, three, [])]
    a, b = differences(group(tmp_path / "a", *of))
    assert a == ("a", pytest.approx(0.2), pytest.approx(2.0), 64, 2)
    assert b == ("b", 0.0, 0.0, 32, 1)  # of one of them it was not finite at 64


@pytest.mark.parametrize(
    ("one", "two", "apart"), [(-2.0, -1.0, 0.5), (-2.0, 1.0, 1.5), (-1e308, 1e308, 2.0)]
)
def test_signs_and_sizes_do_not_matter(
    tmp_path: Path, one: float, two: float, apart: float
) -> None:
    of = [{"lines": [(32, {"a": value})]} for value in (one, two)]
    assert differences(group(tmp_path, *of)) == [("a", apart, apart, 32, 1)]


def test_one_training_differs_from_none(tmp_path: Path) -> None:
    assert differences(group(tmp_path / "a", {})) == []
    assert differences(group(tmp_path / "b", {}, {"lines": []})) == []
    later = [(i + 1, values) for i, values in LINES]
    assert differences(group(tmp_path / "c", {}, {"lines": later})) == []
