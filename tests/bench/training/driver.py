"""A long training in a process of its own: `python -m tests.bench.training.driver FOLDER`."""

import sys
from pathlib import Path

from bench.commands import training
from bench.report import printing
from bench.training import metrics
from tests.bench.training.test_training import plan_in

ADD = metrics.Log.add


def add(self: metrics.Log, one: metrics.Record) -> None:
    """Says when a record stands."""
    ADD(self, one)
    if len(self.records) == 1:
        print("recorded", flush=True)


if __name__ == "__main__":
    metrics.Log.add = add  # type: ignore[method-assign]
    plan = plan_in(Path(sys.argv[1]), iterations=10**6)
    raise SystemExit(training.carry_out(plan, printing.console()))
