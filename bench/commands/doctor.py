"""`doctor`: is everything here that a run needs? Versions, devices, one step a row, one plot."""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console

import backends
import spec
import spec.data
from bench.report.printing import say, table
from bench.results.provenance import provenance
from bench.timing.one_step import WORKLOAD, train_once
from bench.workers.pool import WorkerFailed, Workers, missing_packages

STEP_TIMEOUT_S = 300.0


def diagnose(device: str, pythons: Mapping[str, str], plot: Path) -> dict[str, Any]:
    """What was found, by row, and the plot's path; `ok` where every installed row took its step."""
    workers = Workers(pythons)
    rows: dict[str, Any] = {}
    try:
        for row in backends.names():
            lacking = missing_packages(row, workers.python(row))
            if lacking:
                rows[row] = {"status": "absent", "missing": list(lacking)}
                continue
            rows[row] = _step(workers, row, device)
    finally:
        workers.stop()
    draw_plot(plot)
    return {
        "ok": all(row["status"] != "failed" for row in rows.values()),
        "machine": provenance(),
        "rows": rows,
        "plot": str(plot),
    }


def _step(workers: Workers, row: str, device: str) -> dict[str, Any]:
    try:
        found = workers.call(
            (row, "float32", device),
            train_once,
            {"row": row, "device": device},
            STEP_TIMEOUT_S,
        )
    except WorkerFailed as failure:
        return {"status": "failed", "error": f"{failure.kind}: {failure}"}
    finite = all(math.isfinite(value) for value in found["metrics"].values())
    return {"status": "ok" if finite else "failed", "error": "losses are not finite", **found}


def draw_plot(path: Path) -> None:
    """The first sixteen digits, four by four, each pixel four wide."""
    from PIL import Image  # which a run on digits can do without

    digits = spec.data.load(spec.load(WORKLOAD))["x"][:16, :, :, 0]
    side = 4 * digits.shape[1]
    square = digits.reshape(4, 4, *digits.shape[1:]).swapaxes(1, 2).reshape(side, side)
    image = Image.fromarray(np.uint8(127.5 * (square + 1.0)))
    path.parent.mkdir(parents=True, exist_ok=True)
    image.resize((4 * side, 4 * side), Image.Resampling.NEAREST).save(path)


def show(console: Console, found: dict[str, Any]) -> None:
    """A table by row, and where the plot is."""
    machine = found["machine"]
    say(console, f"{machine['cpu']}, {machine['cpus_usable']} CPUs, Python {machine['python']}")
    table(console, "Doctor", [_line(row, r) for row, r in found["rows"].items()])
    say(console, f"plot: {found['plot']}")


def _line(row: str, found: Mapping[str, Any]) -> dict[str, str]:
    line = {"row": row, "status": found["status"], "versions": "", "devices": ""}
    if found["status"] != "ok":
        return line | {"one step": found.get("error") or f"missing {', '.join(found['missing'])}"}
    losses = ", ".join(f"{k} {v:.4f}" for k, v in found["metrics"].items() if "loss" in k)
    return line | {
        "versions": ", ".join(f"{name} {version}" for name, version in found["versions"].items()),
        "devices": ", ".join(found["devices"]),
        "one step": f"{found['mode']}: {losses}",
    }
