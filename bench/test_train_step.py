"""The pytest-benchmark cases: each cell proved, timed block by block, and counted at the end."""

import json
import time
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Any

import pytest

from bench.cells import WARM_SHARE, Cell, Plan
from bench.gpu import energy_j
from bench.records import write_atomically
from bench.workers import WorkerFailed, Workers

PROOF_TIMEOUT_S = 900.0
ROUND_TIMEOUT_S = 300.0
LONG_ROUND_S = 0.5
"""A round as long as this warms itself: filling caches takes milliseconds."""
EMPTY_CALLS = 30
LARGEST_OVERHEAD = 0.0008
"""Share of a round that the call into the worker may take; rounds are made longer until it does."""

Prepared = dict[str, dict[str, Any]]


class WorkerClock:
    """pytest-benchmark's timer: seconds that workers spent in rounds, by their own clocks.

    The caller's clock also holds the call, 0.7 ms after a quarter of a second of work (an empty one
    takes 0.2 ms). It is read beside this one, and has to agree but for that.
    """

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        """Seconds so far."""
        return self.seconds

    def __repr__(self) -> str:
        return "worker_clock"


WORKER_CLOCK = WorkerClock()


def test_proof(cell: Cell, plan: Plan, workers: Workers, prepared: Prepared) -> None:
    """The callable that will be timed agrees with the reference, on this device."""
    try:
        found = _prepare(cell, plan, workers, prepared)
    except WorkerFailed as failure:
        _fail(cell, plan, "proof", failure)
    path = Path(plan.folder) / "proofs" / f"{cell.id}.json"
    if not path.exists():  # a resumed run proves anew what it times; what was measured first stays
        write_atomically(path, {"cell": cell.as_dict(), "status": "proved", **found})


@pytest.mark.benchmark(timer=WORKER_CLOCK)
def test_train_step(
    cell: Cell, block: int, plan: Plan, workers: Workers, prepared: Prepared, benchmark: Any
) -> None:
    """One block: a round of K iterations, one call that ends when the device has finished."""
    if cell.id not in prepared:
        pytest.skip("not proved, so not timed")
    caller_clock: list[float] = []
    try:
        if prepared[cell.id]["worker"] != workers.number(cell.where):
            # Another cell took the worker down with it: this one is proved anew in the next.
            _prepare(cell, plan, workers, prepared)
        found = prepared[cell.id]
        arguments = {"cell_id": cell.id, "n": found["iterations_per_round"]}

        def one_round() -> None:
            start, where = time.perf_counter(), "bench.timing:time_round"
            taken: float = workers.call(cell.where, where, arguments, ROUND_TIMEOUT_S)
            caller_clock.append(time.perf_counter() - start)
            WORKER_CLOCK.seconds += taken

        if found["round_s"] < LONG_ROUND_S:
            _warm_up(cell, found, workers)
        before_j = energy_j()
        benchmark.pedantic(one_round, rounds=1, iterations=1, warmup_rounds=0)
        used_j = None if before_j is None else (energy_j() or before_j) - before_j
        device_s = _count(cell, plan, workers)["device_clock_s"]
    except WorkerFailed as failure:
        benchmark.has_error = True
        prepared.pop(cell.id, None)
        _fail(cell, plan, f"block {block}", failure)
    except BaseException:
        benchmark.has_error = True  # Ctrl-C: a block cut short must not count as one
        raise
    median_s = benchmark.stats.stats.median
    benchmark.extra_info.update(_extra(cell, found, median_s, caller_clock))
    benchmark.extra_info.update(
        device_clock_s=device_s,
        device_clock_differs=None if device_s is None else median_s / device_s - 1.0,
        energy_j_per_iteration=None if used_j is None else used_j / found["iterations_per_round"],
    )
    record = benchmark.stats.as_dict(include_data=True)
    record |= {"params": {"cell": cell.id, "block": block}, "param": cell.id}
    content = {"cell": cell.as_dict(), "block": block, "benchmark": record}
    write_atomically(Path(plan.folder) / "blocks" / f"{cell.id}-{block}.json", content)


def test_costs(cell: Cell, plan: Plan, workers: Workers, prepared: Prepared) -> None:
    """Latency of samples; the backend's best product; and, where asked for, memory."""
    if cell.id not in prepared:
        pytest.skip("not proved, so not measured")
    found: dict[str, Any] = {"cell": cell.as_dict()}
    arguments = {"row": cell.row, "precision": cell.precision, "device": cell.device}
    try:
        if prepared[cell.id]["worker"] != workers.number(cell.where):
            _prepare(cell, plan, workers, prepared)
        here = {"cell_id": cell.id}
        found["latency_s"] = workers.call(cell.where, "bench.costs:latency", here, ROUND_TIMEOUT_S)
        path = Path(plan.folder) / "ceilings" / f"{cell.row}-{cell.precision}.json"
        if not path.exists():
            best = workers.call(cell.where, "bench.costs:ceiling", arguments, ROUND_TIMEOUT_S)
            write_atomically(path, arguments | best)
        if plan.memory:
            found |= _memory(cell, workers)
    except WorkerFailed as failure:
        # What was timed stands; what it costs beside that is not known.
        found["failed"] = f"{failure.kind}: {failure}"
    write_atomically(Path(plan.folder) / "costs" / f"{cell.id}.json", found)


def _memory(cell: Cell, workers: Workers) -> dict[str, Any]:
    """In a worker of its own, which ends with it."""
    where = (*cell.where[:3], "memory")
    arguments = {"cell": cell.as_dict()}
    found: dict[str, Any] = workers.call(where, "bench.costs:memory", arguments, PROOF_TIMEOUT_S)
    workers.end(where)
    return found


def _prepare(cell: Cell, plan: Plan, workers: Workers, prepared: Prepared) -> dict[str, Any]:
    overhead_s = _overhead_s(cell, workers)
    round_s = max(plan.round_s, overhead_s / LARGEST_OVERHEAD)
    first = prepared.get(replace(cell, again=False).id) if cell.again else None
    proved = first and first["proof"]
    arguments = {"cell": cell.as_dict(), "round_s": round_s, "proved": proved}
    found = workers.call(cell.where, "bench.timing:prepare", arguments, PROOF_TIMEOUT_S)
    same = found["proof"].get("same_bits")
    if found["proof"]["sensitive"] and cell.precision != "float64" and not same:
        found["proof"]["float64"] = _prove_in_float64(cell, workers)
    own = {"overhead_s": overhead_s, "worker": workers.number(cell.where)}
    prepared[cell.id] = found | own
    return prepared[cell.id]


def _prove_in_float64(cell: Cell, workers: Workers) -> dict[str, Any]:
    """Where rounding in float32 grows beyond every ceiling: the same mode, in a float64 worker."""
    where, arguments = (cell.row, "float64", cell.device), {"cell": cell.as_dict()}
    name = "bench.timing:prove_in_float64"
    found: dict[str, Any] = workers.call(where, name, arguments, PROOF_TIMEOUT_S)
    workers.end(where)  # nothing else lives on beside what is timed
    return found


def _overhead_s(cell: Cell, workers: Workers) -> float:
    """Seconds of an empty call, the median of some; the first, which starts the worker, not."""
    elapsed = []
    for _ in range(EMPTY_CALLS + 1):
        start = time.perf_counter()
        workers.call(cell.where, "bench.timing:nothing", {}, PROOF_TIMEOUT_S)
        elapsed.append(time.perf_counter() - start)
    return median(elapsed[1:])


def _warm_up(cell: Cell, found: dict[str, Any], workers: Workers) -> None:
    """A part of a round, in whole dispatches."""
    unit = found["chunk_iterations"] if cell.mode == "multistep" else 1
    n = unit * max(1, round(WARM_SHARE * found["iterations_per_round"] / unit))
    arguments = {"cell_id": cell.id, "n": n}
    workers.call(cell.where, "bench.timing:time_round", arguments, ROUND_TIMEOUT_S)


def _count(cell: Cell, plan: Plan, workers: Workers) -> dict[str, Any]:
    """The state has counted every iteration that was run, and training is still finite."""
    arguments = {"cell_id": cell.id}
    name = "bench.timing:count"
    found: dict[str, Any] = workers.call(cell.where, name, arguments, ROUND_TIMEOUT_S)
    if found["iterations_run"] != found["iterations_counted"] or not found["finite"]:
        raise WorkerFailed("miscounted", str(found))
    return found


def _extra(
    cell: Cell, found: dict[str, Any], median_s: float, caller_clock: list[float]
) -> dict[str, Any]:
    """What a reader of the JSON needs beside the seconds."""
    steps_per_s = found["iterations_per_round"] / median_s
    backend, _, engine = cell.row.partition("-")
    return {
        "cell": cell.id,
        "backend": backend,
        "engine": engine or None,
        "workload": cell.label,
        "spec_hash": found["spec_hash"],
        "overrides": json.loads(cell.overrides),
        "mode": cell.mode,
        "precision": cell.precision,
        "batch_size": cell.batch_size,
        "device": cell.device,
        "steps_per_s": steps_per_s,
        "updates_per_s": steps_per_s * found["updates_per_iteration"],
        "images_per_s": steps_per_s * found["images_per_iteration"],
        "gflop_per_s": 2e-9 * steps_per_s * found["multiply_adds_per_iteration"],
        "iterations_per_round": found["iterations_per_round"],
        "first_step_s": found["first_step_s"],
        "first_iterations": found["first_iterations"],
        "draws_s_per_iteration": found["draws_s_per_iteration"],
        "optimizer": found["optimizer"],
        "versions": found["backend"]["versions"],
        "device_name": found["backend"]["device"],
        "numerics": found["backend"]["precision"],
        "threads": found["backend"].get("threads"),
        "data": found["data"],
        "proof": found["proof"],
        "overhead_s": found["overhead_s"],
        "caller_clock_s": caller_clock,
        # Beyond the empty call the two clocks see the same work; more would be a fault of ours.
        "clocks_differ": (median(caller_clock) - found["overhead_s"]) / median_s - 1.0,
    }


def _fail(cell: Cell, plan: Plan, stage: str, failure: WorkerFailed) -> None:
    record = {
        "cell": cell.as_dict(),
        "status": "failed",
        "stage": stage,
        "kind": failure.kind,
        "error": str(failure),
        "details": failure.details,
    }
    write_atomically(Path(plan.folder) / "failures" / f"{cell.id}.json", record)
    pytest.fail(f"{cell.id}: {stage}: {failure.kind}: {failure}", pytrace=False)
