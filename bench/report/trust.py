"""Sections about what was proved, what is absent, and where the numbers come from."""

import json
from typing import Any

from bench.report.groups import Result, cells, extras
from bench.report.numbers import percent
from bench.report.panels import measured, panels
from bench.report.parts import Section, Table, Value, entry, text
from bench.report.plots import PERCENT

PASSED = "passed"
Checks = list[dict[str, Any]]


def proof(result: Result) -> Section | None:
    """How much of its limit each timed function used against the reference."""
    figures = panels(
        result, lambda c: c["proof_share"], percent, "share of the limit", ticks=PERCENT
    )
    tables = measured(
        result, "Share of the limit used", {"share": (lambda c: c["proof_share"], percent)}
    )
    words = [
        "Before a cell is timed, the very function that is timed is compared with a float64 "
        "reference on its own draws. Above 100 % a cell is not timed."
    ]
    sensitive = [cell["id"] for cell in cells(result) if cell.get("proof_sensitive")]
    if sensitive:
        words.append(
            "Rounding in float32 alone moves the reference itself beyond a ceiling, so the same "
            f"mode was proved in float64 too: {', '.join(sensitive)}."
        )
    return Section("proof", "Proof", words, figures, tables) if figures else None


def matrix(result: Result) -> Section | None:
    """Checks by workloads for each row: the largest share of a limit over modes."""
    checks, tables = result.get("conformance") or [], []
    for row in dict.fromkeys(check["backend"] for check in checks):
        of = [check for check in checks if check["backend"] == row]
        workloads = tuple(dict.fromkeys(check["workload"] for check in of))
        lines = [
            [text(name), text(dtype), *(_worst(of, name, dtype, w) for w in workloads)]
            for name, dtype in dict.fromkeys((c["check"], c["dtype"]) for c in of)
        ]
        counts = ", ".join(f"{_count(of, s)} {s}" for s in dict.fromkeys(c["status"] for c in of))
        tables.append(Table(f"{row}: {counts}", ("check", "dtype", *workloads), lines))
    words = [
        "Each check's share of its limit, the worst mode. From the files in the folder of the "
        "conformance run, which may be of another day than this benchmark."
    ]
    return Section("conformance", "Conformance", words, [], tables) if tables else None


def _count(checks: Checks, status: str) -> int:
    return sum(check["status"] == status for check in checks)


def _worst(checks: Checks, name: str, dtype: str, workload: str) -> Value:
    wanted = (name, dtype, workload)
    of = [c for c in checks if (c["check"], c["dtype"], c["workload"]) == wanted]
    other = [c for c in of if c["status"] != PASSED]
    shares = [
        (c.get("max_error") or 0.0) / c["limit"] if c.get("limit") else 0.0
        for c in of
        if c["status"] == PASSED
    ]
    shown = [percent(max(shares))] if shares else []
    shown += [f"{c['mode']}: {c['status']}" for c in other]
    return entry(", ".join(shown), max(shares) if shares else None)


def absences(result: Result) -> Section | None:
    """Cells that do not exist, each with the declared reason."""
    found: dict[tuple[str, str, str], list[str]] = {}
    for cell in result["absent"]:
        found.setdefault((cell["row"], cell["mode"], cell["reason"]), []).append(cell["label"])
    words = [
        f"{row} {mode} on {', '.join(labels)}. {reason}"
        for (row, mode, reason), labels in found.items()
    ]
    kinds = "never: by design. notyet: upstream's. notimpl: ours."
    return Section("absent", "Declared absences", [kinds, *words]) if words else None


def optimizers(result: Result) -> Section | None:
    """Whose optimizer each row steps with."""
    found: dict[tuple[str, str], list[str]] = {}
    for cell in cells(result):
        names = found.setdefault((cell["row"], cell["optimizer"]), [])
        if cell["workload"] not in names:
            names.append(cell["workload"])
    lines = [[text(row), text(of), text(", ".join(on))] for (row, of), on in found.items()]
    table = Table("Optimizers", ("row", "optimizer", "workloads"), lines, False, True)
    words = [
        "native: the framework's own. own: a short version of ours, where the framework's formula "
        "is another one than the workload's."
    ]
    return Section("optimizers", "Native or own optimizer", words, [], [table]) if lines else None


def origin(result: Result) -> Section | None:
    """What is needed to repeat the run: machine, versions, data."""
    found = facts(result["provenance"] | {"finished": result.get("datetime")})
    tables = [Table("Machine and run", ("what", "value"), found, False, True)]
    tables += _versions(result) + _data(result)
    return Section("provenance", "Provenance", [], [], tables)


def facts(found: dict[str, Any]) -> list[list[Value]]:
    """A line for each: its name, and it as text or as JSON."""
    return [
        [text(name), text(value if isinstance(value, str) else json.dumps(value))]
        for name, value in found.items()
    ]


def _versions(result: Result) -> list[Table]:
    """Versions, device and settings of each row, as its worker reported them."""
    lines: dict[tuple[str, ...], list[Value]] = {}
    for extra in extras(result).values():
        row = f"{extra['backend']}-{extra['engine']}" if extra.get("engine") else extra["backend"]
        told = {"device_name": extra.get("device_name")} | (extra.get("versions") or {})
        told |= {name: extra.get(name) for name in ("threads", "numerics")}
        for what, value in told.items():
            if value is not None:
                shown = value if isinstance(value, str) else json.dumps(value)
                lines[row, what, shown] = [text(row), text(what), text(shown)]
    columns = ("row", "what", "value")
    return [Table("Versions", columns, list(lines.values()), prose=True)] if lines else []


def _data(result: Result) -> list[Table]:
    """Where each workload's data come from, with checksums."""
    lines: dict[tuple[str, ...], list[Value]] = {}
    for extra in extras(result).values():
        for array, about in (extra.get("data") or {}).items():
            shown = json.dumps(about)
            line = (extra["workload"], array, shown, extra["spec_hash"])
            lines[line] = [text(value) for value in line]
    columns = ("workload", "array", "data", "hash of the spec")
    return [Table("Data", columns, list(lines.values()), prose=True)] if lines else []
