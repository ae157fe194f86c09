"""What a page and a terminal show, as lines of text, and what the charts are drawn from.

`python -m tests.bench.report.seen` writes it anew for results that are made by hand. Whoever
does reads the difference: the page is what people believe.
"""

import io
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import asdict, is_dataclass
from pathlib import Path
from typing import Any
from unittest.mock import patch

import vl_convert
from rich.console import Console

from bench.compare import comparing
from bench.compare.calibration import Calibration
from bench.report import comparison, headline, page, printing, table
from bench.report.parts import Section, Value
from tests.bench.compare.made import result
from tests.bench.report.sample import small, whole

FILE = Path(__file__).parent / "page.seen.txt"
EMPTY = '<svg xmlns="http://www.w3.org/2000/svg" width="1" height="1"></svg>'


def lines() -> list[str]:
    """Of the small result what is said; of the one with everything the charts too."""
    said, _ = _of(small())
    told, charts = _of(whole())
    page_ = ["# small", *said, "# whole", *told, "# charts of the whole", *dict.fromkeys(charts)]
    return [*page_, "# terminal", *_terminal(), "# compare", *_compare()]


def _terminal() -> list[str]:
    """A run's tables and sentences, in a wide terminal and in a narrow one."""
    measured = whole()
    for cell in measured["summary"]:
        cell |= {"call_s": 1e-3, "clocks_differ": 0.0}
    return [
        line for width in (150, 60) for line in _printed(width, lambda to: table.show(to, measured))
    ]


def _compare() -> list[str]:
    """Two runs of which the second is slower in one cell and faster in another."""
    old, new = result(1, cells=4), result(2, cells=4, slowed={1: 1.25, 2: 0.75})
    found = comparing.compare((old,), (new,), Calibration(), 0.1)
    printed = [_printed(width, lambda to: comparison.show(to, found)) for width in (100, 40)]
    return [*printed[0], *printed[1], *comparison.markdown(found).splitlines()]


def _printed(width: int, show: Callable[[Console], None]) -> list[str]:
    stream = io.StringIO()
    show(printing.console(stream, width=width))
    return [line.rstrip() for line in stream.getvalue().splitlines()]


def _of(result: dict[str, Any]) -> tuple[list[str], list[str]]:
    """Words and tables, and the charts as Vega-Lite has them."""
    charts: list[str] = []

    def draw(spec: dict[str, Any], vl_version: str) -> str:
        charts.append(_compact({k: v for k, v in spec.items() if k not in ("$schema", "config")}))
        return EMPTY

    with patch.object(vl_convert, "vegalite_to_svg", draw):
        run = page._run(result, "run1")
        headline.standalone([result])
    words = ("machine", "noise", "answers", "excluded", "counts")
    said = [f"{name}: {_compact(run[name])}" for name in words]
    # Lines of code are those of today.
    sections = [section for section in run["sections"] if section.name != "effort"]
    return said + [line for section in sections for line in _section(section)], charts


def _section(section: Section) -> Iterator[str]:
    yield f"## {section.name}: {section.title}"
    yield from section.words
    for figure in section.figures:
        yield f"figure {figure.title}: {re.sub('<[^>]*>', ' ', figure.svg).strip()}"
    for one in section.tables:
        yield f"table {one.caption} | {' | '.join(one.columns)} | {one.folded} {one.prose}"
        for line in one.lines:
            yield " | ".join(_entry(value) for value in line)


def _entry(value: Value) -> str:
    """What is shown, and what it is sorted by where that is another thing."""
    return value.text if value.key == value.text else f"{value.text} <{_compact(value.key)}>"


def _compact(content: Any) -> str:
    """JSON with six digits: the last ones are a machine's own."""
    return json.dumps(_rounded(content), sort_keys=True)


def _rounded(content: Any) -> Any:
    if isinstance(content, float):
        return float(f"{content:.6g}")
    if is_dataclass(content) and not isinstance(content, type):
        content = asdict(content)
    if isinstance(content, dict):
        # Altair names data by a hash of all their digits.
        given = {k: v for k, v in content.items() if not isinstance(v, dict) or "name" not in v}
        named = isinstance(given.get("datasets"), dict)
        given |= {"datasets": list(given["datasets"].values())} if named else {}
        return {key: _rounded(value) for key, value in given.items()}
    if isinstance(content, list | tuple):
        return [_rounded(value) for value in content]
    return content


if __name__ == "__main__":
    FILE.write_text("\n".join(lines()) + "\n", encoding="utf-8")
