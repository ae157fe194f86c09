"""Real samples as NumPy arrays: float32, (count, height, width, channels), values in the range.

Parts of a source, which have its index, are `<source>.<part>`; classes are int32, (count,).
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spec import randomness
from spec.arrays import ArraySource, FolderSource
from spec.data import parts
from spec.data.whole import Samples, checksum, divided, read_files
from spec.errors import SpecError
from spec.parts import ClassPart
from spec.sources import Labels
from spec.workload import Workload

Arrays = dict[str, NDArray[Any]]


def load(workload: Workload, folder: Path | None = None) -> Arrays:
    """The samples of each array source that are trained on: without those held out.

    `folder` is where mnist, cifar10 and images lie. All samples of a source are checked against the
    file's count and checksum. Raises SpecError where they differ, with the place, without the
    file, which is not known here; and for a folder or a file in it that cannot be read.
    """
    loaded: Arrays = {}
    for name, source in workload.arrays.items():
        samples = divided(source, _place(workload, name), folder).training
        size, count = workload.schedule.batch_size, len(samples.images)
        if size > count and source.sampling == "shuffled_epochs":
            raise SpecError(
                f"schedule.batch_size: given {size}, but {source.kind} has {count:,} samples; "
                "at most so many are allowed, more with sampling = 'with_replacement'"
            )
        loaded |= _named(name, source, samples)
    return loaded


def held_out(workload: Workload, folder: Path | None = None) -> Arrays:
    """The samples that no training sees, of each source that has `hold_out`; else as `load`."""
    loaded: Arrays = {}
    for name, source in workload.arrays.items():
        if source.hold_out is not None:
            samples = divided(source, _place(workload, name), folder).held_out
            assert samples is not None
            loaded |= _named(name, source, samples)
    return loaded


def from_folder(workload: Workload) -> dict[str, FolderSource]:
    """The sources that need a folder, by name."""
    return {name: s for name, s in workload.arrays.items() if isinstance(s, FolderSource)}


def files_of(workload: Workload, folder: Path | None) -> dict[str, dict[str, object]]:
    """By source that is read from a folder, {files, bytes, files_sha256} of the files themselves.

    SpecError as in `load`; the files are not decoded.
    """
    found = from_folder(workload).items()
    return {name: read_files(source, _place(workload, name), folder) for name, source in found}


def _named(name: str, source: ArraySource, samples: Samples) -> Arrays:
    """A source's samples and each of its parts, by `<source>.<part>`."""
    found: Arrays = {name: samples.images}
    for key, part in source.parts.items():
        if isinstance(part, ClassPart):
            assert samples.classes is not None
            found[f"{name}.{key}"] = samples.classes
        else:
            found[f"{name}.{key}"] = parts.derive(part, samples.images, *source.range)
    return found


def synthetic(workload: Workload, seed: int, batches: int = 2, *, partial: bool = True) -> Arrays:
    """Random samples in each array source's range: so many full batches and a partial one.

    Golden values and conformance use these, so that neither depends on any file of images.
    """
    size = workload.schedule.batch_size
    count = batches * size + (max(1, size // 2) if partial else 0)
    made: Arrays = {}
    for name, source in workload.arrays.items():
        low, high = source.range
        key = f"{workload.name}/{seed}/synthetic/{name}"
        unit = randomness.uniform(key, 0, count, source.shape)
        drawn = Labels(kind="labels", classes=source.known_classes or 2)
        classes = randomness.sample(drawn, f"{key}/class", 0, count).astype(np.int32)
        images = (low + (high - low) * unit).astype(np.float32)
        made |= _named(name, source, Samples(images, classes))
    return made


def describe(
    arrays: Mapping[str, NDArray[Any]], read: Mapping[str, Mapping[str, object]] | None = None
) -> dict[str, dict[str, object]]:
    """Count, shape and checksum of each array, for provenance; and what `files_of` says of it."""
    return {
        name: {"count": len(a), "shape": list(a.shape[1:]), "sha256": checksum(a)}
        | dict((read or {}).get(name, {}))
        for name, a in arrays.items()
    }


def _place(workload: Workload, name: str) -> str:
    """Where a file has the source: the short form calls its own `data`."""
    return "data" if workload.short else f"sources.{name}"
