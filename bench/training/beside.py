"""In a row's worker: what generated samples are measured beside."""

import json
from typing import Any

import numpy as np
from numpy.typing import NDArray

import spec
from backends.protocol import Arrays
from bench.plan.cells import Cell
from bench.training.makers import Maker, inputs_of
from spec import data, randomness
from spec.arrays import ArraySource
from spec.sources import ARRAYS, GaussianStream
from spec.workload import Workload

CLASS = "class_for_quality"
"""The part of a source that is loaded beside it: what its samples show."""


def real_sets(cell: Cell, name: str, count: int) -> Arrays:
    """Real samples of a source: `held_out`, and of arrays `training`, each with its classes.

    A stream has nothing that training has seen: 2 `count` fresh rows are held out. UserError where
    an array holds nothing out.
    """
    workload = cell.load()
    source = workload.sources[name]
    if isinstance(source, GaussianStream):
        fresh = randomness.sample(source, f"{workload.name}/held_out/{name}", 0, 2 * count)
        return {"held_out": fresh}
    assert isinstance(source, ArraySource)
    own = _with_classes(cell, workload, name) if source.known_classes else workload
    sets = {
        "training": data.load(own, cell.folder),
        "held_out": data.held_out(own, cell.folder),
    }
    found = {key: arrays[name] for key, arrays in sets.items() if name in arrays}
    if source.known_classes:
        labels = {"training": "labels", "held_out": "held_out_labels"}
        found |= {labels[key]: sets[key][f"{name}.{CLASS}"] for key in tuple(found)}
    return found


def noise_like(
    workload: Workload, maker: Maker, real: NDArray[Any], count: int
) -> NDArray[np.float64]:
    """What a generator could give that has learnt nothing, in the shape of real samples.

    Its own input where that has this shape; else uniform numbers over the real ones' range.
    """
    shape = real.shape[1:]
    given = inputs_of(workload, maker, {}, count) if not _of_arrays(workload, maker) else {}
    for array in given.values():
        if array.shape[1:] == shape:
            return array
    unit = randomness.uniform(f"{workload.name}/noise/{maker.network}", 0, count, shape)
    low, high = float(real.min()), float(real.max())
    return low + (high - low) * unit


def _of_arrays(workload: Workload, maker: Maker) -> bool:
    table = workload.draw_table()
    return any(isinstance(table[key].source, ARRAYS) for key in maker.inputs.values())


def _with_classes(cell: Cell, workload: Workload, name: str) -> Workload:
    """The same workload, whose source has its classes as a part more."""
    place = "data" if workload.short else f"sources.{name}"
    parts = workload.arrays[name].model_dump(mode="json")["parts"] | {CLASS: {"kind": "class"}}
    size = {"schedule.batch_size": cell.batch_size}
    return spec.load(cell.workload, json.loads(cell.overrides) | size | {f"{place}.parts": parts})
