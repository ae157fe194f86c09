"""Real samples as NumPy arrays: float32, (count, height, width, channels), values in the range.

Parts of a source, which have its index, are `<source>.<part>`; classes are int32, (count,).
"""

import hashlib
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spec import randomness
from spec.data import digits, parts, photos
from spec.errors import SpecError
from spec.sources import DIGITS, ClassPart, Digits, Labels, Photos
from spec.workload import Workload

Arrays = dict[str, NDArray[Any]]


def load(workload: Workload) -> Arrays:
    """The real samples of each array source, checked against the file's count and checksum.

    Raises SpecError where they differ, with the place, without the file, which is not known here.
    """
    loaded: Arrays = {}
    for name, source in workload.arrays.items():
        assert isinstance(source, Digits | Photos)
        array = digits.load(source) if isinstance(source, Digits) else photos.load(source)
        _check(_place(workload, name), source, array)
        size = workload.schedule.batch_size
        if size > len(array) and source.sampling == "shuffled_epochs":
            raise SpecError(
                f"schedule.batch_size: given {size}, but {source.kind} has {len(array):,} samples; "
                "at most so many are allowed, more with sampling = 'with_replacement'"
            )
        loaded[name] = array
        loaded |= _parts(name, source, array, digits.classes)
    return loaded


def _parts(
    name: str,
    source: Digits | Photos,
    array: NDArray[np.float32],
    classes: Callable[[], NDArray[np.int32]],
) -> Arrays:
    """Each part of a source by `<source>.<part>`."""
    return {
        f"{name}.{key}": classes()
        if isinstance(part, ClassPart)
        else parts.derive(part, array, *source.range)
        for key, part in source.parts.items()
    }


def synthetic(workload: Workload, seed: int, batches: int = 2, *, partial: bool = True) -> Arrays:
    """Random samples in each array source's range: so many full batches and a partial one.

    Golden values and conformance use these, so that neither depends on any file of images.
    """
    size = workload.schedule.batch_size
    count = batches * size + (max(1, size // 2) if partial else 0)
    made: Arrays = {}
    for name, source in workload.arrays.items():
        assert isinstance(source, Digits | Photos)
        low, high = source.range
        key = f"{workload.name}/{seed}/synthetic/{name}"
        unit = randomness.uniform(key, 0, count, source.shape)
        made[name] = (low + (high - low) * unit).astype(np.float32)
        drawn = randomness.sample(Labels(kind="labels", classes=DIGITS), f"{key}/class", 0, count)
        made |= _parts(name, source, made[name], lambda classes=drawn: classes)  # type: ignore[misc]
    return made


def checksum(array: NDArray[Any]) -> str:
    """sha256 of the array as little-endian float32, rounded to 2^-16.

    Rounding keeps the checksum from depending on the last bits of an image decoder.
    """
    rounded = np.round(array.astype(np.float64) * 2**16).astype("<i4")
    return hashlib.sha256(rounded.tobytes()).hexdigest()


def describe(arrays: Mapping[str, NDArray[Any]]) -> dict[str, dict[str, object]]:
    """Count, shape and checksum of each array, for provenance."""
    return {
        name: {"count": len(a), "shape": list(a.shape[1:]), "sha256": checksum(a)}
        for name, a in arrays.items()
    }


def _place(workload: Workload, name: str) -> str:
    """Where a file has the source: the short form calls its own `data`."""
    return "data" if workload.short else f"sources.{name}"


def _check(place: str, source: Digits | Photos, array: NDArray[np.float32]) -> None:
    if source.count is not None and len(array) != source.count:
        message = f"given {source.count}, but there are {len(array):,}; correct it or leave it out"
        raise SpecError(f"{place}.count: {message}")
    if source.sha256 is not None and checksum(array) != source.sha256:
        raise SpecError(
            f"{place}.sha256: given {source.sha256}, but the array has {checksum(array)}; correct "
            "it or leave it out"
        )
