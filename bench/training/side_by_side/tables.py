"""Tables of trainings beside each other: how far each came, how far apart they are, quality."""

from collections.abc import Sequence

from bench.report.numbers import number
from bench.report.parts import Table, Value, entry, text
from bench.training.quality.meaning import MEANING
from bench.training.side_by_side.grouping import Difference, Group
from bench.training.side_by_side.reading import Trained
from bench.training.side_by_side.told import Estimate, Judged
from bench.workers.cleaning import clean

MEASURED = "measured"
LONGEST = 200
"""Characters of an outcome in words."""
NONE = "-"


def overview(group: Group) -> Table:
    """What each training is, and how far it has come."""
    columns = ("training", "mode", "precision", "device", "iterations", "trained for")
    lines = [[text(label), *_of(one)] for label, one in group.trainings.items()]
    return Table("Trainings", columns, lines, folded=False)


def _of(one: Trained) -> list[Value]:
    cell = one.about.plan.cell
    elapsed_s = one.records[-1].elapsed_s if one.records else None
    return [
        *(text(word) for word in (cell.mode, cell.precision, cell.device)),
        entry(f"{one.reached:,} of {one.about.iterations:,}", one.reached),
        entry(NONE if elapsed_s is None else f"{number(elapsed_s)} s", elapsed_s),
    ]


def apart(found: Sequence[Difference]) -> list[Table]:
    """How far the curves are apart; none where no two have a record at the same iteration."""
    columns = ("metric", "at the first record", "largest", "at iteration", "shared records")
    lines = [
        [
            text(one.metric),
            entry(f"{one.first:.1e}", one.first),
            entry(f"{one.largest:.1e}", one.largest),
            entry(f"{one.iteration:,}", one.iteration),
            entry(f"{one.shared:,}", one.shared),
        ]
        for one in found
    ]
    caption = "How far the curves are apart: (largest - smallest) / largest without its sign"
    return [Table(caption, columns, lines, folded=False)] if lines else []


def networks(group: Group) -> list[str]:
    """All that any training has a record of quality of."""
    return list(dict.fromkeys(name for one in group.trainings.values() for name in one.quality))


def quality(group: Group, network: str) -> Table:
    """A line for each measure, a column for each training, held-out samples and noise beside."""
    records = {label: one.quality.get(network) for label, one in group.trainings.items()}
    known = {label: of for label, of in records.items() if of and of.outcome == MEASURED}
    names = dict.fromkeys(name for of in known.values() for name in of.measures)
    lines = [
        [
            text(name),
            *(_estimate(of.measures.get(name, {}).get("generated")) for of in known.values()),
            *(_once(known, name, beside) for beside in ("held_out", "noise")),
        ]
        for name in names
    ]
    columns = ("measure", *known, "held out", "noise")
    return Table(f"Quality of {network}", columns, lines, folded=False)


def measures(group: Group) -> list[str]:
    """All that any training has a number of."""
    every = (record for one in group.trainings.values() for record in one.quality.values())
    return list(dict.fromkeys(name for record in every for name in record.measures))


def counts(group: Group, network: str) -> list[str]:
    """How many samples the numbers are of, and what a classifier is worth, where there is one."""
    words: dict[str, list[str]] = {}
    for label, one in group.trainings.items():
        record = one.quality.get(network)
        if record and record.outcome == MEASURED and record.counts:
            told = (
                f"{record.counts.compared} generated samples, as many held-out ones and as much "
                f"noise, each beside {record.counts.reference} other held-out samples."
            )
            words.setdefault(told + _accuracy(record), []).append(label)
    alike = len(words) == 1
    return [told if alike else f"{', '.join(of)}: {told}" for told, of in words.items()]


def _accuracy(record: Judged) -> str:
    if record.features is None or record.features.held_out_accuracy is None:
        return ""
    share = f"{100 * record.features.held_out_accuracy:.1f} %"
    few = "" if record.features.accurate else ", too few to trust what is said of classes"
    return f" The classifier names {share} of the held-out samples rightly{few}."


def unmeasured(group: Group, network: str) -> list[str]:
    """Why some have no numbers, or older ones: a sentence each."""
    words = []
    for label, one in group.trainings.items():
        record, ended = one.quality.get(network), one.reached >= one.about.iterations
        if record is None:
            words.append(f"{label}: not measured{'' if ended else ', as it is unfinished'}.")
            continue
        older = _older(record, one)
        if record.outcome != MEASURED:
            words.append(f"{label}: {clean(record.outcome)[:LONGEST]}{older}.")
        elif older:
            words.append(f"{label}: measured{older}.")
    return words


def _older(record: Judged, one: Trained) -> str:
    """When, where the training has gone on since; else nothing."""
    if record.iteration is None and one.reached < one.about.iterations:
        return " at an earlier end, from which it has gone on"
    if record.iteration is not None and record.iteration < one.reached:
        return f" after {record.iteration:,} iterations, from which it has gone on"
    return ""


def meaning(names: Sequence[str]) -> Table:
    """What each measure can show and what it cannot, once for the page."""
    known = {name: MEANING[name] for name in names if name in MEANING}
    lines = [[text(name), *(text(words) for words in of)] for name, of in known.items()]
    columns = ("measure", "best", "can show", "cannot show")
    return Table("What each measure can show", columns, lines, folded=False, prose=True)


def _estimate(of: Estimate | None) -> Value:
    shown = _shown(of)
    return entry(shown, of.value if of else None)


def _shown(of: Estimate | None) -> str:
    """A value with its interval."""
    if of is None:
        return NONE
    if of.value is None or of.low is None or of.high is None:
        return "undefined"
    return f"{of.value:.3g} ({of.low:.3g} to {of.high:.3g})"


def _once(known: dict[str, Judged], name: str, beside: str) -> Value:
    """What is the same in all trainings; where it is not, the value of each."""
    found = [of.measures.get(name, {}).get(beside) for of in known.values()]  # type: ignore[call-overload]
    different = list(dict.fromkeys(map(_shown, found)))
    first = _estimate(found[0])
    return first if len(different) == 1 else Value("; ".join(different), first.key)
