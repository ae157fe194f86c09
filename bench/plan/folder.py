"""The folder of a run: its plan, and the records that it holds or that are still to come."""

import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from bench.plan.cells import Absent, Cell, Control, Group, Plan
from bench.plan.groups import name
from bench.plan.records import read_all, write_atomically
from bench.workers.cleaning import expanded


def write_plan(plan: Plan) -> None:
    """Write a plan into its folder, whose own place is not written: who reads it knows it."""
    fields = asdict(plan)
    del fields["folder"]
    write_atomically(Path(plan.folder) / "plan.json", fields)


def read_plan(path: Path) -> Plan:
    """The plan in a file, with the paths that were cleaned in it as they were."""
    fields = json.loads(path.read_text(encoding="utf-8"))
    fields["folder"] = str(path.absolute().parent)
    fields["proofs"] = expanded(fields.get("proofs", ""))
    fields["pythons"] = {row: expanded(python) for row, python in fields["pythons"].items()}
    fields["cells"] = tuple(as_written(Cell(**cell)) for cell in fields["cells"])
    fields["absent"] = tuple(Absent(**absent) for absent in fields["absent"])
    fields["controls"] = tuple(Control(**control) for control in fields.get("controls", ()))
    return Plan(**fields)


def as_written(cell: Cell) -> Cell:
    """A cell of a file, with the paths that were cleaned in it as they were."""
    put = json.loads(cell.overrides)
    whole = {place: expanded(v) if isinstance(v, str) else v for place, v in put.items()}
    workload, data = expanded(cell.workload), expanded(cell.data)
    return replace(cell, workload=workload, data=data, overrides=json.dumps(whole))


def first_proof(plan: Plan, cell: Cell) -> dict[str, Any]:
    """What the first proof of a cell in this run's folder found; empty before it."""
    path = Path(plan.folder) / "proofs" / f"{cell.id}.json"
    if not path.exists():
        return {}
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found


def missing(plan: Plan, cell: Cell) -> set[Path]:
    """A cell's records that are still to come, by their place in the folder.

    None where it failed or its GAN diverges.
    """
    folder = Path(plan.folder)
    if any((folder / kind / f"{cell.id}.json").exists() for kind in ("failures", "diverged")):
        return set()
    proof = first_proof(plan, cell)
    turns, blocks = proof.get("turns", range(plan.turns)), proof.get("blocks", range(plan.blocks))
    wanted = {place_of(cell, block, turn) for block in blocks for turn in turns}
    if plan.costs and not cell.again:
        wanted.add(place_of(cell))
    return {path for path in wanted if not (folder / path).exists()}


def place_of(cell: Cell, block: int | None = None, turn: int | None = None) -> Path:
    """The place of what an item measures: a turn of a block; without one, what a cell costs."""
    if block is None:
        return Path("costs") / f"{cell.id}.json"
    return Path("blocks") / f"{cell.id}-{block}-{turn}.json"


def control_missing(plan: Plan, control: Control, group: Group, block: int, turn: int) -> bool:
    """One that failed is not tried again: later blocks would say nothing of the cells' moments."""
    folder = Path(plan.folder)
    return not (
        (folder / place_of_control(control, group, block, turn)).exists()
        or (folder / "control_failures" / f"{control.id}.json").exists()
    )


def place_of_control(control: Control, group: Group, block: int, turn: int) -> Path:
    """The place of a control's turn among the cells of a group."""
    return Path("controls") / f"{control.id}-{name(group)}-{block}-{turn}.json"


def note_together(plan: Plan, group: Group) -> None:
    """Write down that the halves of a group's blocks follow each other, for want of memory."""
    write_atomically(Path(plan.folder) / "together" / f"{name(group)}.json", {"group": group})


def spread(plan: Plan) -> dict[str, str]:
    """Group -> how its blocks lie in the run's time.

    Of several groups the blocks lie in two halves, one after its proof and one after all proofs.
    """
    groups = dict.fromkeys(name(cell.group) for cell in plan.cells)
    together = {name(tuple(r["group"])) for r in read_all(Path(plan.folder) / "together")}
    halves = "halves" if len(groups) > 1 else "whole"
    return {group: "whole" if group in together else halves for group in groups}
