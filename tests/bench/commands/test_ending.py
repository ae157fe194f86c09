"""SIGTERM, whatever a run is at: it ends as after Ctrl-C, and what was measured is kept."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from bench.plan.cells import Plan
from bench.workers.pool import ROOT
from tests.bench.commands.test_resuming import _plan as _plan  # the fixture
from tests.bench.commands.test_resuming import blocks, finish, wait_for, with_costs

STAGES = {
    "compiling": "start",
    "running what is proved": "run_to_prove",
    "proving": "run",
    "timing": "time_round",
}
"""What a run is at -> the function that a worker is called for."""


def children(process: int) -> list[int]:
    """The processes that a process has started."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            words = path.read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()
        except OSError:  # it has ended by now
            continue
        if int(words[1]) == process:
            found.append(int(path.parent.name))
    return found


@pytest.mark.parametrize("stage", STAGES)
def test_sigterm_leaves_a_result_and_a_page(plan: Plan, stage: str) -> None:
    folder = Path(plan.folder)
    command = [sys.executable, "-m", "tests.bench.commands.stuck", f"{folder}/plan.json"]
    pipe = subprocess.PIPE
    process = subprocess.Popen([*command, STAGES[stage]], cwd=ROOT, stdout=pipe, stderr=pipe)
    wait_for(lambda: (folder / "stuck").exists() and children(process.pid))
    workers = children(process.pid)
    process.send_signal(signal.SIGTERM)
    printed, errors = (text.decode() for text in process.communicate(timeout=120))
    assert process.returncode == 143
    assert workers
    assert not any(Path(f"/proc/{worker}").exists() for worker in workers)
    assert "Traceback" not in printed + errors
    target = folder.with_suffix(".json")
    assert f"`--resume {target}` measures the others" in printed
    assert json.loads(target.read_text(encoding="utf-8"))["failures"] == []
    assert "</html>" in target.with_suffix(".html").read_text(encoding="utf-8")
    before = blocks(plan)
    finish(plan)
    assert {name: blocks(plan)[name] for name in before} == before


def test_what_a_group_has_come_to_stands_before_the_next_begins(plan: Plan) -> None:
    """A kill without a chance to write leaves the page of the groups before."""
    folder = Path(with_costs(plan).folder)
    command = [sys.executable, "-m", "tests.bench.commands.stuck", f"{folder}/plan.json", "latency"]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    wait_for(lambda: (folder / "stuck").exists())
    process.kill()
    process.communicate()
    result = json.loads(folder.with_suffix(".json").read_text(encoding="utf-8"))
    assert [cell["blocks"] for cell in result["summary"]] == [2, 2]  # of three, the first half
    assert "</html>" in folder.with_suffix(".html").read_text(encoding="utf-8")
