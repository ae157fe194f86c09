"""`[stopping]`: from where on a training is not worth going on with; nothing of it is computed."""

from typing import TYPE_CHECKING, Annotated, Literal, NamedTuple

from pydantic import Field

from spec.base import Model, Positive, Says, Share
from spec.errors import PlaceError
from spec.losses import BinaryCrossEntropy

if TYPE_CHECKING:
    from spec.workload import Workload

HALF = 0.5
"""What D believes of all samples where G has the data's distribution (arXiv 1406.2661)."""


class Rule(Model):
    """What every rule has beside its limits."""

    action: Literal["stop", "note"]
    """stop: a training ends with exit code 3, unless it is told to keep going. note: it is said."""
    reason: Annotated[
        str, Field(pattern=r"^\S[^\r\n]*$", max_length=1000), Says("a text of one line")
    ]
    """Where the limit comes from, such as what was seen of this GAN; it is said with the limit."""


class Diverged(Rule):
    """A loss is too large: the mean over an interval of any phase's, whatever its sign."""

    loss_above: Positive


class DiscriminatorWon(Rule):
    """A discriminator is all but sure of every sample: the means over an interval of what it
    believes of those that it learns to call real and of those that it learns to call generated.

    Of each network with cross entropies of both kinds (a target above 1/2 and one below) whose
    logits are metrics. The scores of critics are no probabilities: they are judged by losses alone.
    """

    real_above: Annotated[float, Field(gt=HALF, lt=1)]
    generated_below: Annotated[float, Field(gt=0, lt=HALF)]


class IgnoresInput(Rule):
    """A network makes nearly the same of any noise: its samples' spread, as a share of the spread
    of real ones, is too small.

    The spread is the mean over pairs of samples of the mean absolute difference of their numbers.
    Of 64 samples in eval mode, at each record; labels and images that go in with the noise are the
    same for all. Of a network without noise all inputs vary.
    """

    spread_below: Share


class Stopping(Model):
    """What `train` watches for at each record, beside what every training is watched for: a loss,
    a sample or a state that is not finite always stops it. Not part of the spec's hash."""

    diverged: Diverged | None = None
    discriminator_won: DiscriminatorWon | None = None
    ignores_input: IgnoresInput | None = None


class Judge(NamedTuple):
    """A discriminator whose beliefs are reported."""

    network: str
    real: tuple[str, ...]
    """Metrics of samples that it learns to call real."""
    generated: tuple[str, ...]


def judges(workload: "Workload") -> tuple[Judge, ...]:
    """Networks that report probabilities of real and of generated samples, by what they are taught.

    Phases that move a network alone count: a generator's shows D the same samples under another
    target.
    """
    found: dict[str, tuple[list[str], list[str]]] = {}
    for phase in workload.phases:
        maker = {name: forward.network for forward in phase.forwards for name in forward.writes}
        targets = {
            term.logits: term.target
            for term in phase.losses
            if isinstance(term, BinaryCrossEntropy)
        }
        for metric, output in phase.metrics.items():
            target, network = targets.get(output), maker.get(output, "")
            if isinstance(target, float) and target != HALF and network in phase.updates:
                found.setdefault(network, ([], []))[target < HALF].append(metric)
    return tuple(
        Judge(network, tuple(real), tuple(generated))
        for network, (real, generated) in found.items()
        if real and generated
    )


def check_stopping(workload: "Workload") -> None:
    """A rule about probabilities is refused where no network reports any."""
    stopping = workload.stopping
    if stopping is not None and stopping.discriminator_won is not None and not judges(workload):
        raise PlaceError(
            "stopping.discriminator_won",
            "given, but no network reports what it believes of real and of generated samples: the "
            "scores of critics are no probabilities, and losses alone judge them; leave it out, or "
            "give a phase with cross entropies (bce) its metrics",
        )
