"""Every row chooses its algorithms by trying them, and every result says so."""

from collections.abc import Iterator

import pytest

import backends
from bench.workers.pool import DETERMINISTIC, Workers, environment
from tests.bench.workers import autotuned
from tests.conftest import Selection

ON: dict[str, dict[str, object]] = {
    "pytorch": {"cudnn.benchmark": True},
    "flax_nnx": {"xla_gpu_autotune_level": "4"},
    "keras3-jax": {"xla_gpu_autotune_level": "4"},
    "keras3-tensorflow": {"xla_gpu_autotune_level": "4", "TF_CUDNN_USE_AUTOTUNE": "1"},
}
OFF_BY = "off by xla_gpu_deterministic_ops"
# TensorFlow goes through the algorithms and takes the first that works.
OFF: dict[str, dict[str, object]] = {
    "pytorch": {"cudnn.benchmark": False},
    "flax_nnx": {"xla_gpu_autotune_level": OFF_BY},
    "keras3-jax": {"xla_gpu_autotune_level": OFF_BY},
    "keras3-tensorflow": {"xla_gpu_autotune_level": OFF_BY, "TF_CUDNN_USE_AUTOTUNE": "1"},
}


@pytest.fixture(name="pool")
def _pool(selection: Selection, monkeypatch: pytest.MonkeyPatch) -> Iterator[Workers]:
    monkeypatch.delenv("XLA_FLAGS", raising=False)
    monkeypatch.delenv("TF_CUDNN_USE_AUTOTUNE", raising=False)
    workers = Workers(selection.pythons)
    yield workers
    workers.stop()


def said(pool: Workers, row: str, *kind: str) -> dict[str, object]:
    where, deterministic = (row, "float32", "cpu", *kind), DETERMINISTIC in kind
    arguments = {"row": row, "deterministic": deterministic}
    found: dict[str, object] = pool.call(where, autotuned.numerics, arguments, 120.0)
    return found


def test_every_row_is_known_here() -> None:
    assert set(ON) == set(OFF) == set(backends.names())


def test_autotuning_is_on_and_read_back(pool: Workers, selection: Selection) -> None:
    for row in selection.rows:
        assert said(pool, row).items() >= ON[row].items(), row
        if row in ("flax_nnx", "keras3-jax"):
            where = (row, "float32", "cpu")
            assert pool.call(where, autotuned.level_that_xla_has, {}, 60.0) == "4"


def test_a_deterministic_worker_has_it_off(pool: Workers, selection: Selection) -> None:
    for row in selection.rows:
        assert said(pool, row, DETERMINISTIC).items() >= OFF[row].items(), row


def test_what_the_user_set_wins_and_is_said(
    pool: Workers, selection: Selection, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [row for row in selection.rows if row != "pytorch"]
    if not rows:
        pytest.skip("no row here has XLA")
    monkeypatch.setenv("XLA_FLAGS", "--xla_gpu_autotune_level=2")
    monkeypatch.setenv("TF_CUDNN_USE_AUTOTUNE", "0")
    assert environment(rows[-1], "cpu")["TF_CUDNN_USE_AUTOTUNE"] == "0"
    found = said(pool, rows[-1])
    assert found["xla_gpu_autotune_level"] == "2"
    assert found.get("TF_CUDNN_USE_AUTOTUNE", "0") == "0"


@pytest.mark.parametrize("own", ["flags.txt", "--xla_dump_to=/tmp//dump"])
def test_flags_that_cannot_have_ours_before_them_stay_as_they_are(
    own: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XLA_FLAGS", own)
    assert "XLA_FLAGS" not in environment("flax_nnx", "cpu")
