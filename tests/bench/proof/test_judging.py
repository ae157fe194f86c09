"""What a proof compares, what its fingerprint holds, and what names a set of draws."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import spec
from backends.protocol import Arrays
from bench.plan.cells import Cell
from bench.proof import starting
from bench.proof.closeness import CheckFailed, Measured
from bench.proof.replay import Replay, replay
from bench.proof.timed_path import Ended, comparable, judge, lengths, name_of, names_of
from spec import data, randomness
from spec.state import averages, parameters, shapes, statistics
from spec.workload import Workload

N = 2
SIZE = {"schedule.batch_size": 4}
SGD = {"kind": "sgd", "learning_rate": 0.01, "momentum": 0.0}
PLAIN = SIZE | {"optimizers.generator": SGD, "optimizers.discriminator": SGD}


def rows_of(workload: Workload) -> list[Arrays]:
    arrays = data.synthetic(workload, 1)
    return [randomness.draws(workload, 0, i, arrays) for i in range(N)]


@pytest.fixture(name="right", scope="module")
def _right() -> tuple[Workload, Ended, Replay]:
    """A run that is the reference's own, with averages and batch statistics in it."""
    workload = spec.load("dcgan_32", SIZE | {"averages": {"generator": 0.9}})
    found, _ = replay(workload, rows_of(workload), "float64", 0)
    return workload, Ended(found.state, found.metrics), found


def verdict(right: tuple[Workload, Ended, Replay], end: Ended, n: int = N) -> Measured:
    workload, _, found = right
    measured = Measured()
    judge(measured, workload, end, found, "float64", n)
    return measured


def test_the_references_own_end_is_right(right: tuple[Workload, Ended, Replay]) -> None:
    """All of it is compared: the count, each metric's shape and numbers, each array."""
    workload, end, found = right
    measured = verdict(right, end)
    assert (measured.max_error, measured.fingerprint) == (0.0, end.fingerprint)
    named = 3  # the count, and that names of metrics and of the state are the same
    compared = set(shapes(workload)) - {"iteration"}
    assert measured.count == named + (1 + N) * len(found.metrics) + len(compared)
    keys = [key for of in comparable(workload, "float64").values() for key in of]
    assert sorted(keys) == sorted(compared)


def test_every_array_and_every_metric_is_compared(right: tuple[Workload, Ended, Replay]) -> None:
    workload, end, _ = right
    for key in set(shapes(workload)) - {"iteration"}:
        wrong = np.array(end.state[key])
        wrong += 1 if wrong.dtype.kind == "i" else 1e-3
        with pytest.raises(CheckFailed, match=key):
            verdict(right, replace(end, state=end.state | {key: wrong}))
    for name, values in end.metrics.items():
        for i in range(N):
            wrong = np.array(values)
            wrong[i] += 1e-3
            with pytest.raises(CheckFailed, match=rf"iteration {i} {name}"):
                verdict(right, replace(end, metrics=end.metrics | {name: wrong}))


CHANGES: dict[str, tuple[str, Callable[[Ended], Ended]]] = {
    "another count": (
        "iteration count 3, not 2",
        lambda e: replace(e, state=e.state | {"iteration": np.array(3)}),
    ),
    "an array too many": (
        "names in the state differ",
        lambda e: replace(e, state=e.state | {"more": np.zeros(1)}),
    ),
    "a metric less": (
        "names of metrics differ",
        lambda e: replace(e, metrics={k: v for k, v in e.metrics.items() if k != "d_loss"}),
    ),
    "a metric of one iteration": (
        "d_loss has shape",
        lambda e: replace(e, metrics=e.metrics | {"d_loss": e.metrics["d_loss"][:1]}),
    ),
}


@pytest.mark.parametrize("name", CHANGES)
def test_what_else_is_wrong_is_said(name: str, right: tuple[Workload, Ended, Replay]) -> None:
    message, change = CHANGES[name]
    with pytest.raises(CheckFailed, match=message):
        verdict(right, change(right[1]))


def test_a_fingerprint_is_of_every_bit() -> None:
    state = {"a": np.array([1.0, 2.0]), "b": np.array(3)}
    end = Ended(state, {"loss": np.array([0.5, 0.25])})
    others = [
        Ended(state | {"a": np.array([1.0, np.nextafter(2.0, 3.0)])}, end.metrics),
        Ended(state | {"a": np.array([[1.0, 2.0]])}, end.metrics),
        Ended(state | {"a": np.array([1.0, 2.0], np.float32)}, end.metrics),
        Ended(state | {"b": np.array(4)}, end.metrics),
        Ended({"a": state["a"]}, end.metrics),
        Ended({"c": state["a"], "b": state["b"]}, end.metrics),
        Ended(state, {"loss": np.array([0.5, np.nextafter(0.25, 1.0)])}),
        Ended(state, {"lost": end.metrics["loss"]}),
    ]
    assert len({one.fingerprint for one in (end, *others)}) == 1 + len(others)
    turned = Ended(dict(reversed(state.items())), end.metrics)
    assert turned.fingerprint == end.fingerprint
    strided = Ended(state | {"a": np.array([1.0, 9.0, 2.0, 9.0])[::2]}, end.metrics)
    assert strided.fingerprint == end.fingerprint


def test_draws_are_named_by_names_shapes_and_numbers_in_order() -> None:
    one, two = {"d/x": np.array([1.0, 2.0])}, {"d/x": np.array([3.0, 4.0])}
    names = [
        name_of(rows)
        for rows in (
            [one, two],
            [two, one],
            [one],
            [{"d/z": one["d/x"]}],
            [{"d/x": np.array([[1.0], [2.0]])}],
            [{"d/x": np.array([1.0, np.nextafter(2.0, 3.0)])}],
            [one | {"d/z": one["d/x"]}],
            [{"d/x": one["d/x"].view(np.int64)}],
        )
    ]
    assert len(set(names)) == len(names)
    assert names_of([one, two]) == (name_of([one]), name_of([one, two]))
    assert names_of([one]) == (name_of([one]),) * 2
    strided = np.array([1.0, 9.0, 2.0, 9.0])[::2]
    assert name_of([{"d/x": strided}]) == name_of([one])


@pytest.mark.parametrize(
    ("put", "precision", "n", "expected"),
    [
        (SIZE, "float64", 33, (33,)),
        (SIZE, "float32", 33, (1, 33)),  # Adam: parameters say nothing, so the first moments do
        (SIZE, "float32", 1, (1,)),
        (PLAIN, "float32", 33, (33,)),  # parameters of plain descent are compared
    ],
)
def test_a_run_of_one_iteration_comes_first_where_that_says_more(
    put: dict[str, Any], precision: str, n: int, expected: tuple[int, ...]
) -> None:
    assert lengths(spec.load("mlp_small", put), precision, n) == expected


def test_what_is_compared_by_precision() -> None:
    adam = spec.load("dcgan_32", SIZE | {"averages": {"generator": 0.9}})
    own = [key for key in shapes(adam) if key.startswith("opt_state/")]
    steps = {key for key in own if key.endswith("/step")}
    moved = {*parameters(adam), *averages(adam)}
    expected = {
        "statistic": set(statistics(adam)),
        "moment": set(own) - steps,
        "exact": steps,
    }
    sets = {q: set(keys) for q, keys in comparable(adam, "float32").items()}
    assert sets == expected
    sets = {q: set(keys) for q, keys in comparable(adam, "float64").items()}
    assert sets == expected | {"iteration": moved}
    plain = spec.load("mlp_small", PLAIN)
    sets = {q: set(keys) for q, keys in comparable(plain, "float32").items()}
    assert sets == {
        "statistic": set(),
        "moment": set(),
        "exact": set(),
        "gradient": set(parameters(plain)),
    }


@pytest.fixture(name="cell")
def _cell(monkeypatch: pytest.MonkeyPatch) -> Cell:
    monkeypatch.setattr(starting, "_STARTED", {})
    return Cell("mlp_small", "reference", "eager", "float32", "cpu", 4, "mlp_small")


def test_a_chunk_and_the_edge_to_the_next_is_proved(
    cell: Cell, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of the very program that is timed; where batches are too large, of a smaller one."""
    monkeypatch.setattr(type(spec.load("mlp_small")), "chunk_iterations", lambda self: 2)
    told = starting.start(cell.as_dict())
    assert told["first_iterations"] == 1
    assert told["first_step_s"] > 0
    one = starting.started(cell.id)
    ran = starting.run_to_prove(cell.id)
    assert one.proved is one
    assert (ran["iterations"], ran["chunk"], ran["batch_size"], ran["seed"]) == (3, 2, 4, 0)
    assert ran["spec_hash"] == one.workload.spec_hash
    assert ran["fingerprint"] == one.ends[3].fingerprint
    assert int(one.ends[3].state["iteration"]) == 3
    assert ran["numpy"] == np.__version__
    monkeypatch.setattr(starting, "LARGEST_PROOF_BATCH", 3)
    assert starting.run_to_prove(cell.id)["batch_size"] == 3
    assert one.proved is not one
    assert one.proved.cell.mode == cell.mode
    starting.forget([cell.id, "another"])
    assert starting._STARTED == {}


def test_data_are_in_what_a_proof_depends_on() -> None:
    one = {"x": np.arange(4.0)}
    others: list[dict[str, Any]] = [
        {"y": np.arange(4.0)},
        {"x": np.arange(4.0).reshape(2, 2)},
        {"x": np.arange(4.0, dtype=np.float32)},
        {"x": np.array([0.0, 1.0, 2.0, 3.5])},
    ]
    hashes = {starting._hash(arrays) for arrays in (one, *others)}
    assert len(hashes) == 1 + len(others)
    assert starting._hash(one) == starting._hash({"x": np.arange(8.0)[::2] / 2})
