"""A result of `converge` on one page that needs no network."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from bench.convergence import charts, summary, table
from bench.convergence.comparing import Pair
from bench.convergence.reaching import by_row
from bench.convergence.results import OfWorkload, Result
from bench.report.drawing import draw
from bench.training.page import STYLE
from bench.workers.whole import whole


def write(path: Path, result: Result, against: Mapping[str, Sequence[Pair]]) -> Path:
    """Write the page beside the result's file."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent), autoescape=True, undefined=StrictUndefined
    )
    text = environment.get_template("page.html.j2").render(
        workloads=[
            _workload(name, found, against.get(name, ()))
            for name, found in result.workloads.items()
            if any(row.trainings for row in found.rows.values())
        ],
        sitting=result.sittings[-1] if result.sittings else {},
        style=Markup(STYLE.read_text(encoding="utf-8")),  # our own file
    )
    target = path.with_suffix(".html")
    with whole(target) as draft:
        draft.write_text(text, encoding="utf-8")
    return target


def _workload(name: str, found: OfWorkload, against: Sequence[Pair]) -> dict[str, Any]:
    rows, pairs = summary.rows(found), [*summary.pairs(found), *against]
    made = {row: of for row, of in by_row(found).items() if of}
    chart = charts.shares(made, found.target.longest)
    title = f"{name}: share of trainings that have reached the target, by iteration"
    return {
        "name": name,
        "band": table.band(found),
        "reason": found.target.reason,
        "put": found.put,
        "drawing": draw(chart, title, "A line a row, a step a training"),
        "rows": [table.line(row) for row in rows],
        "pairs": [table.pair_line(pair) for pair in pairs],
        "notes": [note for note in (table.cannot(rows, pairs), *table.warnings(pairs)) if note],
    }
