"""A cell that leaves the finite numbers while it is timed: its GAN's doing, or its own?"""

from collections.abc import Iterable
from typing import Any

from bench.plan.cells import Cell
from bench.proof import oracles
from bench.timing.cell import train_on
from bench.workers.pool import WorkerFailed, Workers

TRIED_S = 60.0
"""So long another row, or the reference, is trained to see whether it leaves them too."""
MARGIN = 2
"""Rounding moves the moment, so others are trained for so many times as many iterations."""
TIMEOUT_S = 300.0


def others(cell: Cell, cells: Iterable[Cell]) -> list[Cell]:
    """One cell of each other row."""
    return list({c.row: c for c in cells if c.row != cell.row}.values())


def reason(
    cell: Cell, left_at: int, beside: list[Cell], workers: Workers, reference: Workers
) -> WorkerFailed:
    """Why the cell has no speed: kind `Diverges`, or `left` where it alone is not finite.

    `beside` holds a cell of each other row, ready in its worker. Without any it is the reference.
    """
    told: dict[str, Any] = {"n": MARGIN * left_at, "seconds": TRIED_S}
    where = f"{cell.row} {cell.mode} left the finite numbers at iteration {left_at}"
    found = {}
    for other in beside:
        given = {"cell_id": other.id} | told
        found[f"{other.row} {other.mode}"] = workers.call(other.where, train_on, given, TIMEOUT_S)
    if not found:
        given = {"cell": cell.as_dict()} | told
        of_reference = oracles.where(0)
        found["the reference"] = reference.call(of_reference, oracles.train, given, TIMEOUT_S)
    left = {name: run["left_at"] for name, run in found.items() if run["left_at"] is not None}
    if len(left) == len(found):
        also = ", ".join(f"{name} at {i}" for name, i in left.items())
        return WorkerFailed("Diverges", f"{where}, {also}")
    finite = ", ".join(
        f"{name} was finite to iteration {run['iterations']}"
        for name, run in found.items()
        if run["left_at"] is None
    )
    return WorkerFailed("left", f"{where}; {finite}")
