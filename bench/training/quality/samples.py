"""The arrays that are compared: checked, cut to bounded sizes, and to equal ones.

A measure that depends on the count of samples (precision and recall, entropy, Wasserstein) would
favour the larger set, and one that is given a set and itself would find them equal. So held-out
samples are split: one half is the reference of every comparison, the other half is compared with
it as the real thing would be, and generated samples and noise are cut to as many.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from spec.errors import UserError

Array = NDArray[Any]
COMPARED = 1000
"""The most samples of each set that are compared: some matrices have the square of it."""
FEWEST = 10
"""The fewest; a half of them still has three neighbours each."""
LARGEST = 1e12
"""Beyond it numbers count as not finite: their squares and cubes would not be."""
TRAINING, NUMBERS = 10_000, 20_000_000
"""The most training samples, and numbers in all of them: 160 MB."""


@dataclass(frozen=True)
class Samples:
    """What is measured after a training, all in the data's own range and shape.

    Rows of numbers are (n, length), images (n, height, width, channels); counts may differ.
    """

    generated: Array
    held_out: Array
    """Real samples that no training saw."""
    noise: Array
    """What a generator could give that has learnt nothing, in the shape of samples."""
    training: Array | None = None
    """Needed for images: features and copies."""
    labels: Array | None = None
    """Classes of the training samples, (n,)."""
    held_out_labels: Array | None = None
    """Classes of the held-out samples, (n,)."""

    @property
    def sets(self) -> dict[str, Array]:
        """The sets of samples by name, those that were given."""
        names = ("generated", "held_out", "noise", "training")
        given = {name: getattr(self, name) for name in names}
        return {name: array for name, array in given.items() if array is not None}


@dataclass(frozen=True)
class Compared:
    """Three sets of one size that are compared with the reference, which has that size too."""

    candidates: dict[str, Array]
    """generated, held_out, noise: (count, ...)."""
    reference: Array
    """The other half of the held-out samples: (count, ...)."""

    @property
    def count(self) -> int:
        """Samples in each set."""
        return len(self.reference)


def check(samples: Samples) -> None:
    """Raises UserError where shapes do not fit, labels are too few, or samples are."""
    shape = samples.held_out.shape[1:]
    for name, array in samples.sets.items():
        if array.shape[1:] != shape:
            raise UserError(
                f"{name}: given samples of shape {array.shape[1:]}, but held_out has {shape}; "
                "give samples of one shape"
            )
        fewest = 2 * FEWEST if name == "held_out" else FEWEST
        if len(array) < fewest:
            raise UserError(f"{name}: given {len(array)} samples; give at least {fewest}")
    if len(shape) not in (1, 3):
        raise UserError(
            f"held_out: given samples of shape {shape}; rows (length,) and images (height, width, "
            "channels) can be measured"
        )
    if len(shape) == 3 and samples.training is None:
        raise UserError("training: given nothing; images are measured with the training samples")
    _check_labels("labels", samples.labels, samples.training)
    _check_labels("held_out_labels", samples.held_out_labels, samples.held_out)


def _check_labels(name: str, labels: Array | None, samples: Array | None) -> None:
    expected = () if samples is None else (len(samples),)
    if labels is not None and labels.shape != expected:
        raise UserError(
            f"{name}: given shape {labels.shape}; give one label a sample, shape {expected}"
        )


def not_finite(samples: Samples) -> dict[str, int]:
    """How many samples of each set have a number that is NaN or beyond 1e12; sets with none not."""
    bad = {
        name: int(np.sum(~np.all(np.abs(array.reshape(len(array), -1)) <= LARGEST, axis=1)))
        for name, array in samples.sets.items()
    }
    return {name: count for name, count in bad.items() if count}


def compared(samples: Samples, random: Generator) -> Compared:
    """Sets of one size, drawn without replacement: at most half the held-out samples, and 1,000."""
    sizes = [len(samples.held_out) // 2, len(samples.generated), len(samples.noise), COMPARED]
    count = min(sizes)
    drawn = random.permutation(len(samples.held_out))[: 2 * count]
    candidates = {
        "generated": _some(samples.generated, count, random),
        "held_out": samples.held_out[drawn[count:]],
        "noise": _some(samples.noise, count, random),
    }
    return Compared(candidates, samples.held_out[drawn[:count]])


def bounded(training: Array, labels: Array | None, random: Generator) -> tuple[Array, Array | None]:
    """At most 10,000 training samples and 20 million numbers, drawn without replacement."""
    count = min(TRAINING, max(FEWEST, NUMBERS // int(np.prod(training.shape[1:]))))
    drawn = random.permutation(len(training))[:count]
    return training[drawn], None if labels is None else labels[drawn]


def _some(array: Array, count: int, random: Generator) -> Array:
    return array[random.permutation(len(array))[:count]]
