"""One table of limits: how far a backend may be from the float64 reference, and why.

Errors of tensors are relative in the 2-norm, |a - b| / |b|, where b is the reference's; absolute
where the reference is structurally zero. Errors of losses are |a - b| / max(1, |b|).

The float64 limits come from measured differences between correct implementations: losses and
gradients agree to a few units in the last place times the length of the longest sum, about 1e-14
to 1e-12. Parameters after an Adam step are looser, since Adam divides by |g| + epsilon and so
multiplies rounding in a gradient near epsilon by up to lr / epsilon: correct programs were seen
up to 3e-12 apart (of max |w|) after one iteration of dcgan_32.

The float32 limits are those of float64 scaled by the ratio of the two epsilons, 5e8, where a
quantity is one step of rounding away, and rounded to one figure.

Several iterations amplify rounding by an amount that depends on the GAN. So a trajectory is
measured against the reference's own sensitivity: the reference runs a second time from parameters
moved by a random unit in the last place (of the dtype under test), and a backend may differ by 100
times as much as that run does, within a floor (the limit of one iteration) and a ceiling.

Parameters after an Adam step are not compared below float64: where |g| is near zero the step is
the sign of rounding noise, so correct code differs there by almost 2 lr.
"""

from typing import Literal

Quantity = Literal[
    "forward",
    "loss",
    "gradient",
    "statistic",
    "moment",
    "optimizer",
    "iteration",
    "control",
    "exact",
]

LIMITS: dict[tuple[str, str], float] = {
    # One forward pass of a layer or a network.
    ("float64", "forward"): 1e-13,
    ("float32", "forward"): 5e-5,
    # Losses and reported probabilities on given weights and draws.
    ("float64", "loss"): 1e-12,
    ("float32", "loss"): 1e-5,
    # Gradients of one phase.
    ("float64", "gradient"): 1e-11,
    ("float32", "gradient"): 1e-4,
    # Batch statistics after one iteration.
    ("float64", "statistic"): 1e-11,
    ("float32", "statistic"): 1e-4,
    # First and second moments after one iteration.
    ("float64", "moment"): 1e-11,
    ("float32", "moment"): 1e-4,
    # An optimizer alone, fed the reference's gradients for several steps.
    ("float64", "optimizer"): 1e-13,
    # In float32, 1 - 0.999^t (optax, compiled torch) is off by 2^-24 / 1e-3 at t = 1, and its root,
    # by which the step is divided, by half of that: 3e-5.
    ("float32", "optimizer"): 3e-5,
    # All of the state after one iteration.
    ("float64", "iteration"): 1e-11,
    # A backend against its straight-line control program over five iterations.
    ("float64", "control"): 1e-9,
    # Copies: nothing is computed.
    ("float64", "exact"): 0.0,
    ("float32", "exact"): 0.0,
}

GROWTH = 100.0
"""A trajectory may differ by this many times what one unit in the last place makes of it."""

CEILING: dict[tuple[str, str], float] = {
    ("float64", "loss"): 1e-7,
    ("float64", "statistic"): 1e-7,
    ("float64", "moment"): 1e-7,
    ("float64", "iteration"): 1e-7,
    ("float32", "loss"): 1e-2,
    ("float32", "statistic"): 1e-2,
    # One ulp in the weights of dcgan_32 moves first moments by 0.17 in four iterations, since
    # Adam's first steps are signs; a wrong batch or stale noise moves them by 1 and more.
    ("float32", "moment"): 0.5,
    ("float32", "gradient"): 1e-2,
}
"""And never by more than this."""

EPSILON = {"float64": 2.0**-52, "float32": 2.0**-23}
"""One unit in the last place, relative."""


PERTURBATIONS = {"float64": (1,), "float32": (1, 4, 16)}
"""Units in the last place by which the reference is perturbed; the largest growth counts.

Below float64 one run is not enough. Where a ReLU input or a gradient lies within rounding of zero,
a sign depends on it: of four one-ulp perturbations of the same float32 dcgan_32, three moved the
third iteration's losses by less than 7e-7 and one by 4.7e-5. What sizes a
backend's own rounding has was not measured tensor by tensor; 16 is a choice, not a derivation.
"""


def limit(precision: str, quantity: Quantity) -> float:
    """The limit of a quantity after one step; KeyError where it has no meaning at a precision."""
    return LIMITS[precision, quantity]


def trajectory_limit(precision: str, quantity: Quantity, growth: float) -> float:
    """The limit after several iterations, from the growth of a one-ulp perturbation."""
    floor = limit(precision, quantity)
    return max(floor, min(GROWTH * growth, CEILING.get((precision, quantity), floor)))
