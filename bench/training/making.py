"""In a row's worker: samples of a checkpoint, whichever row it is from."""

from pathlib import Path
from typing import Any

import backends
from backends.protocol import Settings
from bench.training import checkpoint, samples
from bench.training.makers import made, makers
from spec import data
from spec.sources import ARRAYS


def make(
    path: str,
    row: str,
    mode: str,
    precision: str,
    device: str,
    count: int,
    output: str,
    folder: str | None = None,
) -> dict[str, Any]:
    """Write `count` samples of each network that makes some to an .npz file.

    From the same inputs in every row; `folder` has real samples, where these are from one.
    {iteration, workload: its name}.
    """
    facts, state = checkpoint.read(Path(path))
    workload = facts.workload
    settings = Settings(mode, precision, device, facts.chunk)  # type: ignore[arg-type]
    program = backends.prepare(row, workload, settings)
    table = workload.draw_table()
    given = [table[key].source for maker in makers(workload) for key in maker.inputs.values()]
    real = any(isinstance(of, ARRAYS) for of in given)
    arrays = data.load(workload, Path(folder) if folder else None) if real else {}
    samples.write(output, made(workload, program, program.import_state(state), arrays, count))
    return {"iteration": facts.iteration, "workload": workload.name}
