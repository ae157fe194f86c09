"""What a training is asked to be."""

from dataclasses import dataclass

from bench.plan.cells import Cell

DRAWS = ("own", "spec")
"""Whose random numbers: the framework's own, as in what is timed, or the spec's in NumPy, which are
the same in every row and slower."""


@dataclass(frozen=True)
class Training:
    """One training of one workload in one row."""

    cell: Cell
    seed: int
    draws: str
    """One of DRAWS."""
    iterations: int | None
    """Where it ends; None: as long as the document says."""
    minutes: float | None
    """Where it ends at the latest, however far it is."""
    interval: int | None
    """Iterations from one record to the next, about; None: 200 records in all."""
    folder: str
    """The run's own: metrics, samples, checkpoints, page."""
    pythons: dict[str, str]
    keep_going: bool = False
    """Whether verdicts are only told: of one sitting, like its minutes."""
