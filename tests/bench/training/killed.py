"""A training that can be killed anywhere: `python -m tests.bench.training.killed PLAN GOES_ON`.

PLAN is a training's fields in JSON. It saves after each piece, and says when one more record
stands.
"""

import json
import sys

from bench.commands import training
from bench.plan.cells import Cell
from bench.report import printing
from bench.training import loop, metrics
from bench.training.plan import Training

ADD = metrics.Log.add


def add(self: metrics.Log, one: metrics.Record) -> None:
    """Says that a record stands."""
    ADD(self, one)
    print("recorded", flush=True)


if __name__ == "__main__":
    loop.SAVE_EVERY_S = 0.0
    metrics.Log.add = add  # type: ignore[method-assign]
    fields = json.loads(sys.argv[1])
    plan = Training(**fields | {"cell": Cell(**fields["cell"])})
    goes_on = sys.argv[2] == "on"
    raise SystemExit(training.carry_out(plan, printing.console(), goes_on=goes_on))
