"""All samples of one source: read, held against the file's count and checksum, and divided."""

import hashlib
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from spec import randomness
from spec.arrays import ArraySource, Cifar10, Digits, FolderSource, Images, Mnist, Photos
from spec.data import cifar10, digits, images, mnist, photos
from spec.data.folders import checksum as checksum_of_files
from spec.errors import SpecError
from spec.parts import ClassPart

AT_A_TIME = 1024
"""Samples that are rounded together for a checksum."""
ORDER = "hold_out"
"""The key of the order by which samples are held out: neither a seed nor a GAN's name is in it."""


class Samples(NamedTuple):
    """Images, float32 (n, height, width, channels), and what they show, int32 (n,), if asked."""

    images: NDArray[np.float32]
    classes: NDArray[np.int32] | None

    def taken(self, places: NDArray[np.int64]) -> "Samples":
        """Those at these places, in their order."""
        classes = None if self.classes is None else self.classes[places]
        return Samples(self.images[places], classes)


class Divided(NamedTuple):
    """The samples of a source: those of training, and those that are held out, if any are."""

    training: Samples
    held_out: Samples | None


def divided(source: ArraySource, place: str, folder: Path | None) -> Divided:
    """A source's samples, checked as a whole. `place` is where the workload's file has it.

    SpecError with the place, or with the path of a file of the folder.
    """
    whole = _read(source, place, folder)
    _check(place, source, whole.images)
    if source.hold_out is None:
        return Divided(whole, None)
    if isinstance(source, Photos):
        training, held = photos.divided(source)
        return Divided(Samples(training, None), Samples(held, None))
    count = len(whole.images)
    share = round(source.hold_out * count)
    if share == 0:
        raise SpecError(
            f"{place}.hold_out: given {source.hold_out}, which is none of {count:,} samples; give "
            "a larger share or leave it out"
        )
    order = randomness.permutation(ORDER, count)
    return Divided(whole.taken(np.sort(order[share:])), whole.taken(np.sort(order[:share])))


def read_files(source: FolderSource, place: str, folder: Path | None) -> dict[str, object]:
    """{files, bytes, files_sha256} of what is read of a folder, as it lies there."""
    own = required(source, place, folder)
    match source:
        case Mnist():
            wanted = mnist.files(own)
        case Cifar10():
            wanted = cifar10.files(own)
        case _:
            wanted = images.files(own)
    return checksum_of_files(own, wanted)


def required(source: FolderSource, place: str, folder: Path | None) -> Path:
    """The folder; SpecError where none is given."""
    if folder is None:
        raise SpecError(
            f"{place}.kind: {source.kind} is read from a folder, and none is given; give it with "
            "--data FOLDER"
        )
    return folder


def _read(source: ArraySource, place: str, folder: Path | None) -> Samples:
    match source:
        case Digits():
            asked = any(isinstance(part, ClassPart) for part in source.parts.values())
            return Samples(digits.load(source), digits.classes() if asked else None)
        case Photos():
            return Samples(photos.load(source), None)
        case Mnist():
            return Samples(*mnist.load(source, required(source, place, folder)))
        case Cifar10():
            return Samples(*cifar10.load(source, required(source, place, folder)))
        case Images():
            return Samples(*images.load(source, required(source, place, folder)))
    raise TypeError(f"{source.kind} is no array")


def _check(place: str, source: ArraySource, array: NDArray[np.float32]) -> None:
    if source.count is not None and len(array) != source.count:
        message = f"given {source.count}, but there are {len(array):,}; correct it or leave it out"
        raise SpecError(f"{place}.count: {message}")
    if source.sha256 is not None and checksum(array) != source.sha256:
        raise SpecError(
            f"{place}.sha256: given {source.sha256}, but the array has {checksum(array)}; correct "
            "it or leave it out"
        )


def checksum(array: NDArray[Any]) -> str:
    """sha256 of the array as little-endian float32, rounded to 2^-16.

    Rounding keeps the checksum from depending on the last bits of an image decoder.
    """
    digest = hashlib.sha256()
    for start in range(0, len(array), AT_A_TIME):
        some = array[start : start + AT_A_TIME].astype(np.float64)
        digest.update(np.round(some * 2**16).astype("<i4").tobytes())
    return digest.hexdigest()
