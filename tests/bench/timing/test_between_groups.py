"""Where a group would not fit again, its second half comes at once and its programs are let go."""

from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from bench.commands.running import run_plan
from bench.plan.cells import Cell, Plan
from bench.plan.groups import name
from bench.results.provenance import provenance
from bench.timing import memory
from bench.timing.preparing import Measuring


def cell(workload: str, batch_size: int) -> Cell:
    path = f"tests/meta/workloads/{workload}.toml"
    return Cell(path, "reference", "eager", "float64", "cpu", batch_size, workload)


CELLS = (cell("critic", 6), cell("vocabulary_b", 4))


@pytest.mark.parametrize("full", [False, True])
def test_a_full_machine_takes_group_after_group(
    full: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memory, "used_share", lambda processes: 0.9 if full else 0.01)
    released: list[Any] = []
    release = Measuring.release

    def noted(self: Measuring, group: Any) -> None:
        released.append((name(group), len(list((tmp_path / "run" / "blocks").iterdir()))))
        release(self, group)

    monkeypatch.setattr(Measuring, "release", noted)
    fields: dict[str, Any] = {"absent": (), "pythons": {}, "memory": False, "identity": {}}
    fields |= {"blocks": 3, "turns": 1, "round_s": 0.01, "costs": False, "seed": 1}
    plan = Plan(cells=CELLS, folder=str(tmp_path / "run"), **fields)
    code, result = run_plan(plan, Console(quiet=True), provenance())
    assert code == 0
    assert [one["blocks"] for one in result["summary"]] == [3, 3]
    spread = result["spread"]
    if full:
        ((group, done),) = released
        assert done == 3  # all of its blocks, and none of the other's
        assert spread.pop(group) == "whole"
        assert list(spread.values()) == ["halves"]
    else:
        assert released == []
        assert list(spread.values()) == ["halves", "halves"]
