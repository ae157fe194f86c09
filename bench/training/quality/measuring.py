"""The one way in: arrays of samples after a training, out comes a record that JSON can hold."""

from numpy.random import PCG64, Generator
from threadpoolctl import threadpool_limits

from bench.training.quality import images, rows
from bench.training.quality.resampling import CONFIDENCE, RESAMPLES, Record
from bench.training.quality.rows import Target
from bench.training.quality.samples import Samples, check, compared, not_finite
from spec.errors import UserError


def measure(samples: Samples, target: Target | None = None, seed: int = 0) -> Record:
    """Every measure that fits, of generated samples, of held-out ones and of noise.

    Rows (n, length) need a `target`, images (n, h, w, c) training samples. Each of the three sets
    has the same count, and is compared with as many other held-out samples: `counts` says how many.
    Values stand in `measures[name][set]` as value, low and high, the 95 % interval over
    `resamples` of the samples; what training, or the classifier's, is chance in is not in it.
    `meaning.MEANING[name]` says what a number can show. What is not finite, or beyond 1e12, gives
    the outcome "not finite" with the counts of such samples, and no measure; a value that is
    undefined on these samples is None. The same arrays and seed give the same record.

    Raises UserError where shapes, labels or counts do not fit.
    """
    check(samples)
    kind = "rows" if samples.held_out.ndim == 2 else "images"
    if kind == "rows" and target is None:
        raise UserError("target: given nothing; rows of numbers need a mean and a std")
    record = _without_measures(samples, kind, seed)
    if bad := not_finite(samples):
        return record | {"outcome": "not finite", "not_finite": bad}
    random = Generator(PCG64(seed))
    sets = compared(samples, random)
    record["counts"] |= {"compared": sets.count, "reference": sets.count}
    # Matrices this small take four times as long on two busy cores as on one.
    with threadpool_limits(limits=1, user_api=None):
        if kind == "rows":
            assert target is not None
            return record | rows.measured(sets, target, random)
        return record | images.measured(samples, sets, seed, random)


def _without_measures(samples: Samples, kind: str, seed: int) -> Record:
    return {
        "outcome": "measured",
        "kind": kind,
        "counts": {"given": {name: len(array) for name, array in samples.sets.items()}},
        "resamples": RESAMPLES,
        "confidence": CONFIDENCE,
        "seed": seed,
        "measures": {},
    }
