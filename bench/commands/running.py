"""A run from plan to result: pytest does the items, a plugin shows progress, records are kept."""

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from bench.commands.interruption import Interruption
from bench.plan.cells import Plan
from bench.plan.records import write_atomically
from bench.report.printing import say
from bench.results.assemble import assemble
from bench.workers.pool import ROOT

INTERRUPTED = 130
ENDS = (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED, pytest.ExitCode.INTERRUPTED)


class ProgressPlugin:
    """A bar for people at a terminal, a line per item elsewhere."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self.bar = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            console=console,
            disable=not console.is_terminal,
        )
        self.task = self.bar.add_task("starting", total=None)

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        self.bar.update(self.task, total=len(session.items))
        self.bar.start()

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        self.bar.update(self.task, description=nodeid.partition("::")[2])

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when == "setup" and report.failed:
            say(self.console, f"error {report.longreprtext}")
        if report.when != "call":
            return
        self.bar.advance(self.task)
        name = report.nodeid.partition("::")[2]
        if report.failed:
            lines = report.longreprtext.strip().splitlines() or [""]
            say(self.console, f"FAILED {name}: {lines[-1]}")
        elif name.startswith("test_proof"):
            say(self.console, f"proved {name[11:-1]} in {report.duration:.1f} s")

    def pytest_sessionfinish(self) -> None:
        self.bar.stop()


def run_plan(
    plan: Plan, console: Console, provenance: dict[str, Any]
) -> tuple[int, dict[str, Any]]:
    """(exit code, result): 0 all measured, 1 something failed, 130 interrupted."""
    folder = Path(plan.folder)
    plan_file = folder / "plan.json"
    write_atomically(plan_file, asdict(plan))
    files = ["test_train_step.py", *(["test_controls.py"] if plan.controls else [])]
    arguments = [
        *(str(ROOT / "bench" / "timing" / name) for name in files),
        f"--plan={plan_file}",
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
    with Interruption() as interruption:
        code = int(pytest.main(arguments, plugins=[ProgressPlugin(console), interruption]))
        interruption.finishing = True
        if code == pytest.ExitCode.NO_TESTS_COLLECTED:  # resumed, with nothing left to do
            code = 0
        if code not in ENDS:
            raise RuntimeError(f"pytest ended with exit code {code}; records are in {folder}")
        result = assemble(plan, provenance)
    if code == pytest.ExitCode.INTERRUPTED:
        return INTERRUPTED, result
    return (1 if code or result["failures"] else 0), result


def save(result: dict[str, Any], path: Path, say: Callable[[str], None]) -> None:
    """Write the result as JSON and say where."""
    write_atomically(path, result)
    say(f"result: {path}")
