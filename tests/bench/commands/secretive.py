"""A run as the command does it, with a cell that fails: `python -m ...secretive GAN RESULT SECRET`.

GAN is a file, and RESULT the path of the result; the error of the second cell says SECRET.
"""

import sys
from pathlib import Path
from typing import Any

from bench import cli
from bench.plan.arguments import output_path, records_folder
from bench.plan.cells import Cell, Control, Plan
from bench.report import printing
from bench.timing.cell import time_round
from bench.timing.yardstick import time_turn
from bench.workers.cleaning import Cleaned
from bench.workers.pool import Where, Workers
from tests.bench.workers import misbehave

GAN, RESULT, SECRET = sys.argv[1:4]
REAL = Workers.call


def call(self: Workers, where: Where, function: Any, arguments: Any, timeout_s: float) -> Any:
    """The second cell's rounds, and every control's, raise in their workers."""
    if function is time_turn or (function is time_round and "b5" in arguments["cell_id"]):
        function, arguments = misbehave.fail_saying, {"text": f"no access with {SECRET}"}
    return REAL(self, where, function, arguments, timeout_s)


def main() -> None:
    """Two cells and a control, in workers whose folder, arguments and errors hold the secret."""
    Workers.call = call  # type: ignore[method-assign]
    target = output_path(Path(RESULT))
    plan = Plan(
        cells=tuple(
            Cell(GAN, "reference", "eager", "float64", "cpu", size, "vocabulary_b")
            for size in (4, 5)
        ),
        absent=(),
        blocks=1,
        turns=3,
        round_s=0.004,
        seed=1,
        pythons={"reference": str(Path(GAN).parent / "python")},
        folder=str(records_folder(target)),
        costs=True,
        memory=False,
        identity={},
        controls=(Control("bench.controls.pytorch_mlp_square", "reference", "cpu"),),
    )
    missing = {"pytorch": f"an interpreter at {GAN} (no such file)"}
    cli._execute(plan, missing, target, printing.console(), json_=False)


if __name__ == "__main__":
    sys.stdout, sys.stderr = Cleaned(sys.stdout), Cleaned(sys.stderr)  # type: ignore[assignment]
    main()
