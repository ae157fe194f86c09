"""A checkpoint gives back what went in, bit for bit, and other programs can read it."""

import json
import stat
from pathlib import Path

import numpy as np
import pytest
from safetensors import safe_open

import spec
from bench.training import checkpoint
from bench.training.facts import KEY, from_text
from spec.errors import UserError
from spec.state import proof_state, shapes
from tests.bench.training.made import OVERRIDES, facts, state, taken_apart, workload, written


@pytest.mark.parametrize("precision", ["float32", "float64"])
@pytest.mark.parametrize("name", OVERRIDES)
def test_it_comes_back_bit_for_bit(tmp_path: Path, name: str, precision: str) -> None:
    of = facts(name, precision=precision)
    path, given = tmp_path / "one.safetensors", state(of)
    checkpoint.write(path, given, of)
    told, found = checkpoint.read(path, of.workload)
    assert told == of
    assert told.workload.spec_hash == of.workload.spec_hash
    assert found.keys() == given.keys() == shapes(of.workload).keys()
    for key, array in given.items():
        assert (found[key].dtype, found[key].shape) == (array.dtype, array.shape), key
        assert found[key].tobytes() == array.tobytes(), key
        assert found[key].flags.writeable
        assert found[key].flags.owndata  # nothing is mapped from the file


def test_the_states_have_what_is_hard() -> None:
    """Counters, arrays without an axis, pools with old samples, moving averages."""
    found = state(facts("cyclegan_64"))
    assert found["pool/d/shown_a/samples"].shape[0] == 3
    assert found["pool/d/shown_a/count"] == 1
    assert found["pool/d/shown_a/samples"][0].any()
    assert found["iteration"].shape == ()
    assert {"iteration", "pool/d/shown_a/count"} < {k for k, a in found.items() if a.dtype == "i8"}
    assert any(key.endswith("/step") for key in found)
    assert any(key.startswith("average/generator/") for key in state(facts("mlp_small")))
    assert workload("gaussian").short
    assert not workload("wgan").short


def test_arrays_that_are_no_row_of_numbers_are_written_as_they_read(tmp_path: Path) -> None:
    """A transposed array, every second number of one, one of the other byte order."""
    of, path = facts(), tmp_path / "one.safetensors"
    given = state(of)
    key = next(key for key, array in given.items() if array.ndim == 2)
    for other in (
        np.asfortranarray(given[key]),
        np.repeat(given[key], 2, axis=1)[:, ::2],
        given[key].astype(">f4"),
    ):
        checkpoint.write(path, given | {key: other}, of)
        assert checkpoint.read(path)[1][key].tobytes() == given[key].tobytes()


def test_the_library_reads_it(tmp_path: Path) -> None:
    of = written(tmp_path / "one.safetensors")
    given = state(of)
    with safe_open(tmp_path / "one.safetensors", framework="np") as file:
        assert set(file.keys()) == given.keys()
        assert from_text(file.metadata()[KEY]) == of
        assert all((file.get_tensor(key) == array).all() for key, array in given.items())


def test_a_state_of_a_proof_is_one(tmp_path: Path) -> None:
    """After so many iterations as they say: no step of a lazy phase is counted another way."""
    for name in OVERRIDES:
        of = facts(name, iteration=13, precision="float64")
        path = tmp_path / f"{name}.safetensors"
        checkpoint.write(path, proof_state(of.workload, 11, first=13), of)
        assert checkpoint.read(path)[0].iteration == 13


def test_it_stands_alone(tmp_path: Path) -> None:
    """The header has the facts, and all of the workload: no TOML file is needed again."""
    own = spec.load(
        "mlp_small", {"schedule.batch_size": 3, "optimizers.discriminator.learning_rate": 1e-4 / 3}
    )
    of = written(tmp_path / "one.safetensors", facts(workload=own))
    text = json.loads(taken_apart(tmp_path / "one.safetensors")[0]["__metadata__"][KEY])
    assert (text["format"], text["name"], text["spec_hash"]) == (1, "mlp_small", own.spec_hash)
    assert (text["seed"], text["iteration"], text["chunk"], text["draws"]) == (11, 7, 32, "own")
    assert (text["row"], text["mode"], text["device"]) == ("flax_nnx", "multistep", "cpu")
    assert text["precision"] == "float32"
    assert text["versions"] == {"jax": "0.10.0", "flax": "0.12.1", "optax": None}
    found = checkpoint.read(tmp_path / "one.safetensors")[0].workload
    assert found == of.workload
    assert found.optimizers["discriminator"].learning_rate == 1e-4 / 3


def test_nothing_secret_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/grace.h")
    monkeypatch.setenv("FORGE_TOKEN", "s3cret-of-hers")
    title = "tried in /home/grace.h/gans with s3cret-of-hers"
    own = workload("gaussian").model_copy(update={"title": title})
    of = facts(workload=own, versions={"jax": "0.10 from /home/grace.h/wheels"})
    written(tmp_path / "one.safetensors", of)
    content = (tmp_path / "one.safetensors").read_bytes()
    assert b"grace" not in content
    assert b"s3cret" not in content
    told = checkpoint.read(tmp_path / "one.safetensors", own)[0]
    assert told.workload.title == "tried in ~/gans with ***"
    assert told.versions == {"jax": "0.10 from ~/wheels"}
    assert told.workload.spec_hash == own.spec_hash


def test_the_older_one_is_replaced_and_nothing_else_is_there(tmp_path: Path) -> None:
    path = tmp_path / "one.safetensors"
    written(path, facts(seed=1))
    written(path, facts(seed=2))
    assert checkpoint.read(path)[0].seed == 2
    assert [one.name for one in tmp_path.iterdir()] == [path.name]
    assert stat.S_IMODE(path.stat().st_mode) & 0o600 == 0o600


DIVERGED = "generator/dense_0/kernel"
NOT_WRITTEN = {
    "a number that is no number": (
        lambda s: s | {DIVERGED: np.full_like(s[DIVERGED], np.nan)},
        rf"not written: numbers that are not finite: '{DIVERGED}'; the checkpoints that are there",
    ),
    "an infinite one": (
        lambda s: s | {DIVERGED: np.full_like(s[DIVERGED], -np.inf)},
        rf"numbers that are not finite: '{DIVERGED}'",
    ),
    "one array less": (
        lambda s: {key: array for key, array in s.items() if key != DIVERGED},
        rf"it lacks tensors of gaussian: '{DIVERGED}'",
    ),
    "one array more": (lambda s: s | {"x": s["iteration"]}, r"has what gaussian has not: 'x'"),
    "another shape": (
        lambda s: s | {DIVERGED: s[DIVERGED][:-1]},
        rf"tensor '{DIVERGED}' is F32 of \[\d+, \d+\], and F32 of \[\d+, \d+\] in gaussian in",
    ),
    "another precision": (
        lambda s: s | {DIVERGED: s[DIVERGED].astype(np.float64)},
        rf"tensor '{DIVERGED}' is F64 of .*, and F32 of",
    ),
    "half precision": (
        lambda s: s | {DIVERGED: np.zeros(3, np.float16)},
        rf"tensor '{DIVERGED}' has dtype 'F16'; allowed are F64, F32, I64",
    ),
    "a counter that is no whole number": (
        lambda s: s | {"iteration": s["iteration"].astype(np.float32)},
        r"tensor 'iteration' is F32 of \[\], and I64 of \[\]",
    ),
    "another iteration": (
        lambda s: s | {"iteration": np.array(8)},
        r"'iteration' is 8, and 7 after iteration 7",
    ),
}


@pytest.mark.parametrize("what", NOT_WRITTEN)
def test_what_could_not_be_read_again_is_not_written(tmp_path: Path, what: str) -> None:
    """A training that diverges keeps its last good state."""
    path = tmp_path / "one.safetensors"
    of = written(path)
    change, message = NOT_WRITTEN[what]
    before = path.read_bytes()
    with pytest.raises(UserError, match=message) as error:
        checkpoint.write(path, change(state(of)), of)
    assert str(error.value).startswith(f"{path}: ")
    assert "\n" not in str(error.value)
    assert path.read_bytes() == before
    assert [one.name for one in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize(("count", "said"), [(-1, "-1"), (4, "4")])
def test_a_pool_holds_no_more_than_its_places(tmp_path: Path, count: int, said: str) -> None:
    of = facts("cyclegan_64")
    key = "pool/d/shown_b/count"
    with pytest.raises(UserError, match=f"'{key}' is {said}, of 3 places"):
        checkpoint.write(tmp_path / "one", state(of) | {key: np.array(count)}, of)
    checkpoint.write(tmp_path / "one", state(of) | {key: np.array(3)}, of)


def test_steps_belong_to_the_iteration(tmp_path: Path) -> None:
    """The critic of wgan moves five times as often."""
    of = facts("wgan")
    key = f"opt_state/{next(iter(of.workload.optimizers))}/step"
    wrong = int(state(of)[key]) + 1
    with pytest.raises(UserError, match=f"'{key}' is {wrong}, and {wrong - 1} after iteration 7"):
        checkpoint.write(tmp_path / "one", state(of) | {key: np.array(wrong)}, of)
