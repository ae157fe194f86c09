"""Small results whose every number is chosen by a test, and drawings that are noted, not drawn."""

import io
import json
from collections.abc import Callable
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import pytest
from rich.console import Console

from bench.compare.comparing import Change, Comparison
from bench.report import printing
from bench.report.parts import Table
from bench.results.statistics import Ratio


def cell(row: str = "pytorch", mode: str = "eager", speed: float = 100.0, **other: Any) -> Any:
    """A measured cell; its id is made of what tells cells apart."""
    found = {
        "row": row,
        "mode": mode,
        "steps_per_s": speed,
        "again": False,
        "workload": "gan",
        "precision": "float32",
        "batch_size": 8,
        "device": "cpu",
        "optimizer": "native",
        "blocks": 10,
        "spread": 0.05,
        "updates_per_s": 2 * speed,
        "images_per_s": 8 * speed,
        "first_step_s": 2.0,
        "draws_share": 0.25,
        "overhead_share": 0.001,
        "clocks_differ": 0.0,
        "proof_share": 0.5,
        "call_s": 0.001,
    } | other
    named = "-".join(str(found[k]) for k in ("workload", "row", "mode", "precision"))
    return {"id": f"{named}-b{found['batch_size']}"} | found


def made(*cells: Any, **other: Any) -> Any:
    """A result that holds these cells and nothing else, as it is read from a file."""
    empty: dict[str, Any] = {
        name: [] for name in ("comparisons", "absent", "failures", "benchmarks")
    }
    content = {"summary": list(cells), **empty, "provenance": {}} | other
    return json.loads(json.dumps(content))


def against(of: Any, value: float | None, blocks: int = 10, **other: Any) -> Any:
    """A cell's ratio to the fastest, with an interval from nine tenths to eleven tenths of it."""
    low, high = (None, None) if value is None else (0.9 * value, 1.1 * value)
    verdict = {"verdict": "slower"}
    return {
        "id": of["id"],
        "value": value,
        "low": low,
        "high": high,
        "blocks": blocks,
        **verdict,
    } | other


def compared(fastest: Any, *versus: Any, **other: Any) -> Any:
    """What is said of a group: who is the fastest, and the others against it."""
    same = {name: fastest[name] for name in ("workload", "precision", "batch_size")}
    own = {"fastest": fastest["id"], "versus": list(versus), "same_twice": {}, "band": 0.02}
    return same | own | {"too_noisy": False} | other


def timed(of: Any, *speeds: float, **extra: Any) -> list[Any]:
    """A cell's blocks, one a speed, from the first on."""
    own = {"cell": of["id"], "backend": of["row"], "workload": of["workload"], "device": "cpu"}
    return [
        {
            "params": {"block": i},
            "extra_info": own | {"steps_per_s": one, "spec_hash": "12"} | extra,
        }
        for i, one in enumerate(speeds)
    ]


def change(name: str, value: float = 1.0, verdict: Any = None, **other: Any) -> Change:
    """A cell on both sides of a comparison."""
    width, blocks = other.pop("width", 1.01), other.pop("blocks", 10)
    found = {"old_per_s": 100.0, "new_per_s": 100.0 * value, "band": 0.02, "over_limit": False}
    ratio = Ratio(value, value / width, value * width, blocks)
    verdict = verdict or "no difference shown"
    return Change(id=name, name=name, ratio=ratio, verdict=verdict, **(found | other))


def comparison(*changes: Change, **other: Any) -> Comparison:
    """One run on each side, normalised by nothing."""
    found: dict[str, Any] = {"runs": (1, 1), "warnings": [], "controls": [], "machine": None}
    found |= {"run_to_run": [], "unrecorded": ["an abacus"], "not_compared": {}, "limit": None}
    return Comparison(changes=list(changes), **(found | other))


@dataclass(frozen=True)
class Drawing:
    """What was to be drawn."""

    chart: Any
    title: str
    words: str
    style: str


def drawings(monkeypatch: pytest.MonkeyPatch, *modules: ModuleType) -> list[Drawing]:
    """What these modules draw from now on; each drawing is its number."""
    noted: list[Drawing] = []

    def draw(chart: Any, title: str, words: str, style: str = "") -> str:
        noted.append(Drawing(chart.to_dict(validate=False), title, words, style))
        return f"drawing {len(noted)}"

    for module in modules:
        monkeypatch.setattr(module, "draw", draw)
    return noted


def data(chart: Any) -> list[dict[str, Any]]:
    """What a chart is drawn from; altair names it."""
    return list(chart["datasets"][chart["data"]["name"]])


def shown(table: Table) -> list[list[str]]:
    """A table's entries as they are read."""
    return [[value.text for value in line] for line in table.lines]


def printed(show: Callable[[Console], object], width: int = 200) -> list[str]:
    """The lines that are printed, without the spaces at their ends."""
    stream = io.StringIO()
    show(printing.console(stream, width=width))
    return [line.rstrip() for line in stream.getvalue().splitlines()]


def styled(show: Callable[[Console], object]) -> str:
    """What is printed in a terminal of eight colours, with its escapes."""
    stream = io.StringIO()
    show(Console(file=stream, force_terminal=True, color_system="standard", width=200))
    return stream.getvalue()
