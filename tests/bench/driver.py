"""A run in a process of its own, to be killed: `python -m tests.bench.driver PLAN`."""

import sys
from pathlib import Path

from rich.console import Console

from bench.conftest import read_plan
from bench.environment import provenance
from bench.running import run_plan

if __name__ == "__main__":
    raise SystemExit(run_plan(read_plan(Path(sys.argv[1])), Console(), provenance())[0])
