"""The canonical state is the reference's own; import and export only copy."""

from collections.abc import Mapping

import numpy as np

from backends.protocol import Array, Arrays
from spec.workload import Workload


def import_state(workload: Workload, arrays: Mapping[str, Array]) -> Arrays:
    """A copy in float64; counters keep their integers."""
    return {
        key: np.array(value, np.int64 if value.dtype.kind == "i" else np.float64)
        for key, value in arrays.items()
    }


def export_state(workload: Workload, state: Arrays) -> Arrays:
    """A copy."""
    return {key: np.array(value) for key, value in state.items()}
