"""The pytest-benchmark cases: each cell proved, and timed turn by turn, block by block."""

import json
import time
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from bench.plan import groups
from bench.plan.cells import WARM_SHARE, Cell, Plan
from bench.plan.records import write_atomically
from bench.plan.turns import FEW_DISPATCHES
from bench.proof.group import DIVERGES
from bench.timing import cell as in_worker
from bench.timing import costs, leaving
from bench.timing.clocks import WORKER_CLOCK
from bench.timing.nvml import energy_j
from bench.timing.preparing import Measuring
from bench.workers.pool import WorkerFailed, Workers

MEMORY_TIMEOUT_S = 900.0
ROUND_TIMEOUT_S = 300.0

FACTS = (
    "spec_hash",
    "iterations_per_round",
    "first_step_s",
    "first_iterations",
    "draws_s_per_iteration",
    "optimizer",
    "updates_per_iteration",
    "images_per_iteration",
    "multiply_adds_per_iteration",
    "data",
    "proof",
    "overhead_s",
    "call_s",
)
"""Of what a proof found: what goes into every block's extra_info."""


def test_first_step(cell: Cell, plan: Plan, measuring: Measuring) -> None:
    """The first call, compiling included, with nothing beside it."""
    try:
        measuring.start(cell)
    except WorkerFailed as failure:
        _fail(cell, plan, "first step", failure)


def test_proof(cell: Cell, plan: Plan, measuring: Measuring) -> None:
    """The callable that will be timed agrees with the reference, on this device."""
    if _has_ended(cell, plan):
        pytest.skip("its first step failed")
    try:
        found = measuring.prove(cell)
    except WorkerFailed as failure:
        _fail(cell, plan, "proof", failure)
    path = Path(plan.folder) / "proofs" / f"{cell.id}.json"
    if not path.exists():  # a resumed run proves anew what it times; what was measured first stays
        write_atomically(path, {"cell": cell.as_dict(), "status": "proved", **found})


@pytest.mark.benchmark(timer=WORKER_CLOCK)
def test_train_step(
    cell: Cell,
    block: int,
    turn: int,
    plan: Plan,
    measuring: Measuring,
    benchmark: Any,
) -> None:
    """A turn of a block: a round of K iterations, one call that ends when the device has finished.

    pytest-benchmark's rounds of a block are the turns, which other cells come between.
    """
    if cell.id not in measuring.prepared:
        pytest.skip("not proved, so not timed")
    prepared = measuring.prepared[cell.id]
    if turn not in prepared["turns"] or block not in prepared["blocks"]:
        pytest.skip("its rounds are long and fewer")
    workers = measuring.workers
    clocks: dict[str, float | None] = {}
    try:
        found = measuring.anew(cell)
        n = found["iterations_per_round"]
        _warm_up(cell, found, workers)
        before_j = energy_j()
        one_round = partial(_round, cell, n, workers, clocks)
        benchmark.pedantic(one_round, rounds=1, iterations=1, warmup_rounds=0)
        used_j = None if before_j is None else (energy_j() or before_j) - before_j
        if turn == found["turns"][-1]:
            _count(cell, plan, measuring)
    except WorkerFailed as failure:
        benchmark.has_error = True
        measuring.prepared.pop(cell.id, None)
        _fail(cell, plan, f"block {block}", failure)
    except BaseException:
        benchmark.has_error = True  # Ctrl-C: a block cut short must not count as one
        raise
    benchmark.extra_info.update(_facts(cell, found))
    record = benchmark.stats.as_dict(include_data=True) | {"param": cell.id}
    record["params"] = {"cell": cell.id, "block": block, "turn": turn}
    content = {"cell": cell.as_dict(), "block": block, "turn": turn, "benchmark": record}
    path = Path(plan.folder) / "blocks" / f"{cell.id}-{block}-{turn}.json"
    write_atomically(path, content | clocks | {"energy_j": used_j})


def _round(cell: Cell, n: int, workers: Workers, clocks: dict[str, float | None]) -> None:
    """n iterations; what the caller's and the device's clock say of them."""
    arguments = {"cell_id": cell.id, "n": n}
    start = time.perf_counter()
    taken = workers.call(cell.where, in_worker.time_round, arguments, ROUND_TIMEOUT_S)
    clocks["caller_clock_s"] = time.perf_counter() - start
    clocks["device_clock_s"] = taken["device_s"]
    WORKER_CLOCK.seconds += taken["round_s"]


def test_costs(cell: Cell, plan: Plan, measuring: Measuring) -> None:
    """Latency of samples; the backend's best product; and, where asked for, memory."""
    if cell.id not in measuring.prepared:
        pytest.skip("not proved, so not measured")
    found: dict[str, Any] = {"cell": cell.as_dict()}
    arguments = {"row": cell.row, "precision": cell.precision, "device": cell.device}
    workers = measuring.workers
    try:
        measuring.anew(cell)
        here = {"cell_id": cell.id}
        found["latency_s"] = workers.call(cell.where, costs.latency, here, ROUND_TIMEOUT_S)
        path = Path(plan.folder) / "ceilings" / f"{cell.row}-{cell.precision}.json"
        if not path.exists():
            best = workers.call(cell.where, costs.ceiling, arguments, ROUND_TIMEOUT_S)
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
    found: dict[str, Any] = workers.call(where, costs.memory, arguments, MEMORY_TIMEOUT_S)
    workers.end(where)
    return found


def _warm_up(cell: Cell, found: dict[str, Any], workers: Workers) -> None:
    """A part of a round, in whole dispatches, where it has several."""
    unit = found["chunk_iterations"] if cell.mode == "multistep" else 1
    dispatches = found["iterations_per_round"] / unit
    if dispatches < FEW_DISPATCHES:
        return
    n = unit * round(WARM_SHARE * dispatches)
    arguments = {"cell_id": cell.id, "n": n}
    workers.call(cell.where, in_worker.time_round, arguments, ROUND_TIMEOUT_S)


def _count(cell: Cell, plan: Plan, measuring: Measuring) -> None:
    """The state has counted every iteration that was run, and training is still finite."""
    workers, arguments = measuring.workers, {"cell_id": cell.id}
    found = workers.call(cell.where, in_worker.count, arguments, ROUND_TIMEOUT_S)
    if found["left_at"] is not None:
        group = [c for c in groups.of_group(plan, cell.group) if c.id in measuring.prepared]
        beside = leaving.others(cell, group)
        failure = leaving.reason(cell, found["left_at"], beside, workers, measuring.reference)
        if failure.kind == DIVERGES:  # the whole group, whoever comes to it first
            for other in group:
                _note_divergence(other, plan, failure)
                measuring.prepared.pop(other.id)
        raise failure
    if found["iterations_run"] != found["iterations_counted"]:
        raise WorkerFailed("miscounted", str(found))


def _facts(cell: Cell, found: dict[str, Any]) -> dict[str, Any]:
    """What a reader of the JSON needs to know of a cell, the same in all of its blocks."""
    backend, _, engine = cell.row.partition("-")
    return {name: found[name] for name in FACTS} | {
        "cell": cell.id,
        "backend": backend,
        "engine": engine or None,
        "workload": cell.label,
        "overrides": json.loads(cell.overrides),
        "mode": cell.mode,
        "precision": cell.precision,
        "batch_size": cell.batch_size,
        "device": cell.device,
        "versions": found["backend"]["versions"],
        "device_name": found["backend"]["device"],
        "numerics": found["backend"]["precision"],
        "threads": found["backend"].get("threads"),
    }


def _has_ended(cell: Cell, plan: Plan) -> bool:
    return (Path(plan.folder) / "failures" / f"{cell.id}.json").exists()


def _note_divergence(cell: Cell, plan: Plan, failure: WorkerFailed) -> None:
    record = {"cell": cell.as_dict(), "error": str(failure)}
    write_atomically(Path(plan.folder) / "diverged" / f"{cell.id}.json", record)


def _fail(cell: Cell, plan: Plan, stage: str, failure: WorkerFailed) -> None:
    """Keep why a cell has no speed: a failure, unless its GAN leaves the finite numbers."""
    if failure.kind == DIVERGES:
        _note_divergence(cell, plan, failure)
        pytest.skip(str(failure))
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
