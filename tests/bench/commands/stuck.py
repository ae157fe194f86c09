"""A run that comes to a stop within a call: `python -m tests.bench.commands.stuck PLAN FUNCTION`.

Instead of the function, by its name, a worker does nothing for a minute; a file `stuck` beside the
plan says that it has begun.
"""

import sys
from pathlib import Path
from typing import Any

from rich.console import Console

from bench.commands.running import run_and_show
from bench.plan.folder import read_plan
from bench.results.provenance import provenance
from bench.workers.pool import Workers
from tests.bench.workers import misbehave

if __name__ == "__main__":
    plan_file, name = Path(sys.argv[1]), sys.argv[2]
    real = Workers.call

    def call(self: Workers, where: Any, function: Any, arguments: Any, timeout_s: float) -> Any:
        """As it is, but for one function."""
        if function.__name__ == name:
            plan_file.with_name("stuck").touch()
            return real(self, where, misbehave.hang, {}, timeout_s)
        return real(self, where, function, arguments, timeout_s)

    Workers.call = call  # type: ignore[method-assign]
    plan = read_plan(plan_file)
    target = Path(plan.folder).with_suffix(".json")
    raise SystemExit(run_and_show(plan, {}, target, Console(width=300), provenance())[0])
