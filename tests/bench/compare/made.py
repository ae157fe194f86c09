"""Results made up for tests: the form of real ones, with times from a known machine."""

from typing import Any

import numpy as np

from bench.results.assemble import SCHEMA
from bench.results.reading import Result

BLOCKS = 10
CONTROLS = ("pytorch_mlp_square-cpu", "jax_mlp_square-cpu")


def made(
    seed: int = 0,
    *,
    cells: int = 1,
    slowed: dict[int, float] | None = None,
    machine: float = 1.0,
    noise: float = 0.01,
    run_to_run: float = 0.0,
    together: float = 0.0,
    drift: float = 0.03,
    blocks: int = BLOCKS,
    band: float = 0.02,
    turns: int | None = None,
    iterations: int | None = None,
) -> dict[str, Any]:
    """A run: every cell takes 10 ms an iteration, times what made it slower.

    `machine` and a random walk of `drift` are common to cells and controls; each cell has its own
    `noise` in a block and its own shift, `run_to_run`, in a run; `together` shifts all cells of a
    run, but no control. `slowed`: number of the cell -> factor; `band`: what the same
    program twice showed; `turns` of a block and `iterations` of a round, of
    which older files say nothing.
    """
    random = np.random.default_rng(seed)
    common = machine * np.exp(np.cumsum(random.normal(0, drift, blocks)))

    def times(factor: float, shift: float) -> dict[int, float]:
        logs = random.normal(0, noise, blocks) + random.normal(0, shift)
        return {b: 0.01 * factor * float(t) for b, t in enumerate(common * np.exp(logs))}

    all_cells = float(np.exp(random.normal(0, together)))
    own = {f"gan-pytorch-mode{i}-float32-b8": (slowed or {}).get(i, 1.0) for i in range(cells)}
    timed = {cell: times(all_cells * factor, run_to_run) for cell, factor in own.items()}
    return {
        "gantlet_schema": SCHEMA,
        "provenance": _provenance(seed) | ({"turns": turns} if turns else {}),
        "summary": [_summary(cell, by_block) for cell, by_block in timed.items()],
        "benchmarks": [
            _benchmark(cell, block, seconds, iterations)
            for cell, by_block in timed.items()
            for block, seconds in by_block.items()
        ],
        "comparisons": [{"workload": "gan", "precision": "float32", "batch_size": 8, "band": band}],
        "failures": [],
        "controls": [_control(name, times(1.0, 0.0), iterations) for name in CONTROLS],
    }


def result(seed: int = 0, **how: Any) -> Result:
    """The same, as it is read."""
    return Result.model_validate(made(seed, **how))


def _provenance(seed: int) -> dict[str, Any]:
    return {
        "time_utc": f"2026-11-21T00:00:{seed:06d}",
        "git_revision": "a" * 40,
        "git_dirty": False,
        "system": "Linux 6.1",
        "cpu": "an abacus",
        "cpus_usable": 2,
        "gpu": None,
        "environment": {},
    }


def _summary(cell: str, by_block: dict[int, float]) -> dict[str, Any]:
    workload, row, mode, precision, batch = cell.split("-")
    return {
        "id": cell,
        "workload": workload,
        "row": row,
        "mode": mode,
        "precision": precision,
        "batch_size": int(batch[1:]),
        "device": "cpu",
        "steps_per_s": 1 / float(np.median(list(by_block.values()))),
        "again": False,
    }


def _benchmark(cell: str, block: int, seconds: float, iterations: int | None) -> dict[str, Any]:
    extra = {
        "cell": cell,
        "spec_hash": "1234",
        "device_name": "cpu",
        "versions": {"torch": "2.13.0"},
        "steps_per_s": 1 / seconds,
        "iterations_per_round": iterations,
    }
    return {"params": {"cell": cell, "block": block}, "extra_info": extra}


def _control(name: str, by_block: dict[int, float], iterations: int | None) -> dict[str, Any]:
    blocks = {str(block): seconds for block, seconds in by_block.items()}
    framework = name.partition("_")[0]
    return {
        "id": name,
        "blocks": blocks,
        "versions": {framework: "1.0"},
        "program_hash": "5678",
        "iterations_per_round": iterations,
        "error": None,
    }
