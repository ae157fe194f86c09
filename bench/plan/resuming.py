"""Taking a run up again: what it measured stays, what is missing is measured, nothing is mixed."""

import platform
from dataclasses import replace
from pathlib import Path
from typing import Any

from bench.plan.cells import Cell, Plan
from bench.plan.data_folder import checksums
from bench.plan.folder import read_plan
from bench.plan.machine import cpu, cpus_usable, gpu, revision
from bench.plan.records import read_all
from bench.workers.cleaning import REMOVED, clean
from bench.workers.pool import WorkerFailed, Workers
from bench.workers.row import describe
from spec.errors import SpecError, UserError

RETRIED = ("died", "hung", "MemoryError")
"""Failures that may not come again: those cells are tried anew. A failed proof would fail again."""
DESCRIBE_TIMEOUT_S = 300.0
WHOLE = {"spec": "the spec of a workload", "data": "what lies in a folder of data"}
"""Of which an error shows no hashes."""


def identity(cells: tuple[Cell, ...]) -> dict[str, Any]:
    """The spec of every cell, this project's revision, and the machine.

    And the checksum of the files of each folder of real samples, by workload and source. SpecError
    where they cannot be read.
    """
    card, read = gpu(), checksums(cells)
    return ({"data": read} if read else {}) | {
        "spec": {cell.id: cell.load().spec_hash for cell in cells},
        "git_revision": revision(),
        "cpu": cpu(),
        "cpus_usable": cpus_usable(),
        "system": f"{platform.system()} {platform.machine()}",
        "gpu": card["name"] if card else None,
    }


def take_up(path: Path, pythons: dict[str, str]) -> Plan:
    """The plan of an interrupted run, ready for what is missing. UserError where it cannot be."""
    folder = path.with_suffix(".records") if path.suffix == ".json" else path
    try:
        plan = read_plan(folder / "plan.json")
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise UserError(
            f"--resume: {path}: no plan of an interrupted run can be read there "
            f"({type(error).__name__}); give its result's .json or its .records folder"
        ) from None
    plan = replace(plan, pythons=plan.pythons | pythons)
    _require_paths(plan, path)
    try:
        now = identity(plan.cells)
    except SpecError as error:
        raise UserError(f"--resume: {path}: {error}") from None
    _require_same(now, plan.identity, path)
    _require_same_versions(plan, path)
    for record in read_all(folder / "failures"):
        if record["kind"] in RETRIED:
            (folder / "failures" / f"{Cell(**record['cell']).id}.json").unlink()
    return plan


def _require_paths(plan: Plan, path: Path) -> None:
    """What was removed from a path, for it was a secret, is known to its user alone."""
    for cell in plan.cells:
        if REMOVED in plan.pythons.get(cell.row, ""):
            raise UserError(
                f"--resume: {path}: the interpreter of {cell.row} has a secret in its path, which "
                f"was not written; give it again with --python {cell.row}=PATH"
            )
        if REMOVED in cell.workload + cell.overrides + cell.data:
            raise UserError(
                f"--resume: {path}: the file of {cell.label}, its folder of data or what was put "
                "into it has a secret in it, which was not written; start a new run"
            )


def _require_same(now: dict[str, Any], then: dict[str, Any], path: Path) -> None:
    """What was written then is cleaned."""
    now = clean(now)
    for name, value in then.items():
        if now.get(name) != value:
            what = WHOLE.get(name, name.replace("_", " "))
            shown = "" if name in WHOLE else f": {value} then, {now.get(name)} now"
            raise UserError(
                f"--resume: {path}: {what} is not what it was{shown}; results of the two must not "
                "be mixed, so start a new run"
            )


def _require_same_versions(plan: Plan, path: Path) -> None:
    """The frameworks that already proved cells are asked for their versions again."""
    proofs = {record["cell"]["row"]: record for record in read_all(Path(plan.folder) / "proofs")}
    pool = Workers(plan.pythons)
    try:
        for row, record in proofs.items():
            cell = Cell(**record["cell"])
            found = pool.call(cell.where, describe, {"row": row}, DESCRIBE_TIMEOUT_S)
            for name in ("versions", "device"):
                _require_same({name: found[name]}, {name: record["backend"][name]}, path)
    except WorkerFailed as failure:
        raise UserError(f"--resume: backend {row} does not start: {failure}") from None
    finally:
        pool.stop()
