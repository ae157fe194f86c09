"""What is asked for: the trainings of one workload to its target, in some rows from some seeds."""

from dataclasses import dataclass
from typing import Any

from bench.plan.cells import Cell
from spec.target import AnyTarget

PUBLISHED = range(100)
"""The seeds of what is compared: the first so many, in this order."""
CALIBRATING = range(100, 200)
"""The seeds that a target is chosen on, which nothing is compared on."""


@dataclass(frozen=True)
class Convergence:
    """One workload."""

    cells: tuple[Cell, ...]
    """One a row; their overrides have the target's own in them."""
    put: dict[str, Any]
    """What was put into the file beside the target's own: `--set`."""
    target: AnyTarget
    seeds: tuple[int, ...]
    to_end: bool
    """Every training goes on to the longest, whether it has reached the target or not."""

    @property
    def name(self) -> str:
        """The workload's own."""
        return self.cells[0].label
