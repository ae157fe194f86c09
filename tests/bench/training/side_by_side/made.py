"""Folders as `train` writes them, small, and made wrong on purpose."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.training import samples
from bench.training.side_by_side.reading import Trained, read

HASH = "a" * 64
Lines = Sequence[tuple[int, Mapping[str, float | None]]]
LINES: Lines = ((32, {"d_loss": 1.0, "d_x": 0.5}), (64, {"d_loss": 0.5, "d_x": 0.75}))
DIGITS = np.linspace(-1, 1, 20 * 6 * 5, dtype=np.float32).reshape(20, 6, 5, 1)
REAL = {"x": DIGITS, "generator/z": np.zeros((20, 3), np.float32)}
OUTCOME = {"value": 0.25, "low": 0.125, "high": 0.5}
BESIDE = {"value": 0.0625, "low": 0.03125, "high": 0.09375}
NOISE = {"value": 2.0, "low": 1.5, "high": 2.5}
JUDGED = {
    "generator": {
        "outcome": "measured",
        "counts": {"given": {"generated": 500}, "compared": 90, "reference": 91},
        "resamples": 200,
        "measures": {"precision": {"generated": OUTCOME, "held_out": BESIDE, "noise": NOISE}},
        "features": {"kind": "classifier", "held_out_accuracy": 0.875, "accurate": True},
    }
}


def about(row: str = "flax_nnx", **others: Any) -> dict[str, Any]:
    """training.json; `others` are of the cell, of the plan, or of the whole."""
    cell = {
        "workload": "mlp_square",
        "row": row,
        "mode": "compiled",
        "precision": "float32",
        "device": "cpu",
        "batch_size": 64,
        "label": "mlp_square",
    }
    plan = {"seed": 0, "draws": "spec", "pythons": {row: "/somewhere/python"}}
    whole = {"iterations": 64, "interval": 32, "spec_hash": HASH}
    found: dict[str, Any] = {"plan": {"cell": cell} | plan} | whole
    for name, value in others.items():
        place = cell if name in cell else found["plan"] if name in plan else found
        (found["plan"]["cell"] if place is cell else place)[name] = value
    return found


def made(
    folder: Path,
    row: str = "flax_nnx",
    lines: Lines = LINES,
    of: Mapping[int, Mapping[str, NDArray[Any]]] | None = None,
    beside: Mapping[str, NDArray[Any]] | None = None,
    quality: Any = JUDGED,
    **others: Any,
) -> Path:
    """A folder with all of its files; samples at 0, 32 and 64 unless given."""
    folder.mkdir(parents=True)
    (folder / samples.FOLDER).mkdir()
    (folder / "training.json").write_text(json.dumps(about(row, **others)), encoding="utf-8")
    text = "".join(json.dumps(record(i, values)) + "\n" for i, values in lines)
    (folder / "metrics.jsonl").write_text(text, encoding="utf-8")
    for iteration, arrays in (
        {i: {"generator": DIGITS} for i in (0, 32, 64)} if of is None else of
    ).items():
        samples.write(str(samples.path_of(folder, iteration)), arrays)
    samples.write(str(samples.beside(folder)), REAL if beside is None else beside)
    if quality is not None:
        (folder / "quality.json").write_text(json.dumps(quality), encoding="utf-8")
    return folder


def record(iteration: int, values: Mapping[str, float | None]) -> dict[str, Any]:
    """A line of metrics.jsonl."""
    return {
        "iteration": iteration,
        "elapsed_s": iteration / 8,
        "images_per_s": 8.0,
        "metrics": dict(values),
    }


def trained(folder: Path, row: str = "flax_nnx", **others: Any) -> Trained:
    """A folder made, and read."""
    return read(made(folder, row, **others))
