"""Draws: addressed by global sample, stable, fresh where they must be."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import spec
from spec import data, randomness

SMALL = {"schedule.batch_size": 8}


@settings(deadline=None, max_examples=50)
@given(start=st.integers(0, 10**6), samples=st.integers(1, 9), words=st.integers(1, 11))
def test_a_sample_does_not_depend_on_its_batch(start: int, samples: int, words: int) -> None:
    together = randomness.raw_words("key", start, samples, words)
    alone = [randomness.raw_words("key", start + i, 1, words)[0] for i in range(samples)]
    np.testing.assert_array_equal(together, alone)


def test_streams_stay_the_same_across_versions() -> None:
    words = randomness.raw_words("gantlet", 0, 1, 3)[0]
    assert [int(word) for word in words] == KNOWN_WORDS
    assert randomness.normal("gantlet", 0, 1, (1,))[0, 0] == pytest.approx(KNOWN_NORMAL, rel=1e-14)


KNOWN_WORDS = [9779300344391206986, 17431487456252585112, 12281994861238074142]
KNOWN_NORMAL = 0.07561408275636168


def test_distributions() -> None:
    uniform = randomness.uniform("u", 0, 1000, (100,))
    normal = randomness.normal("n", 0, 1000, (100,))
    assert 0 < uniform.min() < uniform.max() < 1
    assert abs(uniform.mean() - 0.5) < 6 * 12**-0.5 / 316
    assert abs(normal.mean()) < 6 / 316
    assert abs(normal.std() - 1) < 6 / 316


def test_an_epoch_sees_every_sample_once_and_ends_with_a_partial_batch() -> None:
    workload = spec.load("mlp_square", SMALL)
    arrays = data.synthetic(workload, 0)
    batches = [randomness.draws(workload, 0, i, arrays) for i in range(3)]
    assert [batch["d/x"].shape[1] for batch in batches] == [8, 8, 4]
    assert [batch["g/z"].shape[1] for batch in batches] == [8, 8, 4]
    seen = np.concatenate([batch["d/x"][0] for batch in batches]).reshape(20, -1)
    everything = arrays["x"].astype(np.float64).reshape(20, -1)
    np.testing.assert_array_equal(np.sort(seen, axis=0), np.sort(everything, axis=0))
    second = randomness.draws(workload, 0, 3, arrays)
    assert not np.array_equal(second["d/x"], batches[0]["d/x"])


def test_noise_is_fresh_for_every_phase_and_iteration() -> None:
    workload = spec.load("mlp_square", SMALL)
    arrays = data.synthetic(workload, 0)
    draws = [randomness.draws(workload, seed, i, arrays) for seed in (0, 1) for i in (0, 1)]
    rows = np.concatenate([d[key][0] for d in draws for key in ("d/z", "g/z")])
    assert len(np.unique(rows, axis=0)) == len(rows)


def test_masks_are_drawn_for_every_dropout_of_every_forward_in_train_mode() -> None:
    path = Path(__file__).parent.parent / "meta" / "workloads" / "vocabulary_c.toml"
    workload = spec.load(str(path), SMALL)
    masks = {k: v for k, v in randomness.draws(workload, 0, 0, {}).items() if "dropout" in k}
    assert {key: value.shape for key, value in masks.items()} == {
        "d/0.dropout_0.z": (2, 8, 120),
        "d/1.dropout_0.x": (2, 8, 10, 10, 2),
        "d/1.dropout_0.fake": (2, 8, 10, 10, 2),
        "d/1.dropout_1.x": (2, 8, 5, 5, 4),
        "d/1.dropout_1.fake": (2, 8, 5, 5, 4),
        "g/0.dropout_0.z": (1, 8, 120),
        "g/1.dropout_0.fake": (1, 8, 10, 10, 2),
        "g/1.dropout_1.fake": (1, 8, 5, 5, 4),
    }
    discriminator = workload.networks["discriminator"]
    outside = randomness.masks(discriminator, "a key", 5)
    assert {key: value.shape for key, value in outside.items()} == {
        name: (5, *mask.shape) for name, mask in discriminator.masks().items()
    }
    rows = [row for value in masks.values() for row in value.reshape(-1, value[0, 0].size)]
    assert len({row.tobytes() for row in rows}) == len(rows)
    assert abs(masks["d/1.dropout_0.x"].mean() - 0.75) < 0.05


def test_repeated_phases_draw_for_each_repetition() -> None:
    workload = spec.load("gaussian", {**SMALL, "steps.d_steps": 3})
    draws = randomness.draws(workload, 0, 0, {})
    assert draws["d/x"].shape == (3, 8, 1000)
    assert draws["g/z"].shape == (100, 8, 1000)
    again = randomness.draws(workload, 0, 1, {})
    assert not np.array_equal(draws["d/x"][0], again["d/x"][0])


@pytest.mark.parametrize(
    ("first", "n", "length", "expected"),
    [
        (0, 4, 4, [(0, 0, 4)]),
        (0, 5, 4, [(0, 0, 4), (1, 0, 1)]),
        (3, 6, 4, [(0, 3, 4), (1, 0, 4), (2, 0, 1)]),
        (9, 1, 4, [(2, 1, 2)]),
        (8, 4, 4, [(2, 0, 4)]),
        (2, 3, 1, [(2, 0, 1), (3, 0, 1), (4, 0, 1)]),
    ],
)
def test_blocks_lie_at_absolute_places(
    first: int, n: int, length: int, expected: list[tuple[int, int, int]]
) -> None:
    assert list(randomness.blocks(first, n, length)) == expected


def test_full_batches_alone_are_an_epochs_first_ones() -> None:
    workload = spec.load("mlp_square", SMALL)
    arrays = data.synthetic(workload, 0)
    every = [randomness.draws(workload, 0, i, arrays) for i in (0, 1, 3, 4)]
    full = [randomness.draws(workload, 0, i, arrays, full_only=True) for i in range(4)]
    for one, other in zip(full, every, strict=True):
        assert one.keys() == other.keys()
        assert all(np.array_equal(one[key], other[key]) for key in one)


def test_what_phases_share_is_drawn_once() -> None:
    flow = Path(__file__).parent.parent / "meta" / "workloads" / "flow.toml"
    workload = spec.load(str(flow), SMALL)
    arrays = data.synthetic(workload, 0)
    draws = [randomness.draws(workload, 0, i, arrays) for i in range(3)]
    shapes = {key: value.shape for key, value in draws[0].items() if "dropout" not in key}
    assert shapes == {
        "shared/batch": (1, 8, 8, 8, 1),
        "shared/noise": (1, 8, 12),
        "first/z": (2, 8, 12),
        "second/x": (1, 8, 8, 8, 1),
    }
    noise = [value for one in draws for key, value in one.items() if key.endswith(("/z", "/noise"))]
    rows = np.concatenate([value.reshape(-1, 12) for value in noise])
    assert len(np.unique(rows, axis=0)) == len(rows) == 3 * 3 * 8
    assert not np.array_equal(draws[0]["shared/batch"], draws[0]["second/x"])
    # Repeated phases see full batches only, and an epoch sees each sample once.
    epoch = np.concatenate([one["shared/batch"][0] for one in draws[:2]]).reshape(16, -1)
    assert len(np.unique(epoch, axis=0)) == 16
    assert (workload.images_per_iteration, workload.updates_per_iteration) == (16, 4)
    assert workload.drawn(workload.phases[1]) == ["g/1.dropout_0.made"]
    assert workload.draw_keys(workload.phases[1]) == {"noise": "shared/noise"}
    assert workload.shared_keys(workload.phases[2]) == ["shared/batch", "shared/noise"]


def test_draws_with_replacement_know_no_smaller_batch() -> None:
    """Of 1,797 samples the 29th batch of 64 would have five."""
    for sampling, rows in (("with_replacement", 64), ("shuffled_epochs", 5)):
        workload = spec.load("mlp_small", {"data.sampling": sampling, "schedule.batch_size": 64})
        assert randomness.batch_rows(workload, 1797, 28)[1] == rows
