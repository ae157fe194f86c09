"""What is wrong with a training, by its records: verdicts in words, and when they are said.

A record's numbers are means over all iterations since the record before it, so that a verdict comes
with the first record after what it names: within one interval.
"""

from collections.abc import Iterator, Sequence
from math import isfinite
from typing import Any, NamedTuple

from bench.training.makers import makers, real_like
from bench.training.metrics import Record
from spec.errors import UserError
from spec.stopping import Rule, Stopping, judges
from spec.workload import Workload

NAMED = 3
"""Names that a verdict lists."""
NOT_FINITE = "No rule: nothing that is not finite can be trained on, in any workload."


class Verdict(NamedTuple):
    """One thing that is wrong, as a record holds it."""

    kind: str
    of: str
    """The loss or the network, or all that is not finite."""
    action: str
    """stop or note."""
    seen: str
    """In words, with the limit."""
    reason: str
    """The file's, for its limit."""

    @property
    def said(self) -> str:
        """One sentence, and the limit's reason."""
        return f"{self.seen}. {self.reason}"


def verdicts(workload: Workload, record: Record, unsaved: Sequence[str] = ()) -> list[Verdict]:
    """All that a record shows; `unsaved` are arrays of the state that were found not finite.

    Where something is not finite nothing else is judged.
    """
    broken = list(_not_finite(workload, record, unsaved))
    if broken:
        return broken
    rules = workload.stopping or Stopping()
    return [
        *_diverged(workload, record, rules),
        *_discriminator_won(workload, record, rules),
        *_ignores_input(record, rules),
    ]


def require_watchable(workload: Workload) -> None:
    """UserError where a rule is of samples that nobody can make from draws alone, or compare."""
    rules = workload.stopping
    if rules is None or rules.ignores_input is None:
        return
    if not any(real_like(workload, maker) for maker in makers(workload)):
        raise UserError(
            f"{workload.name}: stopping.ignores_input: given, but no network makes samples of "
            "draws alone that another is given beside real ones: there is no spread to measure; "
            "leave it out"
        )


def _not_finite(workload: Workload, record: Record, unsaved: Sequence[str]) -> Iterator[Verdict]:
    losses = [n for n, v in record["metrics"].items() if v is None or not isfinite(v)]
    found = {
        "metrics": losses,
        "samples of": record["samples_not_finite"],
        "arrays of the state": list(unsaved),
    }
    told = "; ".join(f"{what} {_some(names)}" for what, names in found.items() if names)
    if told:
        seen = f"not finite by iteration {record['iteration']:,}: {told}"
        yield Verdict("not_finite", workload.name, "stop", seen, NOT_FINITE)


def _diverged(workload: Workload, record: Record, rules: Stopping) -> Iterator[Verdict]:
    rule = rules.diverged
    for name in (f"{phase.name}_loss" for phase in workload.phases) if rule else ():
        mean = record["metrics"].get(name)
        if rule and mean is not None and abs(mean) > rule.loss_above:
            seen = f"diverged: mean {name} {mean:.4g}, in size above {rule.loss_above:g}"
            yield _by(rule, "diverged", name, f"{seen}, {_when(record)}")


def _discriminator_won(workload: Workload, record: Record, rules: Stopping) -> Iterator[Verdict]:
    rule, metrics = rules.discriminator_won, record["metrics"]
    for judge in judges(workload) if rule else ():
        real = {name: metrics[name] for name in judge.real if name in metrics}
        made = {name: metrics[name] for name in judge.generated if name in metrics}
        if (
            rule
            and real
            and made
            and min(real.values()) > rule.real_above
            and max(made.values()) < rule.generated_below
        ):
            seen = (
                f"{judge.network} has won: it believes {_means(real)} of real samples, above "
                f"{rule.real_above:g}, and {_means(made)} of generated ones, below "
                f"{rule.generated_below:g}, {_when(record)}"
            )
            yield _by(rule, "discriminator_won", judge.network, seen)


def _ignores_input(record: Record, rules: Stopping) -> Iterator[Verdict]:
    rule = rules.ignores_input
    for network, share in record["spread"].items() if rule else ():
        if rule and share is not None and share < rule.spread_below:
            seen = (
                f"{network} ignores its input: samples of different inputs have {share:.2%} of the "
                f"spread of real ones, below {rule.spread_below:.2%}, at iteration "
                f"{record['iteration']:,}"
            )
            yield _by(rule, "ignores_input", network, seen)


def _by(rule: Rule, kind: str, of: str, seen: str) -> Verdict:
    return Verdict(kind, of, rule.action, seen, rule.reason)


def _when(record: Record) -> str:
    return f"over iterations {record['after'] + 1:,} to {record['iteration']:,}"


def _means(of: dict[str, float]) -> str:
    return " and ".join(f"{name} {mean:.6g}" for name, mean in of.items())


def _some(names: Sequence[Any]) -> str:
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return ", ".join(map(str, names[:NAMED])) + more


class Watch:
    """Which verdicts are news, and whether a training is to end."""

    def __init__(self, *, keep_going: bool) -> None:
        self.keep_going = keep_going
        self.stopped = False
        self.unsaved_told = False
        self._holding: set[tuple[str, str]] = set()

    def news(self, found: Sequence[Verdict]) -> list[Verdict]:
        """Of a record's verdicts those that the record before it did not have."""
        new = [one for one in found if (one.kind, one.of) not in self._holding]
        self._holding = {(one.kind, one.of) for one in found}
        stops = any(one.action == "stop" for one in found)
        self.stopped = self.stopped or (stops and not self.keep_going)
        return new
