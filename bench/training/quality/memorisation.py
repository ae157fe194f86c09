"""Whether generated samples lie nearer to training samples than other real samples do.

Distances are Euclidean, in pixels: a copy is a copy there, whatever features say. The held-out set
as the yardstick is the idea of Meehan, Chaudhuri and Dasgupta 2020 (arXiv 2004.05675).
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.neighbors import NearestNeighbors

Distances = NDArray[np.float64]
NEAR = 0.01
"""The share of held-out samples that lie nearer than the limit below which one counts as a copy."""


def nearest(samples: NDArray[Any], training: NDArray[Any]) -> Distances:
    """Distance to the nearest training sample: (n, ...) and (m, ...) -> (n,), in data's units.

    Euclidean over all numbers of a sample; scikit-learn goes through them in chunks.
    """
    neighbours = NearestNeighbors(
        n_neighbors=1, radius=1.0, algorithm="brute", leaf_size=30, metric="euclidean", n_jobs=1
    ).fit(training.reshape(len(training), -1))
    distances, _ = neighbours.kneighbors(samples.reshape(len(samples), -1), return_distance=True)
    return np.asarray(distances[:, 0], dtype=np.float64)


def distance_ratio(generated: Distances, held_out: Distances) -> float:
    """Median of (n,) over the median of (m,), both from `nearest`; NaN where the latter is 0.

    1 where generated samples are as far from the training set as held-out ones. Can show that most
    samples are copies: near 0. Cannot show a few copies, nor any that are shifted or brightened;
    far samples may be bad ones, so above 1 is no praise.
    """
    middle = float(np.median(held_out))
    return float(np.median(generated)) / middle if middle else float("nan")


def share_nearer(generated: Distances, held_out: Distances) -> float:
    """The share of (n,) below the 1st percentile of (m,): about 0.01 without copies.

    Can show a part of the samples that are copies. Cannot show shifted copies, nor bad samples;
    smooth or empty ones lie near to many training samples without being copies.
    """
    limit = np.quantile(held_out, NEAR, method="linear")
    return float(np.mean(generated < limit))
