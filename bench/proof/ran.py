"""What a cell's worker ran for its proof, and what of it lies in files."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.plan.cells import Cell
from bench.workers.pool import Where, WorkerFailed

Key = tuple[str, str, str]
"""What the reference is run over: the spec's hash, the precision and the hash of the draws."""


@dataclass
class Ran:
    """A cell whose worker has run the iterations of the proof."""

    cell: Cell
    where: Where
    told: dict[str, Any]
    files: dict[int, dict[str, str]] | WorkerFailed | None = None
    """Length of a run -> what it ended with, and its draws; None where it was not written."""

    @property
    def saved(self) -> dict[int, dict[str, str]]:
        """The files that were written."""
        assert isinstance(self.files, dict)
        return self.files

    @property
    def drawn_from(self) -> tuple[Any, ...]:
        """Cells of one worker for which this is the same draw the same: modes have no part in it.

        Where one did not, it would not end where the reference does.
        """
        return tuple(self.told[name] for name in ("spec_hash", "batch_size", "chunk", "iterations"))

    def key(self, length: int, *, alone: bool = False) -> Key:
        """What the reference is run over."""
        files = self.saved[length]
        draws = files["first"] if alone else Path(files["draws"]).stem
        return self.told["spec_hash"], self.cell.precision, draws


Pair = tuple[Cell, Ran | WorkerFailed]
"""A cell, and what was run for its proof or why there is nothing."""
