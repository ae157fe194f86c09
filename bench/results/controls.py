"""What a run found of its control programs."""

from pathlib import Path
from typing import Any

from bench.plan.cells import Plan
from bench.plan.records import read_all

FACTS = ("versions", "program_hash", "iterations_per_round")
"""What all turns of a control share."""


def measured(plan: Plan) -> list[dict[str, Any]]:
    """What a run's folder holds of each control: seconds an iteration, or an error.

    `groups` is name of the group among whose cells it was timed -> number of the block -> number of
    the turn -> seconds.
    """
    folder = Path(plan.folder)
    found: dict[str, dict[str, Any]] = {
        control.id: {"id": control.id, "groups": {}, "error": None} for control in plan.controls
    }
    for record in read_all(folder / "controls"):
        entry = found[record["id"]]
        blocks = entry["groups"].setdefault(record["group"], {})
        turns = blocks.setdefault(record["block"], {})
        turns[record["turn"]] = record["seconds_per_iteration"]
        entry |= {name: record[name] for name in FACTS}
    for record in read_all(folder / "control_failures"):
        found[record["id"]]["error"] = record["error"]
    return list(found.values())
