"""Pools of old samples: who is kept, who is shown, what is drawn for it, and what is refused."""

import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tomli_w

import spec
from backends import ORACLE, load
from backends.protocol import Arrays, Settings
from spec import data, randomness
from spec.errors import SpecError
from spec.state import init_state, is_count, shapes
from spec.workload import Workload

FILE = Path(__file__).parent.parent / "meta" / "workloads" / "pool.toml"
SIZE, BATCH = 24, 8
REFUSED: dict[str, tuple[str, Any]] = {
    "phases[1].pools.shown.size: given 7, but each of the 8 samples of a batch has a slot of its "
    "own; take 8 or more": ("phases.1.pools.shown.size", 7),
    "phases[1].pools.shown.of: no draw, reused value or output is called 'old'; allowed: x, fakes, "
    "real, fake": ("phases.1.pools.shown.of", "old"),
    "phases[1].pools.x: a draw or an earlier output has this name; take another": (
        "phases.1.pools",
        {"x": {"of": "fakes", "size": 24}},
    ),
    "phases[1].pools.shown.size: given 1048576, with samples of shape [8, 8, 1] more than "
    "33,554,432 numbers; take fewer": ("phases.1.pools.shown.size", 2**20),
}


def changed(tmp_path: Path, place: str, value: Any) -> Workload:
    raw: Any = tomllib.loads(FILE.read_text(encoding="utf-8"))
    at, (*way, last) = raw, place.split(".")
    for step in way:
        at = at[int(step)] if isinstance(at, list) else at[step]
    at[last] = value
    path = tmp_path / "gan.toml"
    path.write_text(tomli_w.dumps(raw), encoding="utf-8")
    return spec.load(str(path))


@pytest.mark.parametrize("message", REFUSED)
def test_refused_in_one_line(message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("spec.connections.LARGEST_POOL", 2**25)
    with pytest.raises(SpecError) as refused:
        changed(tmp_path, *REFUSED[message])
    assert str(refused.value) == f"{tmp_path / 'gan.toml'}: {message}"


def test_labels_are_in_no_pool(tmp_path: Path) -> None:
    labels = Path(FILE.parent / "labels.toml")
    raw: Any = tomllib.loads(labels.read_text(encoding="utf-8"))
    raw["phases"][1]["pools"] = {"old": {"of": "x.label", "size": 24}}
    path = tmp_path / "gan.toml"
    path.write_text(tomli_w.dumps(raw), encoding="utf-8")
    with pytest.raises(SpecError, match=r"old.of: 'x.label' has 10 classes; take real numbers"):
        spec.load(str(path))


def test_a_pool_is_part_of_the_state_and_begins_empty() -> None:
    workload = spec.load(str(FILE))
    own = {key: shape for key, shape in shapes(workload).items() if key.startswith("pool/")}
    assert own == {
        "pool/d/shown/samples": (24, 8, 8, 1),
        "pool/d/shown/count": (),
        "pool/again/mixed/samples": (40, 8, 8, 1),
        "pool/again/mixed/count": (),
    }
    state = init_state(workload, 0)
    assert all(not state[key].any() for key in own)
    assert [key for key in own if is_count(key)] == [key for key in own if key.endswith("count")]
    assert all(state[key].dtype == (np.int64 if is_count(key) else np.float64) for key in own)


def test_choices_are_draws() -> None:
    """A coin for each sample, and a place; in a batch no place twice, over many each as often."""
    workload = spec.load(str(FILE))
    table = workload.draw_table()
    assert (table["d/shown.swap"].repeat, table["again/mixed.slot"].repeat) == (1, 2)
    arrays = data.synthetic(workload, 0)
    coins, places = [], []
    for i in range(300):
        draws = randomness.draws(workload, 4, i, arrays, full_only=True)
        coins.append(draws["d/shown.swap"][0])
        places.append(draws["d/shown.slot"][0])
        assert draws["again/mixed.slot"].shape == draws["again/mixed.swap"].shape == (2, BATCH)
        assert not np.array_equal(*draws["again/mixed.slot"])
    assert {float(coin) for coin in np.ravel(coins)} == {0.0, 1.0}
    assert abs(np.mean(coins) - 0.5) < 6 * 0.5 / (300 * BATCH) ** 0.5
    assert np.array(places).dtype == np.int32
    assert all(len(set(batch)) == BATCH for batch in places)
    counts = np.bincount(np.ravel(places), minlength=SIZE)
    assert len(counts) == SIZE
    assert abs(counts - 100).max() < 6 * 100**0.5


def test_a_pool_by_hand() -> None:
    """What D of phase `d` sees, sample by sample, over its filling and some iterations more."""
    workload = spec.load(str(FILE))
    program = load(ORACLE).program(workload, Settings("eager", "float64", "cpu", 2))
    arrays, state = data.synthetic(workload, 0), program.import_state(init_state(workload, 0))
    kept: list[np.ndarray] = []
    exchanged = 0
    for i in range(8):
        draws = randomness.draws(workload, 4, i, arrays, full_only=True)
        new = program.apply(state, "generator", draws["g/z"][0], train=True)
        full, shown = len(kept) == SIZE, []
        for k in range(BATCH):
            sample, place = new[k], int(draws["d/shown.slot"][0][k])
            if not full:
                kept.append(sample)
            elif draws["d/shown.swap"][0][k] == 1.0:
                kept[place], sample = sample, kept[place]
                exchanged += 1
            shown.append(sample)
        before: Arrays = dict(state)
        state, metrics = program.train_step(state, draws, i)
        moved = _after_g(program, before, draws)
        scores = program.apply(moved, "critic", np.stack(shown), train=True)
        real = program.apply(moved, "critic", draws["d/x"][0], train=True)
        loss = 0.5 * np.mean((real - 1.0) ** 2) + 0.5 * np.mean(scores**2)
        assert metrics["d_loss"] == pytest.approx(float(loss), rel=1e-12)
        assert int(state["pool/d/shown/count"]) == len(kept) == min(SIZE, (i + 1) * BATCH)
        np.testing.assert_array_equal(state["pool/d/shown/samples"][: len(kept)], np.stack(kept))
    assert 8 < exchanged < 32


def _after_g(program: Any, state: Arrays, draws: Arrays) -> Arrays:
    """The state that D's phase is given."""
    given = {"g/z": draws["g/z"][0]}
    _, gradients = program.losses_and_gradients(dict(state), "g", given)
    moved: Arrays = program.update(dict(state), "g", gradients)
    return moved


def test_a_batch_that_does_not_fit_fills_what_is_left() -> None:
    """Twenty places and batches of eight: four of the third go in, the others are but shown."""
    workload = spec.load(str(FILE))
    program: Any = load(ORACLE).program(workload, Settings("eager", "float64", "cpu", 2))
    phase = workload.phases[1]
    small = phase.model_copy(
        update={"pools": {"shown": phase.pools["shown"].model_copy(update={"size": 20})}}
    )
    new = np.arange(8.0 * 64).reshape(8, 8, 8, 1)
    state = {"pool/d/shown/samples": np.full((20, 8, 8, 1), -1.0), "pool/d/shown/count": 16}
    draws = {"d/shown.swap": np.ones(8), "d/shown.slot": np.arange(8)}
    given: Any = type("One", (), {"state": state, "draws": draws})
    outputs = {"fakes": new}
    kept = program._mix(small, given, ("fakes",), outputs)
    np.testing.assert_array_equal(outputs["shown"], new)
    np.testing.assert_array_equal(kept["pool/d/shown/samples"][16:], new[:4])
    assert (kept["pool/d/shown/samples"][:16] == -1.0).all()
    assert kept["pool/d/shown/count"] == 20
