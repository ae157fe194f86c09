"""Proof of `run`, the timed path: the reference repeats it on the very draws that it used."""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from backends.protocol import Arrays, Program
from bench.measurement import Measured, loss_error, relative_error
from bench.sensitivity import Moved, limits, oracle, rounded
from spec import tolerances
from spec.state import averages, init_state, parameters, shapes, statistics
from spec.workload import Workload

Metrics = dict[str, np.ndarray]


@dataclass
class Replay:
    """The reference's state and metrics on given draws, and those of its moved runs."""

    state: Arrays
    metrics: Metrics
    moved: list[tuple[Arrays, Metrics]]
    undetermined: frozenset[str]
    """Parameters without a gradient but for rounding."""

    def loss_growth(self, i: int) -> float:
        """How far the perturbation has moved any metric by iteration i.

        It can cancel in one loss; what it once was, rounding can be later.
        """
        return max(
            loss_error(moved[name][: i + 1], self.metrics[name][: i + 1])
            for name in self.metrics
            for _, moved in self.moved
        )

    def limits(
        self, keys: list[str], quantity: tolerances.Quantity, precision: str
    ) -> dict[str, float]:
        """The limit of each of these tensors at the end."""
        states = [state for state, _ in self.moved]
        return limits(self.state, states, keys, quantity, precision, self.undetermined)


def prove_run(
    program: Program,
    workload: Workload,
    data: Any,
    *,
    precision: str,
    seed: int,
    n: int,
    measured: Measured | None = None,
) -> Measured:
    """Run n iterations and compare with the reference fed the same draws. CheckFailed if over.

    float64: every loss, and all of the state. Below: every loss, the batch statistics and the
    optimizers' moments; parameters only where no Adam step has passed over them. Where they cannot
    be compared a run of one iteration comes first, since little has grown in it.
    """
    measured = measured or Measured()
    whole = {"iteration", "gradient"} & set(comparable(workload, precision))
    for length in (n,) if whole else (1, n):
        _prove_length(program, workload, data, precision, seed, length, measured)
    return measured


def _prove_length(
    program: Program,
    workload: Workload,
    data: Any,
    precision: str,
    seed: int,
    n: int,
    measured: Measured,
) -> None:
    first = init_state(workload, seed)
    state, metrics = program.run(program.import_state(first), data, seed, n)
    program.block_until_ready((state, metrics))
    final = program.export_state(state)
    replay = _replay(workload, program.draws(data, seed, n), precision, seed)
    measured.true(int(final["iteration"]) == n, f"iteration count {final['iteration']}, not {n}")
    _compare_metrics(measured, workload, metrics, replay, precision, n)
    _compare_states(measured, workload, final, replay, precision, n)


def _compare_metrics(
    measured: Measured,
    workload: Workload,
    metrics: Mapping[str, Any],
    replay: Replay,
    precision: str,
    n: int,
) -> None:
    measured.true(set(metrics) == set(replay.metrics), "names of metrics differ")
    first = workload.phases[0]
    # Before the first update nothing can have grown: these are one forward pass.
    untouched = {f"{first.name}_loss", *first.metrics} if first.repeat == 1 else set()
    for i in range(n):
        for name, expected in replay.metrics.items():
            growth = 0.0 if i == 0 and name in untouched else replay.loss_growth(i)
            limit = tolerances.trajectory_limit(precision, "loss", growth)
            measured.sensitive |= tolerances.is_beyond(precision, "loss", growth)
            actual = np.asarray(metrics[name], np.float64)
            measured.true(actual.shape == (n,), f"{name} has shape {actual.shape}, not ({n},)")
            measured.within(
                loss_error(actual[i], expected[i]), limit, f"run({n}) iteration {i} {name}"
            )


def _compare_states(
    measured: Measured, workload: Workload, final: Arrays, replay: Replay, precision: str, n: int
) -> None:
    measured.true(set(final) == set(replay.state), "names in the state differ")
    for quantity, keys in comparable(workload, precision).items():
        for key, limit in replay.limits(keys, quantity, precision).items():
            measured.sensitive |= limit > tolerances.ceiling(precision, quantity)
            error = relative_error(final[key], replay.state[key])
            measured.within(error, limit, f"run({n}) {quantity} {key}")


def comparable(workload: Workload, precision: str) -> dict[tolerances.Quantity, list[str]]:
    """State keys that can be compared after several iterations, by quantity."""
    optimizer_keys = [key for key in shapes(workload) if key.startswith("opt_state/")]
    moments = [key for key in optimizer_keys if not key.endswith("/step")]
    steps = [key for key in optimizer_keys if key.endswith("/step")]
    keys: dict[tolerances.Quantity, list[str]] = {
        "statistic": list(statistics(workload)),
        "moment": moments,
        "exact": steps,
    }
    moved = [*parameters(workload), *averages(workload)]
    if precision == "float64":
        keys["iteration"] = moved
    elif not moments:  # plain gradient descent amplifies nothing
        keys["gradient"] = moved
    return keys


_REPLAYS: dict[str, Replay] = {}


def _replay(workload: Workload, chunks: Iterable[Arrays], precision: str, seed: int) -> Replay:
    """The replay of these draws; modes of one row share it, since they share the draws."""
    rows = [
        {key: np.asarray(value[i], np.float64) for key, value in chunk.items()}
        for chunk in chunks
        for i in range(len(next(iter(chunk.values()))))
    ]
    digest = hashlib.sha256(f"{workload.spec_hash}/{precision}/{seed}".encode())
    for row in rows:
        for key in sorted(row):
            digest.update(np.ascontiguousarray(row[key]).tobytes())
    name = digest.hexdigest()
    if name not in _REPLAYS:
        first = rounded(init_state(workload, seed), precision)
        moved = Moved(workload, first, precision, seed)
        _REPLAYS[name] = Replay(
            *_iterate(oracle(workload), first, rows),
            moved.each(lambda program, state: _iterate(program, state, rows)),
            moved.undetermined,
        )
    return _REPLAYS[name]


def _iterate(program: Program, state: Arrays, rows: list[Arrays]) -> tuple[Arrays, Metrics]:
    metrics = []
    state = program.import_state(state)
    for row in rows:
        state, reported = program.train_step(state, row)
        metrics.append(reported)
    return state, {name: np.array([m[name] for m in metrics]) for name in metrics[0]}
