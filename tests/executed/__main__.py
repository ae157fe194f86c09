"""`python -m tests.executed FOLDER`: what of the rows was not executed, and why that is so.

Exit code 1 where a line or a branch has no reason in left.toml, where a reason there is for
something that was executed, or where more than a fiftieth is left that CUDA is no reason for.
"""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import coverage

from tests.executed.left import ROOT, Missing, functions, reasons

ROWS = ("flax_nnx", "keras3", "pytorch")
MOST = 0.02
"""Of lines and branches without those for CUDA."""


def measured(folder: Path) -> dict[str, Any]:
    """coverage.py's report of all data files of a folder, by path."""
    with TemporaryDirectory() as temporary:
        one = coverage.Coverage(
            data_file=f"{temporary}/all", branch=True, include=[f"{ROOT}/backends/*"]
        )
        one.combine([str(path) for path in folder.glob("lines.*")], keep=True)
        one.json_report(outfile=f"{temporary}/report.json")
        report: dict[str, Any] = json.loads(Path(temporary, "report.json").read_text())
    return {
        str((ROOT / path).resolve().relative_to(ROOT)): found
        for path, found in report["files"].items()
    }


def not_executed(path: str, found: dict[str, Any]) -> Iterator[Missing]:
    """Lines, and branches from lines that were executed."""
    lines, names = (ROOT / path).read_text(encoding="utf-8").splitlines(), functions(path)
    for line in found["missing_lines"]:
        yield Missing(path, line, "line", lines[line - 1].strip(), names.get(line, ""))
    for line, _ in found["missing_branches"]:
        if line not in found["missing_lines"]:
            yield Missing(path, line, "branch", lines[line - 1].strip(), names.get(line, ""))


def main(folder: str) -> int:
    """Print what is left, by reason; the exit code."""
    report = measured(Path(folder))
    rows = {path: of for path, of in report.items() if path.split("/")[1] in ROWS}
    total = sum(
        of["summary"]["num_statements"] + of["summary"]["num_branches"] for of in rows.values()
    )
    missing = [one for path, of in sorted(rows.items()) for one in not_executed(path, of)]
    known = reasons()
    why = {one: next((r for r in known if r.covers(one)), None) for one in missing}
    unknown = [one for one, reason in why.items() if reason is None]
    cuda = [one for one, reason in why.items() if reason and reason.kind == "cuda"]
    idle = [reason for reason in known if reason not in why.values()]
    rest = len(missing) - len(cuda)
    share = rest / max(1, total - len(cuda))
    for one in unknown:
        print(one)
    for reason in idle:
        print(f"{reason.path}: {reason.function}: {reason.line or 'all'}: executed, or not there")
    print(f"{len(rows)} files, {total} lines and branches of the rows")
    print(
        f"{len(cuda)} for CUDA alone, {rest} others not executed ({share:.1%}; at most {MOST:.0%})"
    )
    return int(bool(unknown or idle or share > MOST))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
