"""Real samples: shapes, ranges, checksums; and the sorting that changes nothing."""

from pathlib import Path

import numpy as np
import pytest

import spec
from backends import ORACLE, load
from backends.protocol import Settings
from spec import data, randomness
from spec.data import digits, files, photos
from spec.data.digits import resize
from spec.data.photos import patches
from spec.errors import SpecError
from spec.state import init_state
from spec.workload import Workload


@pytest.mark.parametrize(
    ("name", "shape"), [("mlp_square", (1797, 28, 28, 1)), ("dcgan_32", (1950, 32, 32, 3))]
)
def test_embedded_data(name: str, shape: tuple[int, ...]) -> None:
    array = data.load(spec.load(name))["x"]
    assert array.shape == shape
    assert array.dtype == np.float32
    assert (array.min(), array.max()) == (-1.0, 1.0)


def test_images_are_those_that_scikit_learn_gives() -> None:
    from sklearn.datasets import load_digits, load_sample_images

    assert np.array_equal(digits.images(), load_digits().images)
    for ours, theirs in zip(photos.images().values(), load_sample_images().images, strict=True):
        assert np.array_equal(ours, theirs)


def test_images_are_lent_to_a_process_without_scikit_learn(monkeypatch: pytest.MonkeyPatch) -> None:
    lent = files.lent()
    monkeypatch.setattr(files, "find_spec", lambda name: None)
    assert files.lent() == {}
    with pytest.raises(ModuleNotFoundError, match="install scikit-learn"):
        digits.images()
    for name, value in lent.items():
        monkeypatch.setenv(name, value)
    assert digits.images().shape == (1797, 8, 8)
    assert files.lent() == lent, "what is lent is lent on"


def test_wrong_checksum_is_an_error() -> None:
    workload = spec.load("mlp_square", {"data.sha256": "0" * 64})
    with pytest.raises(SpecError, match="sha256"):
        data.load(workload)


def test_batch_larger_than_the_data_is_an_error() -> None:
    with pytest.raises(SpecError, match="batch_size"):
        data.load(spec.load("mlp_square", {"schedule.batch_size": 4096}))


def test_a_batch_may_be_larger_than_data_drawn_with_replacement() -> None:
    put = {"data.sampling": "with_replacement", "schedule.batch_size": 4096}
    workload = spec.load("mlp_square", put)
    arrays = data.load(workload)
    drawn = [randomness.draws(workload, 0, i, arrays) for i in range(2)]
    assert {array.shape[:2] for d in drawn for array in d.values()} == {(1, 4096)}
    rows = np.concatenate([d["d/z"][0] for d in drawn])
    assert len(np.unique(rows[:, 0])) == len(rows), "noise is fresh"


def test_errors_name_the_field_of_the_long_form() -> None:
    """Whatever its sources and phases are called: here as the short form calls its own."""
    path = str(Path(__file__).parent / "long" / "g_first.toml")
    assert not spec.load(path).short
    with pytest.raises(SpecError, match=r"^sources\.x\.count: given 1796, but there are 1,797"):
        data.load(spec.load(path, {"sources.x.count": 1796}))
    with pytest.raises(SpecError, match=r"^sources\.x\.sha256: given 00"):
        data.load(spec.load(path, {"sources.x.sha256": "00"}))


def test_how_a_file_was_written_is_not_in_the_hash() -> None:
    short = spec.load("mlp_small")
    assert short.short
    long = Workload.model_validate_json(short.model_dump_json())
    assert not long.short
    assert long.spec_hash == short.spec_hash


def test_errors_name_the_field_of_the_short_form() -> None:
    with pytest.raises(SpecError, match=r"^data\.count: given 5, but there are 1,797"):
        data.load(spec.load("mlp_square", {"data.count": 5}))
    with pytest.raises(SpecError, match=r"^schedule\.batch_size: given 4096, but digits has 1,797"):
        data.load(spec.load("mlp_square", {"schedule.batch_size": 4096}))


def test_images_need_not_be_square() -> None:
    size = {"generator.layers[6].shape": [14, 56, 1], "discriminator.input": [14, 56, 1]}
    array = data.load(spec.load("mlp_square", {**size, "data.shape": [14, 56, 1]}))["x"]
    assert array.shape == (1797, 14, 56, 1)
    assert np.ptp(array[0], axis=(1, 2)).max() > 0


@pytest.mark.parametrize("shape", [[428, 32, 3], [32, 641, 3], [32, 32, 1]])
def test_patches_that_no_photograph_has(shape: list[int]) -> None:
    with pytest.raises(SpecError, match=r"dcgan_32: data\.shape: .* at most \[427, 640, 3\]"):
        spec.load("dcgan_32", {"data.shape": shape})


def test_resize_keeps_constants_and_doubles_bilinearly() -> None:
    assert np.allclose(resize(np.full((1, 8, 8), 3.0), 28, 28), 3.0)
    row = resize(np.array([[[0.0, 1.0], [0.0, 1.0]]]), 2, 4)[0, 0]
    np.testing.assert_allclose(row, [0.0, 0.25, 0.75, 1.0])


def test_patches_lie_on_the_grid() -> None:
    photograph = np.arange(5 * 7 * 3, dtype=float).reshape(5, 7, 3)
    cut = patches(photograph, 2, 3, 2)
    assert cut.shape == (2 * 3, 2, 3, 3)
    np.testing.assert_array_equal(cut[1], photograph[0:2, 2:5])


def test_sorting_real_rows_changes_nothing() -> None:
    """The Gaussian document sorts each real row; D sees only mean and standard deviation."""
    workload = spec.load("gaussian", {"schedule.batch_size": 8})
    program = load(ORACLE).program(workload, Settings("eager", "float64", "cpu", 1))
    state = program.import_state(init_state(workload, 0))
    draws = {k: v[0] for k, v in randomness.draws(workload, 0, 0, {}).items()}
    plain = program.losses_and_gradients(state, "d", draws)
    rows = draws | {"d/x": np.sort(draws["d/x"], axis=1)}
    ordered = program.losses_and_gradients(state, "d", rows)
    assert ordered[0] == pytest.approx(plain[0], rel=1e-12)
    for key, gradient in plain[1].items():
        np.testing.assert_allclose(ordered[1][key], gradient, rtol=1e-9, atol=1e-13)
