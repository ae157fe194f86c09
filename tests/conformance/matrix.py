"""The matrix of checks: kept as results/conformance/<row>.json, printed with rich."""

import math
from collections import defaultdict
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from bench.plan.records import write_atomically

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
            table = Table("check", "dtype", *workloads, title=title)
            lines = dict.fromkeys((r["check"], r["dtype"]) for r in results)
            for check, precision in lines:
                line = [r for r in results if (r["check"], r["dtype"]) == (check, precision)]
                cells = [_cell([r for r in line if r["workload"] == name]) for name in workloads]
                table.add_row(check, precision, *cells)
            console.print(table)
        for row, notes in sorted(self.notes.items()):
            _show_convergence(console, row, notes)


def _finite(value: float | None) -> float | None:
    """JSON has no infinity: an error without a size is null."""
    return value if value is not None and math.isfinite(value) else None


def _cell(results: list[dict[str, Any]]) -> str:
    if not results:
        return ""
    bad = [r for r in results if r["status"] in ("failed", "error")]
    if bad:
        return f"[bold red]{bad[0]['status'].upper()} ({', '.join(r['mode'] for r in bad)})"
    shares = [
        (r["max_error"] or 0.0) / r["limit"] if r["limit"] else 0.0
        for r in results
        if r["status"] == PASSED
    ]
    kinds = [f"{r['mode']}: {r['status']}" for r in results if r["status"] != PASSED]
    text = [f"{max(shares):.1%}" if max(shares) >= 0.0005 else "0"] if shares else []
    return ", ".join(text + kinds)


def _show_convergence(console: Console, row: str, notes: dict[str, Any]) -> None:
    table = Table("length/seed", "settled", "ignores z", title=f"{row}: Gaussian convergence")
    for name in ("mean", "std", "d_x", "d_g_z", "d_loss", "g_loss", "z_sensitivity"):
        table.add_column(name, justify="right")
    for case, note in notes.items():
        values = [f"{note[c]:.4f}" for c in [str(c.header) for c in table.columns[3:]]]
        table.add_row(case, str(note["settled"]), str(note["ignores_noise"]), *values)
    console.print(table)
