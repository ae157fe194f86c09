"""Proof of `run`, the timed path: the reference repeats it on the very draws that it used."""

import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from backends.protocol import Arrays, Program
from bench.proof.closeness import Measured, loss_error, relative_error
from bench.proof.sensitivity import Moved, limits, oracle, rounded
from bench.workers.apart import in_own_process
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
    apart: bool = False,
) -> Measured:
    """Run n iterations and compare with the reference fed the same draws. CheckFailed if over.

    `apart`: the reference runs in a process of its own, and leaves nothing in this one.

    float64: every loss, and all of the state. Below: every loss, the batch statistics and the
    optimizers' moments; parameters only where no Adam step has passed over them. Where they cannot
    be compared a run of one iteration comes first, since little has grown in it.
    """
    measured = measured or Measured()
    whole = {"iteration", "gradient"} & set(comparable(workload, precision))
    if not whole:
        draws = program.draws(data, seed, n)
        _replay(workload, draws, precision, seed, apart)  # knows the first one too
    for length in (n,) if whole else (1, n):
        _prove_length(program, workload, data, precision, seed, length, measured, apart)
    return measured


def fingerprint_of(program: Program, workload: Workload, data: Any, seed: int, n: int) -> str:
    """Hash of what n iterations end with: where it is a proved run's, so is every bit."""
    return _fingerprint(*_run(program, workload, data, seed, n))


def _run(
    program: Program, workload: Workload, data: Any, seed: int, n: int
) -> tuple[Arrays, Metrics]:
    """The final state and the metrics of the timed path."""
    state, metrics = program.run(program.import_state(init_state(workload, seed)), data, seed, n)
    program.block_until_ready((state, metrics))
    # Number by number: not every framework turns what lies on a GPU into an array.
    return program.export_state(state), {
        name: np.array([float(x) for x in values]).reshape(tuple(values.shape))
        for name, values in metrics.items()
    }


def _fingerprint(final: Arrays, metrics: Mapping[str, Any]) -> str:
    digest = hashlib.sha256()
    for key, value in [*sorted(final.items()), *sorted(metrics.items())]:
        array = np.ascontiguousarray(value)
        digest.update(f"{key} {array.dtype} {array.shape}".encode())
        digest.update(array.tobytes())
    return digest.hexdigest()[:16]


def _prove_length(
    program: Program,
    workload: Workload,
    data: Any,
    precision: str,
    seed: int,
    n: int,
    measured: Measured,
    apart: bool,
) -> None:
    final, metrics = _run(program, workload, data, seed, n)
    measured.fingerprint = _fingerprint(final, metrics)
    replay = _replay(workload, program.draws(data, seed, n), precision, seed, apart)
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
            actual = metrics[name]
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


def _replay(
    workload: Workload, chunks: Iterable[Arrays], precision: str, seed: int, apart: bool
) -> Replay:
    """The replay of these draws; modes of one row share it, since they share the draws.

    A run of one iteration shares it with a longer one where its draws are the longer one's first.
    """
    rows = [
        {key: np.asarray(value[i], np.float64) for key, value in chunk.items()}
        for chunk in chunks
        for i in range(len(next(iter(chunk.values()))))
    ]
    key = f"{workload.spec_hash}/{precision}/{seed}"
    name = _name(key, rows)
    if name not in _REPLAYS:
        arguments = (workload, rows, precision, seed)
        whole, one = in_own_process(_replays, *arguments) if apart else _replays(*arguments)
        if one:
            _REPLAYS[_name(key, rows[:1])] = one
        _REPLAYS[name] = whole
    return _REPLAYS[name]


def _name(key: str, rows: list[Arrays]) -> str:
    digest = hashlib.sha256(key.encode())
    for row in rows:
        for name in sorted(row):
            digest.update(np.ascontiguousarray(row[name]).tobytes())
    return digest.hexdigest()


def _replays(
    workload: Workload, rows: list[Arrays], precision: str, seed: int
) -> tuple[Replay, Replay | None]:
    """The replay of all rows, and of the first alone; None where that needs a run of its own."""
    first = rounded(init_state(workload, seed), precision)
    moved = Moved(workload, first, precision, seed)
    early: list[frozenset[str]] = []  # the parameters without a gradient in the first iteration

    def run(program: Program, state: Arrays) -> list[tuple[Arrays, Metrics]]:
        return _iterate(program, state, rows, lambda: early.append(moved.undetermined))

    exact = _iterate(oracle(workload), first, rows, lambda: None)
    shifted = moved.each(run)
    whole = Replay(*exact[1], [states[1] for states in shifted], moved.undetermined)
    # Both ways of rounding were run only if a parameter was left without a gradient to the end.
    if early[0] and not moved.undetermined:
        return whole, None
    return whole, Replay(*exact[0], [states[0] for states in shifted], early[0])


def _iterate(
    program: Program, state: Arrays, rows: list[Arrays], after_first: Callable[[], None]
) -> list[tuple[Arrays, Metrics]]:
    """State and metrics after the first row, and after all."""
    metrics: list[dict[str, float]] = []
    found = []
    state = program.import_state(state)
    for i, row in enumerate(rows):
        state, reported = program.train_step(state, row)
        metrics.append(reported)
        if i == 0:
            after_first()
        if i in (0, len(rows) - 1):
            found.append((state, {name: np.array([m[name] for m in metrics]) for name in reported}))
    return [found[0], found[-1]]
