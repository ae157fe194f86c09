"""Proof of `run`, the timed path: the reference repeats it on the very draws that it used."""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import inf, isfinite
from typing import Any

import numpy as np

from backends.protocol import Arrays, Program
from bench.proof.closeness import CheckFailed, Measured, loss_error, relative_error
from bench.proof.replay import Course, Metrics, Replay, course, replay, unmoved
from spec import tolerances
from spec.randomness import by_iteration
from spec.sources import runs_within
from spec.state import averages, is_count, parameters, pools, proof_state, shapes, statistics
from spec.workload import Workload


@dataclass(frozen=True)
class Ended:
    """What a run of the timed path ended with."""

    state: Arrays
    metrics: Metrics

    @property
    def fingerprint(self) -> str:
        """Hash of every bit of it."""
        digest = hashlib.sha256()
        for key, value in [*sorted(self.state.items()), *sorted(self.metrics.items())]:
            array = np.ascontiguousarray(value)
            digest.update(f"{key} {array.dtype} {array.shape}".encode())
            digest.update(array.tobytes())
        return digest.hexdigest()


def prove_run(
    program: Program,
    workload: Workload,
    data: Any,
    *,
    precision: str,
    seed: int,
    n: int,
    start: int = 0,
    measured: Measured | None = None,
) -> Measured:
    """Run n iterations and compare with the reference fed the same draws, in this process.

    From iteration `start` on, in a state whose counts are those of a training that got there.

    Raises CheckFailed if over a limit, Diverges where the reference leaves the finite numbers.
    """
    measured = measured or Measured()
    wanted = lengths(workload, precision, n)
    rows = {k: rows_of(workload, program.draws(data, seed, k, start), k, start) for k in wanted}
    for length in wanted:
        end = ended(program, workload, data, seed, length, start)
        # The longest first: it knows the first iteration too.
        courses = {k: _course(workload, rows[k], precision, seed, start) for k in (n, length)}
        found, _ = unmoved(courses[length])
        if not is_close(workload, end, found, precision, length, start):
            for k, exact in courses.items():
                found = _replay(workload, rows[k], precision, seed, exact, start)
        judge(measured, workload, end, found, precision, length, start)
    return measured


def is_close(
    workload: Workload, end: Ended, found: Replay, precision: str, n: int, start: int = 0
) -> bool:
    """Whether a run is within these limits.

    Where it is within those of one step, how far rounding may grow need not be known.
    """
    try:
        judge(Measured(), workload, end, found, precision, n, start)
    except CheckFailed:
        return False
    return True


def lengths(workload: Workload, precision: str, n: int) -> tuple[int, ...]:
    """How many iterations are run and compared: n, and one beforehand where that says more.

    float64: every loss, and all of the state. Below: every loss, the batch statistics and the
    optimizers' moments; parameters only where no Adam step has passed over them. Where they cannot
    be compared a run of one iteration comes first, since little has grown in it.
    """
    whole = {"iteration", "gradient"} & set(comparable(workload, precision))
    return (n,) if whole or n == 1 else (1, n)


def ended(
    program: Program, workload: Workload, data: Any, seed: int, n: int, start: int = 0
) -> Ended:
    """The final state and the metrics of n iterations on the timed path, from `start` on."""
    state = program.import_state(proof_state(workload, seed, start))
    state, metrics = program.run(state, data, seed, n, start)
    program.block_until_ready((state, metrics))
    return told(program, state, metrics)


def told(program: Program, state: Any, metrics: Mapping[str, Any]) -> Ended:
    """What a run gave back, in NumPy."""
    return Ended(program.export_state(state), {k: _numbers(v) for k, v in metrics.items()})


def _numbers(values: Any) -> np.ndarray:
    """One by one, since not every framework turns what lies on a GPU into an array.

    By their place: JAX would compile a function that takes all of them apart.
    """
    return np.array([float(values[i]) for i in range(len(values))]).reshape(tuple(values.shape))


def rows_of(workload: Workload, chunks: Iterable[Arrays], n: int, start: int = 0) -> list[Arrays]:
    """The draws of each of n iterations, from `start` on."""
    parts: dict[str, list[Any]] = {}
    for chunk in chunks:
        for key, value in chunk.items():
            parts.setdefault(key, []).extend(map(np.asarray, value))
    return by_iteration(workload.draw_table(), parts, start, n)


def name_of(rows: list[Arrays]) -> str:
    """Hash of these draws."""
    return names_of(rows)[1]


def names_of(rows: list[Arrays]) -> tuple[str, str]:
    """Hash of the first iteration's draws, and of all."""
    digest, names = hashlib.sha256(), []
    for row in rows:
        for name in sorted(row):
            digest.update(f"{name} {row[name].dtype} {row[name].shape}".encode())
            digest.update(np.ascontiguousarray(row[name]).tobytes())
        names.append(digest.hexdigest())
    return names[0], names[-1]


def judge(
    measured: Measured,
    workload: Workload,
    end: Ended,
    found: Replay,
    precision: str,
    n: int,
    start: int = 0,
) -> None:
    """Compare what n iterations ended with, and what the reference did. CheckFailed if over."""
    measured.fingerprint = end.fingerprint
    count = end.state["iteration"]
    measured.true(int(count) == start + n, f"iteration count {count}, not {start + n}")
    _compare_metrics(measured, workload, end.metrics, found, precision, range(start, start + n))
    _compare_states(measured, workload, end.state, found, precision, n)


def _compare_metrics(
    measured: Measured,
    workload: Workload,
    metrics: Mapping[str, Any],
    replay: Replay,
    precision: str,
    iterations: range,
) -> None:
    measured.true(set(metrics) == set(replay.metrics), "names of metrics differ")
    first = workload.phases[0]
    # Before the first update nothing can have grown: these are one forward pass.
    untouched = {f"{first.name}_loss", *first.metrics} if first.repeat == 1 else set()
    every, n = workload.reported_every, len(iterations)
    for name in replay.metrics:
        actual, runs = metrics[name], len(runs_within(every[name], iterations.start, n))
        measured.true(actual.shape == (runs,), f"{name} has shape {actual.shape}, not ({runs},)")
    known = dict.fromkeys(replay.metrics, 0)
    for i in iterations:
        reported = [name for name in known if i % every[name] == 0]
        known |= {name: known[name] + 1 for name in reported}
        for name in reported:
            untrained = i == iterations.start and name in untouched
            growth = 0.0 if untrained else replay.loss_growth(known)
            limit = tolerances.trajectory_limit(precision, "loss", growth)
            measured.sensitive |= tolerances.is_beyond(precision, "loss", growth)
            run = known[name] - 1
            error = loss_error(metrics[name][run], replay.metrics[name][run])
            _within(measured, error, limit, f"run({n}) iteration {i} {name}")


def _compare_states(
    measured: Measured, workload: Workload, final: Arrays, replay: Replay, precision: str, n: int
) -> None:
    measured.true(set(final) == set(replay.state), "names in the state differ")
    for quantity, keys in comparable(workload, precision).items():
        for key, limit in replay.limits(keys, quantity, precision).items():
            measured.sensitive |= limit > tolerances.ceiling(precision, quantity)
            error = relative_error(final[key], replay.state[key])
            _within(measured, error, limit, f"run({n}) {quantity} {key}")


def _within(measured: Measured, error: float, limit: float, where: str) -> None:
    """Record one comparison, of what rounding has left: float64 proves the rest (`LOST`)."""
    if limit == inf:
        measured.true(isfinite(error), f"{where} is not finite, as it is in the reference")
    else:
        measured.within(error, limit, where)


def comparable(workload: Workload, precision: str) -> dict[tolerances.Quantity, list[str]]:
    """State keys that can be compared after several iterations, by quantity."""
    optimizer_keys = [key for key in shapes(workload) if key.startswith("opt_state/")]
    moments = [key for key in optimizer_keys if not key.endswith("/step")]
    steps = [key for key in optimizer_keys if key.endswith("/step")]
    keys: dict[tolerances.Quantity, list[str]] = {
        "statistic": [*statistics(workload), *(k for k in pools(workload) if not is_count(k))],
        "moment": moments,
        "exact": [*steps, *(k for k in pools(workload) if is_count(k))],
    }
    moved = [*parameters(workload), *averages(workload)]
    if precision == "float64":
        keys["iteration"] = moved
    elif not moments:  # plain gradient descent amplifies nothing
        keys["gradient"] = moved
    return keys


_COURSES: dict[str, Course] = {}
_REPLAYS: dict[str, Replay] = {}
"""Of draws that were run over; modes of one row share them, since they share the draws.

A run of one iteration shares a longer one's where its draws are the longer one's first.
"""


def _course(
    workload: Workload, rows: list[Arrays], precision: str, seed: int, start: int
) -> Course:
    """What the reference itself does on these draws."""
    key = f"{workload.spec_hash}/{precision}/{seed}/{start}"
    first, name = (f"{key}/{draws}" for draws in names_of(rows))
    if name not in _COURSES:
        found = course(workload, rows, precision, seed, "exact", start=start)
        _COURSES[first] = found.alone()
        _COURSES[name] = found
    return _COURSES[name]


def _replay(
    workload: Workload,
    rows: list[Arrays],
    precision: str,
    seed: int,
    exact: Course,
    start: int,
) -> Replay:
    """That with the moved runs."""
    key = f"{workload.spec_hash}/{precision}/{seed}/{start}"
    first, name = (f"{key}/{draws}" for draws in names_of(rows))
    if name not in _REPLAYS:
        whole, one = replay(workload, rows, precision, seed, exact, start)
        if one:
            _REPLAYS[first] = one
        _REPLAYS[name] = whole
    return _REPLAYS[name]
