"""Results of `converge` as a page shows them, a chapter for each workload of each file."""

import json
from collections.abc import Container, Iterator, Mapping, Sequence
from itertools import count
from pathlib import Path

import backends
from bench.convergence import charts, origin, results, summary, table
from bench.convergence.comparing import Pair
from bench.convergence.reaching import by_row
from bench.convergence.results import OfWorkload, Result
from bench.convergence.summary import OfRow
from bench.report.drawing import draw
from bench.report.parts import Chapter, Figure, Section
from bench.report.streams import shown
from bench.workers.cleaning import clean
from spec.errors import UserError

HEADING = "time to target"
HOW = (
    "Each row is trained from each seed until its samples are good enough. Iterations are "
    "compared; seconds are of training alone, on the machine that is named below and beside "
    "whatever else ran on it. The first chunk, with compiling, is in neither: it stands apart. "
    "Medians have an interval of at least 95 %; a share has Wilson's."
)
NONE = "No training has ended yet."
PAIRS = "Iterations of B over those of A, from the same seeds"


def read(paths: Sequence[Path]) -> dict[str, Result]:
    """The results in some files, by name.

    UserError, one line, for another file, and for one without a workload.
    """
    found: dict[str, Result] = {}
    for path in paths:
        result = results.read(path)
        if not result.workloads:
            raise UserError(f"{path}: a result of `converge` of no workload; give another one")
        found[_name(path, found)] = result
    return found


def _name(path: Path, taken: Container[str]) -> str:
    """The file's, with a number where another one has it."""
    name = shown(clean(path.name), "utf-8")
    names = (f"{name} #{i}" if i > 1 else name for i in count(1))
    return next(one for one in names if one not in taken)


def of(
    given: Mapping[str, Result],
    rows: Sequence[str] = (),
    against: Mapping[str, Sequence[Pair]] | None = None,
) -> list[Chapter]:
    """Chapters about results, each with its name; `rows`: those that have a colour already.

    `against`: workload -> further pairs, with rows of another result.
    """
    chapters: list[Chapter] = []
    for name, result in given.items():
        for workload, found in result.workloads.items():
            title = f"Time to target: {workload}" + (f", {name}" if len(given) > 1 else "")
            sections = _sections(workload, found, rows, (against or {}).get(workload, ()))
            measured = origin.section(found, result.sittings)
            words = list(_words(found)) if sections else [*_words(found), NONE]
            place = f"target{len(chapters) + 1}"
            chapters.append(Chapter(place, title, HEADING, words, [*sections, measured]))
    return chapters


def _words(found: OfWorkload) -> Iterator[str]:
    """The target: what it is, and why."""
    yield f"Target: {table.band(found)}."
    put = {**found.target.set, **found.put}
    if put:
        told = (f"{place} = {json.dumps(value)}" for place, value in put.items())
        yield f"Put into the file: {', '.join(told)}."
    yield f"Why: {found.target.reason}"


def _sections(
    name: str, found: OfWorkload, order: Sequence[str], against: Sequence[Pair]
) -> list[Section]:
    """What was measured, and what may be said of pairs of rows; nothing where nothing was."""
    rows, pairs = summary.rows(found), [*summary.pairs(found), *against]
    if not rows:
        return []
    lines = [table.of("Trainings to the target", [table.cells(row) for row in rows])]
    words = [HOW, *table.warnings(rows, pairs)]
    reached = Section("reached", "Trainings", words, [_figure(name, found, order, rows)], lines)
    if not pairs:
        return [reached]
    compared = [table.of(PAIRS, [table.pair_cells(pair) for pair in pairs])]
    shows = table.cannot(rows, pairs)
    return [reached, Section("pairs", "Rows compared", [shows] if shows else [], tables=compared)]


def _figure(name: str, found: OfWorkload, order: Sequence[str], rows: Sequence[OfRow]) -> Figure:
    made = {row: of for row, of in by_row(found).items() if of}
    known = list(dict.fromkeys((*order, *backends.names(), *sorted(made))))
    chart = charts.shares(made, found.target.longest, known)
    title = "Share of trainings that have reached the target, by iteration"
    ends = "; ".join(f"{row.row}: {row.reached} of {row.seeds}" for row in rows)
    return Figure(title, draw(chart, f"{name}: {title}", ends))
