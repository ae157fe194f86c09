"""Where and when a result was measured, and with what."""

from collections.abc import Mapping, Sequence
from typing import Any

from bench.convergence import table
from bench.convergence.results import OfWorkload, Row
from bench.report.parts import Section, Table, Value, text
from bench.report.trust import facts


def section(found: OfWorkload, sittings: Sequence[Mapping[str, Any]]) -> Section:
    """What is needed to repeat it: each run that wrote to the file, and what each row ran with."""
    words = [*(_line(sitting) for sitting in sittings), f"Spec hash {found.spec_hash[:12]}."]
    rows = [_row(name, row) for name, row in found.rows.items()]
    used = [table.of("What each row ran with", rows, folded=True)] if rows else []
    runs = [
        Table(f"Machine and run {i}", ("what", "value"), facts(dict(sitting)), prose=True)
        for i, sitting in enumerate(sittings, start=1)
    ]
    return Section("origin", "Provenance", words, tables=[*used, *runs])


def _line(sitting: Mapping[str, Any]) -> str:
    """What matters first; its table has the rest."""
    gpu = sitting.get("gpu")
    told = {
        "": sitting.get("time_utc"),
        "on ": sitting.get("cpu"),
        "with ": gpu.get("name") if isinstance(gpu, dict) else gpu,
        "revision ": sitting.get("git_revision"),
        "load ": _load(sitting.get("load_average")),
    }
    known = (f"{said}{value}" for said, value in told.items() if value is not None)
    return f"Run: {', '.join(known)}."


def _load(found: Any) -> Any:
    """Of 1, 5 and 15 minutes, each to a tenth."""
    if not isinstance(found, list):
        return found
    return " ".join(f"{one:.1f}" if isinstance(one, float) else str(one) for one in found)


def _row(name: str, row: Row) -> dict[str, Value]:
    versions = row.backend.get("versions")
    told = versions.items() if isinstance(versions, dict) else ()
    found = {"row": name, "mode": row.mode, "precision": row.precision, "device": row.device}
    found["versions"] = ", ".join(f"{package} {version}" for package, version in told)
    return {column: text(value) for column, value in found.items()}
