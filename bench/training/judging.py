"""The quality of what a training has come to, measured in the process that asks."""

from pathlib import Path
from typing import Any

from bench.plan.records import write_atomically
from bench.training import samples
from bench.training.quality.measuring import measure
from bench.training.quality.rows import Target
from bench.training.quality.samples import Samples
from spec.errors import UserError
from spec.sources import GaussianStream
from spec.workload import Workload

FILE = "quality.json"


def judge(run: Path, workload: Workload, path: Path, iteration: int) -> dict[str, Any]:
    """Measure each network's samples in a file of `worker.for_quality`, and write the records.

    Network -> record (bench.training.quality.measuring), or `outcome` why there is none; and the
    `iteration` after which it was measured, since the training may be gone on with.
    """
    arrays = samples.read(path)
    streams = [s for s in workload.sources.values() if isinstance(s, GaussianStream)]
    target = Target(streams[0].mean, streams[0].std) if streams else None
    found: dict[str, Any] = {}
    for network in dict.fromkeys(key.partition("|")[0] for key in arrays):
        own = {k.partition("|")[2]: v for k, v in arrays.items() if k.startswith(f"{network}|")}
        try:
            found[network] = measure(Samples(**own), target)
        except UserError as error:
            found[network] = {"outcome": f"not measured: {error}"}
        found[network]["iteration"] = iteration
    write_atomically(run / FILE, found)
    return found
