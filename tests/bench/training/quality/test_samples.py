"""Arrays before they are compared: what does not fit, what is not finite, and equal counts."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.random import Generator

from bench.training.quality import samples as room
from bench.training.quality.samples import Samples, bounded, check, compared, not_finite
from spec.errors import UserError


def numbered(count: int, first: float = 0.0, *shape: int) -> np.ndarray:
    """Samples that are all of one number, each of its own."""
    numbers = first + np.arange(count, dtype=float)
    return np.broadcast_to(numbers.reshape(-1, *[1] * len(shape)), (count, *shape)).copy()


IMAGES = Samples(
    numbered(40, 1000, 4, 4, 1),
    numbered(50, 0, 4, 4, 1),
    numbered(30, 2000, 4, 4, 1),
    numbered(60, 3000, 4, 4, 1),
    np.arange(60) % 3,
    np.arange(50) % 3,
)


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"noise": numbered(30, 0, 100)}, "noise: given samples of shape (100,), but held_out has"),
        ({"generated": numbered(9, 0, 4, 4, 1)}, "generated: given 9 samples; give at least 10"),
        ({"held_out": numbered(19, 0, 4, 4, 1)}, "held_out: given 19 samples; give at least 20"),
        ({"training": None, "labels": None}, "training: given nothing"),
        ({"labels": np.arange(59)}, "labels: given shape (59,); give one label a sample"),
        ({"held_out_labels": np.zeros((50, 2))}, "held_out_labels: given shape (50, 2)"),
    ],
)
def test_what_does_not_fit_is_told(changed: dict[str, Any], words: str) -> None:
    check(IMAGES)
    with pytest.raises(UserError) as told:
        check(replace(IMAGES, **changed))
    assert words in str(told.value)


def test_samples_are_rows_or_images() -> None:
    flat = numbered(40, 0, 4, 4)
    with pytest.raises(UserError, match=r"rows \(length,\) and images"):
        check(Samples(flat, flat, flat))


@pytest.mark.parametrize("number", [np.nan, np.inf, -np.inf, 1.1e12, -1.1e12])
def test_what_is_not_finite_is_counted(number: float) -> None:
    assert not_finite(IMAGES) == {}
    generated = IMAGES.generated.copy()
    generated[3, 2, 1, 0] = generated[5] = number
    assert not_finite(replace(IMAGES, generated=generated)) == {"generated": 2}


def test_sets_have_one_count_and_the_reference_is_other_held_out_samples(
    random: Generator,
) -> None:
    sets = compared(IMAGES, random)
    assert {name: len(array) for name, array in sets.candidates.items()} == {
        "generated": 25,
        "held_out": 25,
        "noise": 25,
    }
    both = np.concatenate([sets.reference, sets.candidates["held_out"]])[:, 0, 0, 0]
    assert sorted(both) == list(range(50))
    for name, first in (("generated", 1000), ("noise", 2000)):
        drawn = set(sets.candidates[name][:, 0, 0, 0])
        assert len(drawn) == 25
        assert drawn <= {*range(first, first + 40)}


def test_the_smallest_set_decides(random: Generator) -> None:
    assert compared(replace(IMAGES, noise=IMAGES.noise[:12]), random).count == 12


def test_counts_are_bounded(random: Generator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "COMPARED", 15)
    assert compared(IMAGES, random).count == 15
    assert IMAGES.training is not None
    monkeypatch.setattr(room, "TRAINING", 40)
    images, labels = bounded(IMAGES.training, IMAGES.labels, random)
    assert len(images) == 40
    assert labels is not None
    np.testing.assert_array_equal(labels, (images[:, 0, 0, 0] - 3000) % 3)
    monkeypatch.setattr(room, "NUMBERS", 16 * 20)
    assert len(bounded(IMAGES.training, None, random)[0]) == 20
