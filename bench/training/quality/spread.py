"""How far samples lie apart: of rows of numbers and, at each record of a training, of anything."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.distance import pdist


def distances(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    """Mean absolute difference of each pair of rows: (n, length) -> (n(n-1)/2,), i < j."""
    return pdist(rows, "cityblock") / rows.shape[1]


def ratio(own: NDArray[np.float64], others: NDArray[np.float64]) -> float:
    """Mean of one over the mean of the other; NaN where the other's is 0."""
    apart = float(np.mean(others))
    return float(np.mean(own)) / apart if apart else float("nan")


def share(samples: NDArray[Any], real: NDArray[Any]) -> float:
    """Spread of samples, (n, ...), as a share of that of real ones, (m, ...) of the same shape.

    Mean over pairs of the mean absolute difference: `gaussian.sensitivity` of any samples, taken as
    rows of numbers. NaN where a sample is not finite, or where real ones are all alike.
    """
    own, others = (a.reshape(len(a), -1).astype(np.float64) for a in (samples, real))
    return ratio(distances(own), distances(others))
