"""`--data FOLDER`: where real samples lie, for the workloads that need them from there."""

from collections.abc import Iterable, Sequence
from pathlib import Path

import spec.data
from bench.plan.cells import Cell
from spec.errors import UserError
from spec.workload import Workload


def folder_for(given: Path | None, workloads: Sequence[Workload]) -> Path | None:
    """The folder, absolute, for workers start elsewhere; one serves all that need one.

    UserError where it is given and none of them needs it. Where one is needed and not given,
    `spec.data.load` says so, with the place in the file.
    """
    if given is None:
        return None
    if not any(spec.data.from_folder(workload) for workload in workloads):
        names = ", ".join(workload.name for workload in workloads)
        raise UserError(
            f"--data: given {given}, but nothing of {names} is read from a folder; leave it out, "
            "or name a kind that is, as in --set data.kind=mnist"
        )
    return given.absolute()


def checksums(cells: Iterable[Cell]) -> dict[str, dict[str, object]]:
    """Workload -> source -> files_sha256 of what is read from a folder; only where there is one."""
    found: dict[str, dict[str, object]] = {}
    for cell in cells:
        if cell.data and cell.label not in found:
            read = spec.data.files_of(cell.load(), cell.folder)
            found[cell.label] = {name: of["files_sha256"] for name, of in read.items()}
    return found
