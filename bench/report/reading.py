"""Results and proofs read from files; what cannot be read is one line for a person."""

import json
from math import inf
from pathlib import Path
from typing import Any

from bench.results.assemble import OLDEST, SCHEMA
from bench.results.environment import published
from bench.workers.cleaning import clean
from spec.errors import UserError

WANTED = "a JSON file that `bench run` or `converge` wrote, or a folder that `train` wrote"
"""What a page is made of; only the first of them is read here."""
NEEDED = {
    "summary": list,
    "comparisons": list,
    "absent": list,
    "failures": list,
    "benchmarks": list,
    "provenance": dict,
}
NEEDED_OF_A_CELL = (
    "id row again workload mode precision batch_size device optimizer blocks steps_per_s spread "
    "updates_per_s images_per_s first_step_s draws_share overhead_share clocks_differ proof_share"
)
NEEDED_OF_A_CHECK = "backend workload mode dtype check status"


def read(path: Path) -> dict[str, Any]:
    """One result of `bench run`. UserError where the file is something else."""
    found = _json(path)
    if not isinstance(found, dict) or "gantlet_schema" not in found:
        raise UserError(f"{path}: has no gantlet_schema; give {WANTED}")
    schema = found["gantlet_schema"]
    if not isinstance(schema, int) or not OLDEST <= schema <= SCHEMA:
        raise UserError(
            f"{path}: gantlet_schema is {schema!r}; this version reads {OLDEST} to {SCHEMA}: "
            + ("run the benchmark again" if schema in range(OLDEST) else "update Gantlet")
        )
    for name, kind in NEEDED.items():
        if not isinstance(found.get(name), kind):
            raise UserError(f"{path}: {name} is missing or no {kind.__name__}; give a whole result")
    for i, cell in enumerate(found["summary"]):
        there = cell.keys() if isinstance(cell, dict) else ()
        missing = [name for name in NEEDED_OF_A_CELL.split() if name not in there]
        if missing:
            raise UserError(f"{path}: summary[{i}] has no {missing[0]}; give a whole result")
    for comparison in found["comparisons"]:
        _unbounded(comparison)
    return dict(clean(found | {"provenance": published(found["provenance"])}))


def _unbounded(comparison: dict[str, Any]) -> None:
    """Null stands for what has no bounds: a band, and the upper end of an interval."""
    if comparison.get("band") is None:
        comparison["band"] = inf
    ratios = [*comparison.get("versus", []), *(comparison.get("same_twice") or {}).values()]
    for ratio in ratios:
        if ratio.get("value") is not None and ratio.get("high") is None:
            ratio["high"] = inf


def read_all(paths: list[Path], folder: Path | None = None) -> list[dict[str, Any]]:
    """Results, each folder of checks with the first of them: `folder`, or those beside them."""
    results = [read(path) for path in paths]
    folders = [folder or path.absolute().parent / "conformance" for path in paths]
    for i, result in enumerate(results):
        result["conformance"] = conformance(folders[i]) if folders[i] not in folders[:i] else []
    return results


def conformance(folder: Path) -> list[dict[str, Any]]:
    """The results of all checks in a folder, one file a row; none where there is no folder."""
    checks = []
    for path in sorted(folder.glob("*.json")):
        found = _json(path)
        if not isinstance(found, list) or not all(_is_check(entry) for entry in found):
            raise UserError(f"{path}: no list of checks; give a folder that conformance wrote")
        checks += clean(found)
    return checks


def _is_check(entry: Any) -> bool:
    return isinstance(entry, dict) and set(NEEDED_OF_A_CHECK.split()) <= entry.keys()


def _json(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise UserError(f"{path}: not UTF-8; give {WANTED}") from None
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}: {error.msg}"
        raise UserError(f"{path}: not JSON, or cut short ({where}); give a whole file") from None
    except (ValueError, RecursionError):
        why = "nested too deeply, or a number with too many digits"
        raise UserError(f"{path}: {why}; give {WANTED}") from None
