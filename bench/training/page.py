"""A training on one page: curves, samples over time, how it went; no network is needed to read it.

Pictures lie in the page itself, so that it can be sent to somebody.
"""

import base64
import json
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from backends.protocol import Arrays
from bench.report.drawing import draw
from bench.report.style import style
from bench.training import curves, images, metrics, samples
from bench.training.judging import FILE
from bench.training.quality.meaning import MEANING
from bench.training.watching import Verdict
from bench.workers.whole import whole
from spec.sources import GaussianStream
from spec.workload import Workload

MOMENTS = 6
"""Samples over time: the first, the last, and some between."""


def write(run: Path, workload: Workload) -> Path:
    """Write the page of a run's folder, and its last samples as PNG beside it."""
    records = metrics.read(run)
    found = samples.kept(run, records[-1]["iteration"] if records else 0)
    beside = samples.read(samples.beside(run))
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent), autoescape=True, undefined=StrictUndefined
    )
    text = environment.get_template("page.html.j2").render(
        title=workload.title,
        name=workload.name,
        about=json.loads((run / "training.json").read_text(encoding="utf-8")),
        last=records[-1] if records else None,
        verdicts=_verdicts(records),
        charts=[*_charts(records), *_spreads(records)],
        histograms=_histograms(workload, found, beside),
        grids=_grids(workload, found, beside),
        quality=_quality(run),
        meaning=MEANING,
        shown=_shown,
        style=style(),
    )
    with whole(run / "page.html") as draft:
        draft.write_text(text, encoding="utf-8")
    return run / "page.html"


def _quality(run: Path) -> dict[str, Any]:
    """The records of quality.json; none before the training has come to its end."""
    path = run / FILE
    found: dict[str, Any] = json.loads(path.read_text("utf-8")) if path.exists() else {}
    return found


def _shown(estimate: dict[str, float] | None) -> str:
    """A value with its interval."""
    if estimate is None or estimate["value"] is None:
        return "undefined"
    return f"{estimate['value']:.3g} ({estimate['low']:.3g} to {estimate['high']:.3g})"


def _verdicts(records: list[metrics.Record]) -> list[dict[str, Any]]:
    """Each verdict with the records, one after the other, that have it: first, last, its words."""
    found: list[dict[str, Any]] = []
    open_: dict[tuple[str, str], dict[str, Any]] = {}
    for record in records:
        now = {(one["kind"], one["of"]): Verdict(**one) for one in record.get("verdicts", ())}
        open_ = {key: entry for key, entry in open_.items() if key in now}
        for key, verdict in now.items():
            if key not in open_:
                open_[key] = {"first": record["iteration"], "verdict": verdict}
                found.append(open_[key])
            open_[key]["last"] = record["iteration"]
    return found


def _spreads(records: list[metrics.Record]) -> list[tuple[str, Markup]]:
    """(title, drawing) of how far samples lie apart; of runs that have it."""
    own = [record | {"metrics": record.get("spread", {})} for record in records]
    names = list(dict.fromkeys(name for record in own for name in record["metrics"]))
    title = "Spread of samples from different inputs, beside that of real ones"
    drawn = draw(curves.curves(own, names, curves.ONE), title, f"{', '.join(names)} by iteration")
    return [(title, drawn)] if names else []


def _charts(records: list[metrics.Record]) -> list[tuple[str, Markup]]:
    """(title, drawing): losses, and what else is reported."""
    names = list(dict.fromkeys(name for record in records for name in record["metrics"]))
    losses = [name for name in names if "loss" in name]
    others = [name for name in names if "loss" not in name]
    kinds = [
        ("Losses", losses, curves.LN2),
        ("What D believes of real and of generated samples", others, curves.HALF),
    ]
    return [
        (title, draw(curves.curves(records, own, marks), title, f"{', '.join(own)} by iteration"))
        for title, own, marks in kinds
        if own
    ]


def _histograms(
    workload: Workload, found: dict[int, Path], beside: Arrays
) -> list[tuple[str, Markup]]:
    """Of rows of numbers: the document's histogram at the end."""
    rows = [n for n, s in workload.sources.items() if isinstance(s, GaussianStream)]
    if not rows or not found:
        return []
    iteration, path = list(found.items())[-1]
    drawn = []
    for name, made in samples.read(path).items():
        noise = next(v for key, v in beside.items() if key.startswith(f"{name}/"))
        title = f"Numbers of {name} after {iteration:,} iterations"
        chart = curves.histogram(beside[rows[0]], noise, made)
        drawn.append((title, draw(chart, title, "Share of numbers by size")))
    return drawn


def _grids(workload: Workload, found: dict[int, Path], beside: Arrays) -> list[dict[str, Any]]:
    """Grids of images: real ones, and of each network at some moments."""
    sources = list(workload.arrays.values())
    if not sources:
        return []
    low, high = sources[0].range
    grids = [
        _grid(f"{name}: real samples", array, low, high)
        for name, array in beside.items()
        if "/" not in name and images.is_image(array)
    ]
    for iteration, path in samples.some(list(found.items()), MOMENTS):
        for name, made in samples.read(path).items():
            if images.is_image(made):
                grids.append(_grid(f"{name} after {iteration:,} iterations", made, low, high))
    return grids


def _grid(title: str, array: Any, low: float, high: float) -> dict[str, Any]:
    image = images.png(images.grid(array, low, high))
    return {
        "title": title,
        "uri": "data:image/png;base64," + base64.b64encode(image).decode("ascii"),
    }
