"""What a backend takes to write and to install."""

import backends
from bench.report.groups import Result
from bench.report.numbers import seconds, size
from bench.report.panels import rows
from bench.report.parts import Section, Table, entry, text
from bench.workers.pool import ROOT

PARTS = ("networks", "training", "optimizers", "state", "draws", "device", "__init__")


def effort(result: Result) -> Section | None:
    """Lines of code of each backend here, and what installing it takes."""
    columns = ("row", "lines of code", *(f"{part}.py" for part in PARTS), "engine")
    lines = []
    for row in rows(result):
        counts = lines_of_code(row)
        if counts:
            total = sum(counts.values())
            numbers = [total, *(counts.get(part, 0) for part in (*PARTS, "engine"))]
            lines.append([text(row), *(entry(str(count), count) for count in numbers)])
    tables = [Table("Lines of code", columns, lines, folded=False)] if lines else []
    tables += _installs(result)
    words = ["Lines of each backend's folder that are neither blank nor a comment, as of now."]
    return Section("effort", "Effort", words if lines else [], [], tables) if tables else None


def lines_of_code(row: str) -> dict[str, int]:
    """Part of a backend -> its lines; a row has its own engine's only. Empty for unknown rows."""
    if row not in backends.names():
        return {}
    folder, _, engine = row.partition("-")
    counts: dict[str, int] = {}
    for path in sorted((ROOT / "backends" / folder).glob("*.py")):
        part, of_engine = path.stem, path.stem.startswith("engine_")
        if not of_engine or part == f"engine_{engine}":
            source = path.read_text(encoding="utf-8").splitlines()
            code = [line for line in source if line.strip() and not line.lstrip().startswith("#")]
            counts["engine" if of_engine else part] = len(code)
    return counts


def _installs(result: Result) -> list[Table]:
    found = result.get("installs") or {}
    lines = [
        [
            text(row),
            entry(seconds(of["install_s"]), of["install_s"]),
            entry(size(of["install_bytes"]), of["install_bytes"]),
        ]
        for row, of in found.items()
    ]
    return [Table("Installing", ("row", "time", "size"), lines, folded=False)] if lines else []
