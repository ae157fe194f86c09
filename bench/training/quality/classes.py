"""Which classes are made, and how evenly, by the word of a classifier of real samples."""

import numpy as np
from numpy.typing import NDArray
from scipy import stats

Shares = NDArray[np.float64]
PART_OF_EVEN = 0.1
"""A class counts as made where it has more than a tenth of what it would have, were all alike."""


def shares(probabilities: NDArray[np.float64]) -> Shares:
    """The share of samples that goes to each class: (n, classes) -> (classes,), sum 1.

    Each sample goes to its most probable class. Can show classes that are never made, or too
    often. Cannot show that a sample is of its class: every sample goes to some class, noise too.
    """
    assigned = probabilities.argmax(axis=1)
    counts = np.bincount(assigned, minlength=probabilities.shape[1])
    return counts / len(probabilities)


def smallest_share(classes: int) -> float:
    """The share above which a class counts as found: a tenth of an even one, 0.01 of ten."""
    return PART_OF_EVEN / classes


def found(shares: Shares) -> int:
    """How many of (classes,) have more than `smallest_share`.

    The count of modes, as in Che et al. 2017 (arXiv 1612.02136), with classes as modes. Cannot
    show modes within a class, nor classes that the classifier finds in samples without any.
    """
    return int(np.sum(shares > smallest_share(len(shares))))


def evenness(shares: Shares) -> float:
    """Normalised entropy -sum p log p / log classes of (classes,): 1 all alike, 0 one class only.

    Shannon 1948, over the most that it can be (Pielou 1966). Can show an uneven choice of classes.
    Cannot show more than that; samples of noise may be even. Held-out samples say what is right.
    """
    return float(stats.entropy(shares) / np.log(len(shares)))


def confidence(probabilities: NDArray[np.float64]) -> float:
    """The mean over (n, classes) of a sample's largest probability, in [1/classes, 1].

    Can show samples between classes. Cannot show good ones: a classifier is often sure about what
    it has never seen (Hein et al. 2019, arXiv 1812.05720), so noise stands beside it.
    """
    return float(np.mean(probabilities.max(axis=1)))
