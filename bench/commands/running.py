"""A run from plan to result: pytest does the items, a plugin shows progress, records are kept."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from bench.commands.interruption import Interruption
from bench.commands.progress import Watching
from bench.plan.cells import Group, Plan
from bench.plan.folder import write_plan
from bench.plan.records import write_atomically
from bench.report import table, writing
from bench.report.printing import say
from bench.results.assemble import assemble
from bench.timing.conftest import Given
from bench.workers.pool import ROOT

FAILED = 1
ENDS = (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED, pytest.ExitCode.INTERRUPTED)
Result = dict[str, Any]


def run_and_show(
    plan: Plan, missing: dict[str, str], target: Path, console: Console, provenance: dict[str, Any]
) -> tuple[int, Result]:
    """Measure, and show and write what there is after each group and at the end.

    (exit code, result): 0 all measured, 1 something failed or diverges, 130 after Ctrl-C, 143 after
    SIGTERM.
    """

    def so_far(result: Result, group: Group) -> None:
        table.show_group(console, result, group)
        save(result | {"missing_rows": missing}, target)
        say(console, writing.after_run(target))

    code, result = run_plan(plan, console, provenance, so_far)
    result["missing_rows"] = missing
    table.show(console, result)
    save(result, target)
    say(console, f"result: {target}")
    if code > FAILED:
        say(
            console,
            f"interrupted; the blocks measured so far are in the result, and `--resume {target}` "
            "measures the others",
        )
    say(console, writing.after_run(target))
    return code, result


def run_plan(
    plan: Plan,
    console: Console,
    provenance: dict[str, Any],
    so_far: Callable[[Result, Group], None] = lambda result, group: None,
) -> tuple[int, Result]:
    """(exit code, result), as `run_and_show`; `so_far` is given the result after each group."""
    folder = Path(plan.folder)
    write_plan(plan)
    files = ["test_train_step.py", *(["test_controls.py"] if plan.controls else [])]
    arguments = [
        *(str(ROOT / "bench" / "timing" / name) for name in files),
        "--override-ini=addopts=",  # those are for tests at a terminal
        # And errors that warnings are: a benchmark that Ctrl-C left unused would end the run.
        "--override-ini=filterwarnings=",
        "--benchmark-quiet",
        "--benchmark-disable-gc",
        "-p",
        "no:terminal",
        "-p",
        "no:cacheprovider",
    ]
    watching = Watching(plan, console, lambda group: so_far(assemble(plan, provenance), group))
    with Interruption() as interruption:
        code = int(pytest.main(arguments, plugins=[Given(plan), watching, interruption]))
        interruption.finishing = True
        if code == pytest.ExitCode.NO_TESTS_COLLECTED:  # resumed, with nothing left to do
            code = 0
        if code not in ENDS:
            raise RuntimeError(f"pytest ended with exit code {code}; records are in {folder}")
        result = assemble(plan, provenance)
        if code == pytest.ExitCode.INTERRUPTED:
            return interruption.code, result
    return (FAILED if code or result["failures"] or result["diverged"] else 0), result


def save(result: Result, path: Path) -> None:
    """Write the result as JSON."""
    write_atomically(path, result)
