"""What a cell costs beside its speed, worked out from the records of a run."""

from math import ceil
from typing import Any

from bench.results.verdicts import group_of

Summary = dict[str, Any]
Record = dict[str, Any]


def ceilings(records: list[Record]) -> dict[str, Record]:
    """Row, and precision where there are several -> {gflop_per_s, size} of its best product."""
    several = len({record["precision"] for record in records}) > 1
    return {
        f"{record['row']} {record['precision']}" if several else record["row"]: {
            name: record[name] for name in ("gflop_per_s", "size", "precision")
        }
        for record in records
    }


def add_costs(
    summary: list[Summary], costs: dict[str, Record], best: list[Record], first: dict[str, int]
) -> None:
    """Give each cell its `cost`; `first` holds the iterations of each cell's first call."""
    for cell in summary:
        record = costs.get(cell["id"], {})
        limit = max(
            (b["gflop_per_s"] for b in best if b["precision"] == cell["precision"]), default=None
        )
        cell["cost"] = {
            "latency_s": record.get("latency_s", {}),
            "peak_memory_bytes": record.get("peak_memory_bytes"),
            "imported_bytes": record.get("imported_bytes"),
            "peak_memory_kind": record.get("peak_memory_kind", "process"),
            "energy_j_per_iteration": cell.get("energy_j_per_iteration"),
            "gflop_per_s": cell["gflop_per_s"],
            "ceiling_share": cell["gflop_per_s"] / limit if limit else None,
            "start_s": start_s(cell, first),
            "break_even_iterations": _break_even(cell, _eager(cell, summary), first),
            "failed": record.get("failed"),
        }


def start_s(cell: Summary, first: dict[str, int]) -> float:
    """Seconds of the first call beyond what its iterations take later: tracing and compiling."""
    return max(0.0, float(cell["first_step_s"] - first[cell["id"]] / cell["steps_per_s"]))


def _eager(cell: Summary, summary: list[Summary]) -> Summary | None:
    """The same row's eager cell of the same group."""
    same = (c for c in summary if group_of(c) == group_of(cell) and c["row"] == cell["row"])
    return next((c for c in same if c["mode"] == "eager" and not c["again"]), None)


def _break_even(cell: Summary, eager: Summary | None, first: dict[str, int]) -> int | None:
    """Whole iterations after which compiling has paid for itself; None where it never does."""
    if eager is None or eager["id"] == cell["id"] or cell["steps_per_s"] <= eager["steps_per_s"]:
        return None
    saved_s = 1 / eager["steps_per_s"] - 1 / cell["steps_per_s"]
    return max(0, ceil((start_s(cell, first) - start_s(eager, first)) / saved_s))
