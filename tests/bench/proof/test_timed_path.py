"""A proof is shared only where it is the same proof: by draws, by bits."""

import numpy as np
import pytest

import spec
from backends.protocol import Arrays
from bench.proof.replay import Replay, replay
from bench.proof.sensitivity import Shaken
from bench.workers.pool import ROOT
from spec import data, randomness
from spec.workload import Workload

CRITIC = str(ROOT / "tests" / "meta" / "workloads" / "critic.toml")


def _rows(workload: Workload, n: int) -> list[Arrays]:
    return [randomness.draws(workload, 1, i, data.synthetic(workload, 1)) for i in range(n)]


def _same(one: Replay, other: Replay) -> bool:
    runs = [[(r.state, r.metrics), *r.moved] for r in (one, other)]
    return one.undetermined == other.undetermined and all(
        a.keys() == b.keys() and all(np.array_equal(a[key], b[key]) for key in a)
        for first, second in zip(*runs, strict=True)
        for a, b in zip(first, second, strict=True)
    )


@pytest.mark.parametrize("name", [CRITIC, "mlp_square"], ids=["critic", "mlp_square"])
def test_the_first_iteration_of_a_longer_replay_is_a_replay_of_one(name: str) -> None:
    workload = spec.load(name, {"schedule.batch_size": 4})
    rows = _rows(workload, 3)
    _, first = replay(workload, rows, "float32", 1)
    alone, itself = replay(workload, rows[:1], "float32", 1)
    assert first is not None
    assert itself is not None
    assert _same(first, alone)
    assert _same(itself, alone)
    assert not _same(first, replay(workload, rows[1:2], "float32", 1)[0])


def test_a_gradient_that_is_zero_at_first_only_needs_a_replay_of_its_own(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    workload = spec.load("mlp_square", {"schedule.batch_size": 4})
    left = iter([frozenset({"generator/dense_0/bias"})])
    monkeypatch.setattr(Shaken, "undetermined", property(lambda _: next(left, frozenset())))
    assert replay(workload, _rows(workload, 2), "float32", 1)[1] is None
