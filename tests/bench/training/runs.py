"""Runs with checkpoints."""

from pathlib import Path

from bench.training.keeping import Kept, keep
from tests.bench.training.made import facts, state


def kept(run: Path, *iterations: int) -> Kept:
    """What the last of these did."""
    for iteration in iterations:
        of = facts(iteration=iteration)
        done = keep(run, state(of), of)
    return done
