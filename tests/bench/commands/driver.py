"""A run in a process of its own, to be killed: `python -m tests.bench.commands.driver PLAN`."""

import sys
from pathlib import Path

from rich.console import Console

from bench.commands.running import run_plan
from bench.plan.folder import read_plan
from bench.results.provenance import provenance

if __name__ == "__main__":
    raise SystemExit(run_plan(read_plan(Path(sys.argv[1])), Console(), provenance())[0])
