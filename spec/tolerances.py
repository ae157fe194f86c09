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
moved by rounding, and a backend may differ by some times as much as that run does, within a floor
(the limit of one iteration) and a ceiling.

Parameters after an Adam step are not compared below float64: where |g| is near zero the step is
the sign of rounding noise, so correct code differs there by almost 2 lr.
"""

from math import inf
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

PERTURBATION = {"float64": 2.0**-52, "float32": LIMITS["float32", "forward"]}
"""How far the reference's parameters are moved, relative: one ulp in float64.

Below float64 it is all that a forward pass may be off, and not one ulp, since what grows there is
not linear. An error e of what enters a ReLU, relative to its spread, changes the sign of a share
e / pi of normal inputs, and each change switches a term of the gradient on or off: k layers of
kinks leave a relative error of about sqrt(2 k e / pi) in the gradient, 0.014 for e = 5e-5 and
k = 6. Adam's first steps add to it, being signs themselves. One ulp moves so few signs that their
number is chance: after one iteration of dcgan_32 on 8 samples the moments were off by 8e-7, and in
another case by 0.01; 1e-5 gave 0.009 and 0.013.
"""

GRADIENT_NOISE = {"float64": 2.0**-52, "float32": 2.0**-20}
"""How far each number of the reference's gradients is moved: some ulps of the root mean square of
the phase's largest tensor, or of the terms that add up to this one where those are larger.

It matters where a gradient is zero whatever the weights are: the bias of a critic's last layer,
which moves real and generated scores alike, or a bias before batch norm. What a program finds there
is rounding, of which Adam and RMSprop make steps as large as any other, in a direction of chance.
"""

GROWTH = {"float64": 100.0, "float32": 3.0}
"""A trajectory may differ by this many times what the perturbation makes of it.

float64: 100 ulps are what rounding adds up to, and growth is linear. float32: the perturbation is
as large as rounding may be, and 3 is for the chance in which signs change: of 16 trajectories of
dcgan_32 on 4 samples, moved by 1e-6 (5e-6), none used more than 0.53 (1.2) of any limit.
"""

LOST = 1.0
"""Below float64, where rounding alone moves the reference by more than all of a quantity, nothing
is left of it to compare.

A critic without clipping at a high rate grows exponentially, and so do its errors: after 33
iterations of one, moved references were 1.05 off, and a row that was right 21, since a relative
error has no upper end where the run grows faster than the reference. Three times more than all
would not be kept by what is right, and would be by most of what is wrong (0 has an error of 1).
"""

CEILING: dict[tuple[str, str], float] = {
    ("float64", "forward"): 1e-7,
    ("float64", "gradient"): 1e-7,
    ("float64", "loss"): 1e-7,
    ("float64", "statistic"): 1e-7,
    ("float64", "moment"): 1e-7,
    ("float64", "iteration"): 1e-7,
    ("float32", "loss"): 1e-2,
    ("float32", "statistic"): 1e-2,
    # Moments of unrelated gradients differ by sqrt(2). At 0.5 they still point the same way (the
    # cosine is above 0.86), and correct programs do differ by 0.2 after five iterations of
    # dcgan_32: over many iterations the losses carry the proof, and the moments of the first one.
    ("float32", "moment"): 0.5,
    ("float32", "gradient"): 1e-2,
}
"""And never by more than this, unless the reference's own perturbed run is further away still.

Some GANs are so sensitive that 33 iterations, or one with three steps at a high rate, make more of
float32's rounding than that (a running mean off by 0.05 where all rows are right). The benchmark
then proves the same mode in float64 too, where the ceiling always holds.
"""


def limit(precision: str, quantity: Quantity) -> float:
    """The limit of a quantity after one step; KeyError where it has no meaning at a precision."""
    return LIMITS[precision, quantity]


def trajectory_limit(precision: str, quantity: Quantity, growth: float) -> float:
    """The limit after several iterations, from the growth of the reference's perturbation.

    The ceiling holds unless rounding alone goes beyond it (`is_beyond`): then it is no longer a
    limit that a correct program could keep, and what it would have proved is proved in float64.
    """
    floor = limit(precision, quantity)
    if is_beyond(precision, quantity, growth):
        return allowed(precision, growth)
    return max(floor, min(allowed(precision, growth), ceiling(precision, quantity)))


def allowed(precision: str, growth: float) -> float:
    """What a trajectory may differ by; infinite where nothing is left to compare (`LOST`)."""
    return inf if precision != "float64" and growth > LOST else GROWTH[precision] * growth


def ceiling(precision: str, quantity: Quantity) -> float:
    """What no growth may exceed; the limit of one step where there is none."""
    return CEILING.get((precision, quantity), limit(precision, quantity))


def is_beyond(precision: str, quantity: Quantity, growth: float) -> bool:
    """Whether rounding alone moves the reference further than the ceiling; never in float64."""
    return precision != "float64" and 0.0 < ceiling(precision, quantity) < growth
