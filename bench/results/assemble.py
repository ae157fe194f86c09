"""From records to one result: pytest-benchmark's JSON schema, with a summary of the cells."""

from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import Any

from pytest_benchmark.plugin import pytest_benchmark_generate_machine_info
from pytest_benchmark.utils import get_commit_info

from bench.plan.cells import Cell, Plan
from bench.plan.folder import spread
from bench.plan.machine import gpu
from bench.plan.records import read_all
from bench.plan.turns import TURNS
from bench.results.blocks import merged
from bench.results.controls import measured as controls
from bench.results.costs import add_costs, ceilings
from bench.results.provenance import installs
from bench.results.statistics import Blocks
from bench.results.verdicts import comparisons
from bench.timing.nvml import processes
from bench.workers.pool import ROOT

SCHEMA = 4
OLDEST = 2
"""Readable still: from before blocks had turns (2), and before controls had groups (3)."""


def assemble(plan: Plan, provenance: dict[str, Any]) -> dict[str, Any]:
    """Everything that a run measured, from its folder of records."""
    return {
        "gantlet_schema": SCHEMA,
        "machine_info": pytest_benchmark_generate_machine_info() | {"node": ""},  # a host's name
        "commit_info": get_commit_info(str(ROOT)),
        "provenance": provenance
        | {"gpu_after": gpu(), "gpu_processes_after": processes()}
        | {"shuffle_seed": plan.seed, "turns": plan.turns},
        **measured(plan),
        "installs": installs(plan.pythons),
        "datetime": datetime.now(UTC).isoformat(),
        "version": version("pytest-benchmark"),
    }


def measured(plan: Plan) -> dict[str, Any]:
    """What there is of cells and controls so far."""
    folder = Path(plan.folder)
    blocks = merged(read_all(folder / "blocks"))
    failures = [_failure(record) for record in read_all(folder / "failures")]
    diverged = [_diverged(record) for record in read_all(folder / "diverged")]
    without_speed = {cell["id"] for cell in (*failures, *diverged)}
    by_cell: dict[str, list[dict[str, Any]]] = {}
    for record in blocks:
        by_cell.setdefault(record["benchmark"]["extra_info"]["cell"], []).append(record)
    costs = {Cell(**record["cell"]).id: record for record in read_all(folder / "costs")}
    best = read_all(folder / "ceilings")
    summary = [
        _summary(cell.id, by_cell[cell.id])
        for cell in plan.cells
        if cell.id in by_cell and cell.id not in without_speed
    ]
    add_costs(summary, costs, best, {cell: _first_iterations(of) for cell, of in by_cell.items()})
    medians = {cell: _step_times(of) for cell, of in by_cell.items()}
    return {
        "summary": summary,
        "comparisons": comparisons(summary, medians, short_rounds=plan.turns > TURNS),
        "ceilings": ceilings(best),
        "controls": controls(plan),
        "spread": spread(plan),
        "absent": [vars(absent) for absent in plan.absent],
        "failures": failures,
        "diverged": diverged,
        "benchmarks": [record["benchmark"] for record in blocks],
    }


def _middle(extras: list[dict[str, Any]], name: str) -> float | None:
    """The median over blocks of what only some devices have."""
    values = [extra[name] for extra in extras if extra[name] is not None]
    return median(values) if values else None


def _step_times(records: list[dict[str, Any]]) -> Blocks:
    """Of each block its turns, in seconds an iteration."""
    return {record["block"]: record["benchmark"]["extra_info"]["step_time_s"] for record in records}


def _first_iterations(records: list[dict[str, Any]]) -> int:
    return int(records[0]["benchmark"]["extra_info"]["first_iterations"])


def _failure(record: dict[str, Any]) -> dict[str, Any]:
    cell = record["cell"]
    return {
        "id": Cell(**cell).id,
        "stage": record["stage"],
        "kind": record["kind"],
        "error": record["error"],
        "cell": cell,
    }


def _diverged(record: dict[str, Any]) -> dict[str, Any]:
    """A cell whose GAN leaves the finite numbers: no speed, and no row is to blame."""
    cell = Cell(**record["cell"])
    return {"id": cell.id, "workload": cell.label, "error": record["error"]}


def _summary(cell_id: str, records: list[dict[str, Any]]) -> dict[str, Any]:
    """One line of the table: the median over blocks."""
    extras = [record["benchmark"]["extra_info"] for record in records]
    speeds = sorted(extra["steps_per_s"] for extra in extras)
    middle, first = median(speeds), extras[0]
    proof = first["proof"]
    return {
        "id": cell_id,
        "row": records[0]["cell"]["row"],
        "again": records[0]["cell"]["again"],
        **{
            name: first[name]
            for name in ("workload", "mode", "precision", "batch_size", "device", "optimizer")
        },
        "blocks": len(records),
        "steps_per_s": middle,
        "spread": (speeds[-1] - speeds[0]) / 2 / middle,
        "updates_per_s": middle * first["updates_per_s"] / first["steps_per_s"],
        "images_per_s": middle * first["images_per_s"] / first["steps_per_s"],
        "gflop_per_s": middle * first["gflop_per_s"] / first["steps_per_s"],
        "first_step_s": first["first_step_s"],
        "draws_share": min(1.0, first["draws_s_per_iteration"] * middle),
        "overhead_share": first["overhead_s"] * middle / first["iterations_per_round"],
        "call_s": median(extra["call_s"] for extra in extras),
        "clocks_differ": median(extra["clocks_differ"] for extra in extras),
        "device_clock_differs": _middle(extras, "device_clock_differs"),
        "energy_j_per_iteration": _middle(extras, "energy_j_per_iteration"),
        "proof_share": proof["max_error"] / proof["limit"] if proof["limit"] else 0.0,
        "proof_sensitive": proof.get("sensitive", False),
        "proof": proof.get("status", "proved"),
    }
