"""Sections about time: speeds, first steps, batch sizes, blocks."""

from statistics import median

from bench.plan.turns import FEWEST_BLOCKS
from bench.report.drawing import draw
from bench.report.groups import Result, Summary, cells, groups, name, speed, step_times
from bench.report.numbers import number, seconds
from bench.report.panels import (
    Measure,
    Shown,
    best_of_rows,
    described,
    description,
    measured,
    panels,
    rows,
)
from bench.report.parts import Figure, Section
from bench.report.plots import PLAIN, Dot, Point, curves, dots, strips

DEFINITION = (
    "An iteration is one pass through the workload's phases, usually one step of each network. "
    "Random numbers are drawn inside the timed call; loading data is outside it."
)


def speeds(result: Result) -> Section | None:
    """Iterations a second of each workload and mode, with intervals."""
    times, figures = step_times(result), []
    for title, group in groups(result):
        best = best_of_rows(group)
        order = sorted(group, key=lambda c: (c["mode"], -c["steps_per_s"]))
        points = [_speed_point(c, times.get(c["id"], {}), c["id"] in best) for c in order]
        chart = dots(points, rows(result), "iterations/s", ticks="~s")
        figures.append(Figure(title, draw(chart, f"{title}: iterations/s", description(points))))
    if not figures:
        return None
    words = [
        DEFINITION,
        "Dot: median over blocks. Line: 95 % interval over blocks, where there are "
        f"{FEWEST_BLOCKS} of them; it holds the machine's drift, which the paired ratios of the "
        "first picture do not.",
    ]
    return Section("speeds", "Iterations per second", words, figures)


def _speed_point(cell: Summary, times: dict[int, float], solid: bool) -> Point:
    found = speed(times)
    value, label = cell["steps_per_s"], f"{cell['mode']}: {cell['row']}"
    low, high = (found.low, found.high) if found else (None, None)
    return Point(label, cell["row"], value, f"{number(value)}/s", low, high, solid)


def first_steps(result: Result) -> Section | None:
    """The first call, compiling included."""
    unit, lines = "seconds of the first call", cells(result)
    if not lines:
        return None
    figures = panels(result, lambda c: c["first_step_s"], seconds, unit, log=True, ticks=PLAIN)
    words = ["The first call of a program, compiling included, on a logarithmic axis."]
    columns: dict[str, tuple[Measure, Shown]] = {
        "first step": (lambda c: c["first_step_s"], seconds),
        "beyond its iterations": (lambda c: (c.get("cost") or {}).get("start_s"), seconds),
    }
    tables = measured(result, "First step", columns)
    return Section("first-step", "First step", words, figures, tables)


def batch_sizes(result: Result) -> Section | None:
    """Images a second over batch sizes, where a workload has several."""
    figures = []
    kinds = dict.fromkeys((c["workload"], c["precision"]) for c in cells(result))
    for workload, precision in kinds:
        of = [c for c in cells(result) if (c["workload"], c["precision"]) == (workload, precision)]
        if len({cell["batch_size"] for cell in of}) > 1:
            found = [
                Dot(name(c), c["row"], c["mode"], c["batch_size"], c["images_per_s"]) for c in of
            ]
            chart = curves(found, rows(result), "batch size", "images/s")
            title = f"{workload}, {precision}"
            svg = draw(chart, f"{title}: images/s by batch size", described(found))
            figures.append(Figure(title, svg))
    words = [
        "Both axes are logarithmic. Where images/s double with the batch size, larger batches cost "
        "no time; where the line is flat, nothing is gained by them."
    ]
    return Section("batch-sizes", "Batch sizes", words, figures) if figures else None


def blocks(result: Result) -> Section | None:
    """Each cell's blocks in the order of the run: drift is what all lines of a machine share."""
    times, figures = step_times(result), []
    for title, group in groups(result):
        found = [dot for cell in group for dot in _drift(cell, times.get(cell["id"], {}))]
        if len({dot.x for dot in found}) > 1:
            chart = strips(found, rows(result), "block, in the order of the run")
            labels = "; ".join(dict.fromkeys(dot.label for dot in found))
            figures.append(Figure(title, draw(chart, f"{title}: change by block", labels)))
    words = [
        "Speed of each block against the cell's own median, and how far it went. What all lines "
        "share is the machine; a line that leaves its strip is cut at the edge."
    ]
    return Section("blocks", "Blocks over the run", words, figures) if figures else None


def _drift(cell: Summary, times: dict[int, float]) -> list[Dot]:
    middle = median(times.values()) if times else 1.0
    changes = {block: middle / time - 1 for block, time in sorted(times.items())}
    if not changes:
        return []
    label = f"{name(cell)}: {min(changes.values()):+.0%} to {max(changes.values()):+.0%}"
    return [Dot(label, cell["row"], cell["mode"], b, change) for b, change in changes.items()]
