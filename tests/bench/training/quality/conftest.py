"""Digits at 28x28, split once, and a classifier that is trained on them once."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import pytest
from numpy.random import PCG64, Generator
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from bench.training.quality import features
from bench.training.quality.features import Features
from spec.data import digits

HELD_OUT = 500


class Digits(NamedTuple):
    """Handwritten digits as `mlp_square` sees them: 1,297 to train on, 500 held out."""

    training: NDArray[np.float32]
    labels: NDArray[np.int32]
    held_out: NDArray[np.float32]
    held_out_labels: NDArray[np.int32]


@pytest.fixture(autouse=True, scope="session")
def _one_thread() -> Iterator[None]:
    """As `measure` has it, for the parts that are called without it."""
    with threadpool_limits(limits=1, user_api=None):
        yield


@pytest.fixture(name="real", scope="session")
def _real() -> Digits:
    images = 2 * digits.resize(digits.images() / digits.LARGEST_VALUE, 28, 28)[..., None] - 1
    order = Generator(PCG64(0)).permutation(len(images))
    drawn, labels = images.astype(np.float32)[order], digits.classes()[order]
    return Digits(drawn[HELD_OUT:], labels[HELD_OUT:], drawn[:HELD_OUT], labels[:HELD_OUT])


@pytest.fixture(name="fitted", scope="session")
def _fitted(real: Digits) -> Features:
    return features.fit(real.training, real.labels, 0)


@pytest.fixture(name="random")
def _random() -> Generator:
    return Generator(PCG64(7))
