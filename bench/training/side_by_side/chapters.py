"""From folders of trainings to what the report's page shows of them, a chapter a group."""

from collections.abc import Sequence
from pathlib import Path

import backends
from bench.report.parts import Chapter, Section
from bench.training.side_by_side import charts, moments, reading, tables
from bench.training.side_by_side.grouping import Group, differences, groups
from bench.training.side_by_side.pictures import Budget
from spec.errors import UserError

HEADING = "trainings side by side"
MOST_TRAININGS = 32
OWN = (
    "Each training drew its own random numbers, so curves and samples differ by chance as well, as "
    "two seeds of one row would: what differs here need not be the frameworks' doing."
)
SAME = (
    "All were given the same random numbers, so they differ by rounding, and by what training has "
    "made of it."
)
SECONDS = (
    "Seconds are of each training by itself, whatever else its machine did then: speeds are not "
    "compared by them."
)
INTERVALS = (
    "Each value has its 95 % interval over resamples of the samples. What another seed would give "
    "is not in it. A measure's value means something beside that of held-out real samples and that "
    "of noise."
)


def of(folders: Sequence[Path], rows: Sequence[str] = ()) -> list[Chapter]:
    """Chapters about the trainings in some folders; `rows`: those that have a colour already.

    UserError where a folder is no training, or a file in it damaged.
    """
    if len(folders) > MOST_TRAININGS:
        raise UserError(
            f"given {len(folders)} trainings; a page has {MOST_TRAININGS} at most: leave some out"
        )
    found = groups([reading.read(folder) for folder in folders])
    trained = (one.about.plan.cell.row for group in found for one in group.trainings.values())
    order, budget = list(dict.fromkeys((*rows, *backends.names(), *sorted(trained)))), Budget()
    chapters = [
        Chapter(
            f"trainings{i}", group.title, HEADING, _words(group), _sections(group, order, budget)
        )
        for i, group in enumerate(found, start=1)
    ]
    return [*chapters, *_meaning(found)]


def _words(group: Group) -> list[str]:
    """What holds for all of a group, and who has not come to the end."""
    alone = [] if len(group.trainings) > 1 else ["No other training may be compared with this one."]
    unfinished = [
        f"{label} is unfinished: it has come to {one.reached:,} of {one.about.iterations:,} "
        "iterations."
        for label, one in group.trainings.items()
        if one.reached < one.about.iterations
    ]
    compared = [SAME if group.same_draws else OWN] if len(group.trainings) > 1 else []
    return [*compared, *alone, *unfinished, f"Spec hash {group.first.about.spec_hash[:12]}."]


def _sections(group: Group, rows: Sequence[str], budget: Budget) -> list[Section]:
    found = [_curves(group, rows), moments.section(group, budget)]
    return [*found, *(_quality(group, network) for network in tables.networks(group))]


def _curves(group: Group, rows: Sequence[str]) -> Section:
    figures, left_out = charts.of_metrics(group, rows)
    words = [SECONDS]
    if left_out:
        names = ", ".join(left_out)
        words.append(f"Left out, as there is room for {charts.MOST_METRICS} charts: {names}.")
    of_all = tables.apart(differences(group)) if group.same_draws else []
    return Section("curves", "Curves", words, figures, [*of_all, tables.overview(group)])


def _quality(group: Group, network: str) -> Section:
    table = tables.quality(group, network)
    measured = [INTERVALS, *tables.counts(group, network)] if table.lines else []
    words = [*measured, *tables.unmeasured(group, network)]
    shown = [table] if table.lines else []
    return Section(f"quality-{network}", f"Quality of {network}", words, tables=shown)


def _meaning(found: Sequence[Group]) -> list[Chapter]:
    """What the measures of all chapters can show, once."""
    names = dict.fromkeys(name for group in found for name in tables.measures(group))
    table = tables.meaning(list(names))
    section = Section("meaning", table.caption, tables=[table])
    chapter = Chapter("measures", "Measures of quality", HEADING, sections=[section])
    return [chapter] if table.lines else []
