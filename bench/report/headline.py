"""The first screen: the answer in words, and one picture of it."""

from dataclasses import dataclass
from typing import Any

import altair as alt
from markupsafe import Markup

from bench.plan.turns import FEWEST_BLOCKS
from bench.report.drawing import draw
from bench.report.groups import Result, Summary, cells, extras, groups, name, title, versus
from bench.report.numbers import interval
from bench.report.panels import best_of_rows, description, rows
from bench.report.plots import PAPER, Point, dots
from bench.report.style import COLOURS
from bench.results.verdicts import diverging, group_of, sentences

UNIT = "speed relative to the fastest"
LONGEST_ERROR = 200


@dataclass(frozen=True)
class Answer:
    """A group's sentences, the most important first, and its picture."""

    title: str
    words: list[str]
    svg: Markup


def machine(result: Result) -> str:
    """Where and when, in a line."""
    told, found = result["provenance"], extras(result).values()
    devices = sorted({extra["device"] for extra in found})
    gpu = (told.get("gpu") or {}).get("name")
    words = [
        f"on {', '.join(devices)}" if devices else "",
        gpu if gpu and "cuda" in devices else "",
        str(told.get("cpu") or ""),
        f"{told['cpus_usable']} CPUs" if told.get("cpus_usable") else "",
        str(told.get("time_utc") or "")[:10],
        f"revision {str(told['git_revision'])[:8]}" if told.get("git_revision") else "",
    ]
    return ", ".join(word for word in words if word)


def noise(result: Result) -> list[str]:
    """What has to be said before anything else: a machine too noisy for small differences."""
    noisy = [c for c in result["comparisons"] if c["too_noisy"]]
    if not noisy:
        return []
    where = "; ".join(f"{_title(c)}: {c['band']:.0%}" for c in noisy)
    return [
        "This machine was too noisy for small differences. The same program, timed twice, may "
        f"have differed by as much as: {where}. Smaller differences mean nothing."
    ]


def answers(result: Result) -> list[Answer]:
    """For each group who is ahead, by how much, how sure; in words and as a picture."""
    drawn = {heading: (chart, points) for heading, chart, points in _charts(result)}
    found = []
    for comparison in result["comparisons"]:
        heading = _title(comparison)
        chart, points = drawn[heading]
        words = sentences(comparison, result["summary"])[comparison["too_noisy"] :]
        svg = draw(chart, f"{heading}: {UNIT}", description(points))
        found.append(Answer(heading, words, svg))
    return found


def excluded(result: Result) -> list[str]:
    """Cells without a speed, in words: absent rows, declared absences, failures."""
    lines = [f"Row {row} was not there: {why}." for row, why in _missing(result).items()]
    absent: dict[str, list[str]] = {}
    for cell in result["absent"]:
        key = f"{cell['row']} {cell['mode']} ({cell['reason'].partition(':')[0]})"
        absent.setdefault(key, []).append(cell["label"])
    if absent:
        shown = "; ".join(f"{key} on {', '.join(names)}" for key, names in absent.items())
        lines.append(f"{len(result['absent'])} cells do not exist, by declaration: {shown}.")
    for words in diverging(result).values():
        lines += [f"{line}; its cells have no speed." for line in words]
    for failure in result["failures"]:
        why = _short(failure["error"])
        lines.append(f"{failure['id']} failed ({failure['stage']}), so it has no speed: {why}")
    for cell in cells(result):
        failed = (cell.get("cost") or {}).get("failed")
        if failed:
            lines.append(f"{cell['id']}: its costs are not all known: {_short(failed)}")
    return lines


def _short(error: object) -> str:
    """An error's first line; tracebacks are in the result."""
    return str(error).strip().split("\n")[0][:LONGEST_ERROR]


def _missing(result: Result) -> dict[str, str]:
    return result.get("missing_rows") or {}


def _title(comparison: dict[str, Any]) -> str:
    return title(group_of(comparison))


def standalone(results: list[Result]) -> Markup | None:
    """The pictures of all runs as one SVG with its own colours; None where nothing was measured."""
    runs, told = [], []
    for result in results:
        found = _charts(result)
        if found:
            charts = [chart.properties(title=heading) for heading, chart, _ in found]
            name_of_run = alt.Title(machine(result), fontSize=12, fontWeight="normal", offset=12)
            runs.append(alt.concat(*charts, columns=3, spacing=28, title=name_of_run))
            told += [f"{heading}: {description(points)}" for heading, _, points in found]
    if not runs:
        return None
    words = "Speed relative to the fastest in each panel, with 95 % intervals"
    # Its own paper: a viewer in dark mode may still put a white one under it.
    whole = alt.vconcat(*runs, spacing=32, title=alt.Title(words, offset=12), background=PAPER)
    return draw(whole, words, ". ".join(told), style=COLOURS)


def _charts(result: Result) -> list[tuple[str, alt.LayerChart, list[Point]]]:
    bands = {_title(c): c["band"] for c in result["comparisons"]}
    ratios, charts = versus(result), []
    for heading, group in groups(result):
        points = _points(group, ratios)
        limit = 1 / (1 + bands.get(heading, 0.0))
        chart = dots(points, rows(result), UNIT, band=(limit, 1.0), ticks=".1~f")
        charts.append((heading, chart, points))
    return charts


def _points(group: list[Summary], ratios: dict[str, dict[str, Any]]) -> list[Point]:
    best, points = best_of_rows(group), []
    for cell in group:
        found = ratios.get(cell["id"])
        if found is None or found["value"] is None:
            continue
        sure = found["blocks"] >= FEWEST_BLOCKS
        shown = interval(found) if sure else f"{found['value']:.2f}"
        low, high = (found["low"], found["high"]) if sure else (None, None)
        solid = cell["id"] in best
        points.append(Point(name(cell), cell["row"], found["value"], shown, low, high, solid))
    return points
