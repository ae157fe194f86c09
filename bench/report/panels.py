"""Figures of one measure: a dot plot for each group of comparable cells, and their table."""

from collections.abc import Callable, Sequence

from bench.report.drawing import draw
from bench.report.groups import Result, Summary, cells, groups, name
from bench.report.parts import Figure, Table, entry, text
from bench.report.plots import Dot, Point, dots

Measure = Callable[[Summary], float | None]
Shown = Callable[[float], str]


def rows(result: Result) -> list[str]:
    """All rows of a result: what has a colour and a shape."""
    return sorted({cell["row"] for cell in result["summary"]})


def best_of_rows(group: Sequence[Summary]) -> set[str]:
    """Ids of each row's fastest mode."""
    best: dict[str, Summary] = {}
    for cell in sorted(group, key=lambda cell: -cell["steps_per_s"]):
        best.setdefault(cell["row"], cell)
    return {cell["id"] for cell in best.values()}


def panels(
    result: Result, measure: Measure, shown: Shown, unit: str, *, log: bool = False, ticks: str
) -> list[Figure]:
    """One dot plot a group, the smallest value first; groups without a value are left out."""
    figures = []
    for title, group in groups(result):
        found = [(cell, value) for cell in group if (value := measure(cell)) is not None]
        best = best_of_rows(group)
        points = [
            Point(name(c), c["row"], value, shown(value), solid=c["id"] in best)
            for c, value in sorted(found, key=lambda pair: pair[1])
            if value > 0 or not log
        ]
        if points:
            chart = dots(points, rows(result), unit, log=log, ticks=ticks)
            figures.append(Figure(title, draw(chart, f"{title}: {unit}", description(points))))
    return figures


def description(points: Sequence[Point]) -> str:
    """A plot in words, for those who do not see it."""
    return "; ".join(f"{point.label}: {point.text}" for point in points)


def described(dots_: Sequence[Dot]) -> str:
    """Curves in words: what lies between which values."""
    ends = {}
    for label in dict.fromkeys(dot.label for dot in dots_):
        values = [dot.y for dot in dots_ if dot.label == label]
        ends[label] = f"{label}: {min(values):.4g} to {max(values):.4g}"
    return "; ".join(ends.values())


def measured(
    result: Result, caption: str, columns: dict[str, tuple[Measure, Shown]]
) -> list[Table]:
    """A table of those measures that any cell has; none where there are none."""
    lines = []
    columns = {
        name: of for name, of in columns.items() if any(of[0](c) is not None for c in cells(result))
    }
    for cell in cells(result):
        values = [(measure(cell), shown) for measure, shown in columns.values()]
        if any(value is not None for value, _ in values):
            numbers = [entry("-" if v is None else shown(v), v) for v, shown in values]
            lines.append([*identity(cell), *numbers])
    return [Table(caption, (*IDENTITY, *columns), lines)] if lines else []


IDENTITY = ("workload", "batch", "row", "mode", "precision")


def identity(cell: Summary) -> list:
    """The entries that say which cell a line is of."""
    return [
        text(cell["workload"]),
        entry(str(cell["batch_size"]), cell["batch_size"]),
        *(text(cell[column]) for column in IDENTITY[2:]),
    ]
