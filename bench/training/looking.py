"""In a row's worker: what samples of now show, at each record of a training."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from backends.protocol import Arrays, Program
from bench.training.makers import Maker, inputs_of, makers, real, real_like
from bench.training.quality.spread import share
from spec.sources import NormalNoise, UniformNoise
from spec.workload import Workload

NOISE = (NormalNoise, UniformNoise)
SAMPLES = 64
"""2,016 pairs: an interval's 64 images of 64x64x3 are compared in 40 ms."""


def looked_at(
    workload: Workload, program: Program, state: Any, arrays: Arrays, count: int = SAMPLES
) -> dict[str, Any]:
    """{spread: network -> share or None, samples_not_finite: networks that make such}.

    Samples in eval mode of the fixed inputs, in which noise alone varies where a network has some;
    beside real samples, as a share of their spread (`quality.spread.share`). Networks whose samples
    are compared with no real ones have none. A share that is not finite is None.
    """
    found: dict[str, Any] = {"spread": {}, "samples_not_finite": []}
    beside = real(workload, arrays, count)
    for maker in makers(workload):
        given = alike(workload, maker, inputs_of(workload, maker, arrays, count))
        made = program.generate(state, maker.network, given)
        parts = made if isinstance(made, dict) else {"": np.asarray(made)}
        if not all(np.isfinite(one).all() for one in parts.values()):
            found["samples_not_finite"].append(maker.network)
        source = real_like(workload, maker)
        if source in beside and "" in parts:
            found["spread"][maker.network] = _finite(share(parts[""], beside[source]))
    return found


def alike(workload: Workload, maker: Maker, given: Arrays) -> Arrays:
    """Inputs of which noise alone differs, if some is noise: labels and images are all the first.

    A conditional network that ignores its noise would pass else, since its labels differ.
    """
    table = workload.draw_table()
    noise = {name for name, key in maker.inputs.items() if isinstance(table[key].source, NOISE)}
    return {
        name: array if name in noise or not noise else _repeated(array)
        for name, array in given.items()
    }


def _repeated(array: NDArray[Any]) -> NDArray[Any]:
    return np.repeat(array[:1], len(array), axis=0)


def _finite(number: float) -> float | None:
    return number if np.isfinite(number) else None
