"""Golden losses: written once by the reference, committed, and asked of every backend since.

`python -m tests.conformance.golden` writes them anew, which only a change of the spec justifies.
"""

import json
from pathlib import Path
from typing import Any

import spec
from tests.conformance.cases import SEED, Case

FOLDER = Path(spec.__file__).parent / "golden"
ITERATIONS = 3


def read_golden(name: str) -> dict[str, Any]:
    """The committed golden losses of a workload."""
    return json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))


def golden(name: str) -> dict[str, Any]:
    """The golden losses as the reference computes them now."""
    case = Case("reference", name, "eager", "float64", "cpu")
    state, rows = case.oracle.import_state(case.first), []
    for i in range(ITERATIONS):
        state, metrics = case.oracle.train_step(state, case.draws(i), i)
        rows.append(metrics)
    return {
        "workload": name,
        "spec_hash": case.workload.spec_hash,
        "seed": SEED,
        "batch_size": case.workload.schedule.batch_size,
        "iterations": rows,
    }


def main() -> None:
    """Write the golden losses of every built-in workload."""
    for name in spec.names():
        path = FOLDER / f"{name}.json"
        path.write_text(json.dumps(golden(name), indent=2) + "\n", encoding="utf-8")
        print(f"wrote {path.name}")


if __name__ == "__main__":
    main()
