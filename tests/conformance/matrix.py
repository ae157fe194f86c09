"""The matrix of checks: kept as results/conformance/<row>.json, printed with rich."""

import math
from collections import defaultdict
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.text import Text

from bench.plan.records import write_atomically
from bench.report.printing import Line, table

PASSED = "passed"


class Matrix:
    """Results as they come, by row."""

    def __init__(self) -> None:
        self.rows: dict[str, list[dict[str, Any]]] = defaultdict(list)
        self.notes: dict[str, dict[str, Any]] = {}

    def add(
        self,
        row: str,
        workload: str,
        mode: str,
        precision: str,
        check: str,
        result: dict[str, Any],
    ) -> None:
        """Record one result of a check."""
        self.rows[row].append(
            {
                "backend": row,
                "workload": workload,
                "mode": mode,
                "dtype": precision,
                "check": check,
                "status": result["status"],
                "max_error": _finite(result["max_error"]),
                "limit": _finite(result["limit"]),
            }
        )
        if result.get("notes"):
            self.notes[row] = result["notes"]

    def write(self, folder: Path) -> None:
        """One JSON file a row: a list of results."""
        for row, results in self.rows.items():
            write_atomically(folder / f"{row}.json", results)

    def show(self, console: Console) -> None:
        """Checks by workloads for each row: what share of the limit was used at most."""
        for row, results in sorted(self.rows.items()):
            workloads = list(dict.fromkeys(result["workload"] for result in results))
            title = f"{row}: share of each limit used (worst mode)"
            shown: list[Line] = []
            lines = dict.fromkeys((r["check"], r["dtype"]) for r in results)
            for check, precision in lines:
                line = [r for r in results if (r["check"], r["dtype"]) == (check, precision)]
                cells = {n: _cell([r for r in line if r["workload"] == n]) for n in workloads}
                shown.append({"check": check, "dtype": precision, **cells})
            table(console, title, shown)
        for row, notes in sorted(self.notes.items()):
            _show_convergence(console, row, notes)


def _finite(value: float | None) -> float | None:
    """JSON has no infinity: an error without a size is null."""
    return value if value is not None and math.isfinite(value) else None


def _cell(results: list[dict[str, Any]]) -> str | Text:
    if not results:
        return ""
    bad = [r for r in results if r["status"] in ("failed", "error")]
    if bad:
        modes = ", ".join(r["mode"] for r in bad)
        return Text(f"{bad[0]['status'].upper()} ({modes})", "bold red")
    shares = [
        (r["max_error"] or 0.0) / r["limit"] if r["limit"] else 0.0
        for r in results
        if r["status"] == PASSED
    ]
    kinds = [f"{r['mode']}: {r['status']}" for r in results if r["status"] != PASSED]
    text = [f"{max(shares):.1%}" if max(shares) >= 0.0005 else "0"] if shares else []
    return ", ".join(text + kinds)


def _show_convergence(console: Console, row: str, notes: dict[str, Any]) -> None:
    names = ("mean", "std", "d_x", "d_g_z", "d_loss", "g_loss", "z_sensitivity")
    lines = [
        {
            "length/seed": case,
            "settled": str(note["settled"]),
            "ignores z": str(note["ignores_noise"]),
            **{name: f"{note[name]:.4f}" for name in names},
        }
        for case, note in notes.items()
    ]
    table(console, f"{row}: Gaussian convergence", lines, right=names)
