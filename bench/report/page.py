"""One page that holds everything: words, drawings, tables, style and script; nothing is loaded."""

import base64
import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from altair.utils.schemapi import debug_mode
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from bench.report import cost, effort, every_cell, headline, speed, trust
from bench.report.groups import Result, cells
from bench.report.parts import Chapter, Section
from bench.report.style import style
from bench.workers.whole import whole

FOLDER = Path(__file__).parent
SECTIONS: tuple[Callable[[Result], Section | None], ...] = (
    speed.speeds,
    every_cell.all_cells,
    speed.first_steps,
    cost.break_even,
    cost.memory,
    cost.energy,
    speed.batch_sizes,
    cost.latency,
    cost.ceiling,
    speed.blocks,
    trust.proof,
    trust.matrix,
    trust.absences,
    trust.optimizers,
    effort.effort,
    trust.origin,
)


def write(results: list[Result], path: Path, chapters: Sequence[Chapter] = ()) -> None:
    """Write the page of some results to `path`, and its first picture beside it as SVG.

    `chapters`: what else there is on it, behind the results.
    """
    # Tests draw the same charts with each part held against Vega-Lite's schema; that is half of the
    # time, which a run pays after each group.
    with debug_mode(False):
        _replace(path, render(results, chapters))
        picture = headline.standalone(results)
    if picture is not None:
        _replace(path.with_suffix(".svg"), str(picture))


def render(results: list[Result], chapters: Sequence[Chapter] = ()) -> str:
    """The page as HTML."""
    script = (FOLDER / "page.js").read_text(encoding="utf-8")
    runs = [_run(result, f"run{i}") for i, result in enumerate(results, start=1)]
    environment = Environment(
        loader=FileSystemLoader(FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("page.html.j2").render(
        runs=runs,
        chapters=chapters,
        headings=_headings(chapters),
        # Else the page shows no image at all, wherever it comes from.
        images=any(_has_image(one) for chapter in chapters for one in chapter.sections),
        style=style(),
        script=Markup(script),
        # The page may run this script and no other, even if something got past the escaping.
        script_hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
    )


def _run(result: Result, name: str) -> dict[str, Any]:
    return {
        "name": name,
        "machine": headline.machine(result),
        "noise": headline.noise(result),
        "answers": headline.answers(result),
        "excluded": headline.excluded(result),
        "counts": (len(cells(result)), len(result["absent"]), len(result["failures"])),
        "sections": [section for make in SECTIONS if (section := make(result))],
    }


def _headings(chapters: Sequence[Chapter]) -> dict[str, str]:
    """What chapters are called together -> the name of the first of them."""
    found: dict[str, str] = {}
    for chapter in chapters:
        found.setdefault(chapter.heading, chapter.name)
    return found


def _has_image(section: Section) -> bool:
    return bool(section.pictures)


def _replace(path: Path, content: str) -> None:
    """Write so that a reader sees the old file or the new one."""
    with whole(path) as draft:
        draft.write_text(content, encoding="utf-8")
