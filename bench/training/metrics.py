"""What a training reports: a record an interval, in JSON lines and as TensorBoard events."""

import json
from collections.abc import Mapping, Sequence
from math import isfinite
from pathlib import Path
from typing import Any, Self

import numpy as np
from tensorboardX import SummaryWriter

from bench.plan.records import strict
from bench.workers.whole import whole
from spec.losses import BinaryCrossEntropy
from spec.workload import Workload

Record = dict[str, Any]
FILE, EVENTS = "metrics.jsonl", "events"


def halves(workload: Workload) -> dict[str, tuple[tuple[str, ...], float]]:
    """`<network>_loss_mean` -> (losses whose sum is divided, by what): a discriminator's mean.

    Documents report the sum over real and generated samples, their mean, or each by itself. Divided
    by the weights of its terms each is the mean of the halves, ln 2 where D knows nothing
    (arXiv 1406.2661, theorem 1). Of cross entropies alone.
    """
    found = {}
    for network in dict.fromkeys(n for phase in workload.phases for n in phase.updates):
        own = [phase for phase in workload.phases if network in phase.updates]
        terms = [term for phase in own for term in phase.losses]
        weights = [term.weight for term in terms if isinstance(term, BinaryCrossEntropy)]
        if len(weights) == len(terms) > 1 and all(weight > 0 for weight in weights):
            names = tuple(f"{phase.name}_loss" for phase in own)
            found[f"{network}_loss_mean"] = names, sum(weights)
    return found


def mean(values: Sequence[float]) -> float:
    """Of all values; not finite where one is not, or where their sum is too large for a number."""
    with np.errstate(over="ignore", invalid="ignore"):
        return float(np.mean(np.asarray(values, np.float64)))


def record(
    workload: Workload,
    iteration: int,
    elapsed_s: float,
    images_per_s: float,
    raw: Mapping[str, Any],
) -> Record:
    """A record: each metric's mean over the interval, `raw` being its values in order."""
    means = {name: mean(values) for name, values in raw.items() if values}
    for name, (losses, weight) in halves(workload).items():
        if all(loss in means for loss in losses):
            means[name] = sum(means[loss] for loss in losses) / weight
    return {
        "iteration": iteration,
        "elapsed_s": elapsed_s,
        "images_per_s": images_per_s,
        "metrics": means,
    }


def read(folder: Path) -> list[Record]:
    """The records of a run, of which a crash may have cut the last."""
    try:
        lines = (folder / FILE).read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return []
    found = []
    for line in lines:
        try:
            found.append(json.loads(line))
        except ValueError:
            break
    return found


class Log:
    """Both files of a run, open: a context. What was recorded after `iteration` is made anew."""

    def __init__(self, folder: Path, iteration: int) -> None:
        self.records: Sequence[Record] = [r for r in read(folder) if r["iteration"] <= iteration]
        with whole(folder / FILE) as draft:
            draft.write_text("".join(map(_line, self.records)), encoding="utf-8")
        self._lines = (folder / FILE).open("a", encoding="utf-8")
        self._events = SummaryWriter(
            logdir=str(folder / EVENTS), purge_step=iteration + 1, flush_secs=30
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *raised: object) -> None:
        self._lines.close()
        self._events.close()

    def add(self, one: Record) -> None:
        """A record more, on disk when this returns."""
        self.records = [*self.records, one]
        self._lines.write(_line(one))
        self._lines.flush()
        spreads = {f"spread/{network}": share for network, share in one["spread"].items()}
        told = one["metrics"] | spreads | {"images_per_s": one["images_per_s"]}
        for name, value in told.items():
            if value is not None and isfinite(value):
                self._events.add_scalar(name, value, one["iteration"])


def _line(one: Record) -> str:
    return json.dumps(strict(one), allow_nan=False) + "\n"
