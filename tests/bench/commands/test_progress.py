"""What a person sees while a run measures, event by event."""

import io
from types import SimpleNamespace
from typing import Any

import pytest
from rich.console import Console

from bench.commands import progress
from bench.plan.cells import Cell, Group, Plan


def cell(workload: str) -> Cell:
    return Cell(workload, "pytorch", "eager", "float32", "cpu", 8, workload)


ONE, OTHER = cell("mlp_small"), cell("mlp_square")


def item(test: str, **parameters: Any) -> Any:
    name = "-".join(str(getattr(value, "id", value)) for value in parameters.values())
    call = SimpleNamespace(params=parameters)
    return SimpleNamespace(originalname=test, callspec=call, nodeid=f"f.py::{test}[{name}]")


def items() -> list[Any]:
    """Three blocks in two halves: 0 and 1 at once, 2 at the end."""
    found = []
    for of in (ONE, OTHER):
        found += [item("test_first_step", cell=of), item("test_proof", cell=of)]
        found += [item("test_train_step", cell=of, block=b, turn=t) for b in (0, 1) for t in (0, 1)]
    found += [item("test_train_step", cell=of, block=2, turn=0) for of in (ONE, OTHER)]
    return [*found, item("test_costs", cell=ONE)]


class Shown:
    """A run that is watched at a terminal or not: what is printed, tabled and called."""

    def __init__(self, terminal: bool, monkeypatch: pytest.MonkeyPatch) -> None:
        fields: dict[str, Any] = {"absent": (), "pythons": {}, "memory": False, "identity": {}}
        fields |= {"blocks": 3, "turns": 2, "round_s": 0.1, "costs": True, "seed": 1}
        plan = Plan(cells=(ONE, OTHER), folder="/nowhere", **fields)
        self.out = io.StringIO()
        console = Console(file=self.out, width=200, force_terminal=terminal)
        self.ended: list[Group] = []
        self.tables: list[Group] = []
        monkeypatch.setattr(progress, "measured", lambda asked: asked)
        monkeypatch.setattr(progress.table, "fitted", self._fitted)
        self.watching = progress.Watching(plan, console, self.ended.append)
        self.plan = plan
        session: Any = SimpleNamespace(items=items())
        self.watching.pytest_collection_finish(session)

    def _fitted(self, console: Console, found: Any, group: Group) -> str:
        assert found is self.plan
        self.tables.append(group)
        return "a table"

    def run(self, one: Any, outcome: str = "passed", said: str = "", when: str = "call") -> str:
        """What it prints of an item."""
        before = len(self.out.getvalue())
        self.watching.pytest_runtest_logstart(one.nodeid)
        report: Any = SimpleNamespace(
            nodeid=one.nodeid,
            when=when,
            passed=outcome == "passed",
            failed=outcome == "failed",
            duration=1.25,
            longreprtext=said,
        )
        self.watching.pytest_runtest_logreport(report)
        self.watching.pytest_runtest_logfinish(one.nodeid)
        return self.out.getvalue()[before:]


@pytest.fixture(name="piped")
def _piped(monkeypatch: pytest.MonkeyPatch) -> Shown:
    return Shown(False, monkeypatch)


def test_a_line_an_event(piped: Shown) -> None:
    first, proof, turn, *_ = items()
    assert piped.run(first) == f"started {ONE.id} in 1.2 s\n"
    assert piped.run(proof) == f"proved {ONE.id} in 1.2 s\n"
    assert piped.run(turn) == ""
    assert piped.watching.bar.tasks[0].completed == 3
    assert piped.watching.bar.tasks[0].total == len(items())


def test_what_fails_says_its_last_line(piped: Shown) -> None:
    first, proof, *_ = items()
    said = "a traceback\nCheckFailed: over the limit\n\n"
    expected = f"FAILED test_proof[{ONE.id}]: CheckFailed: over the limit\n"
    assert piped.run(proof, "failed", said) == expected
    assert piped.run(first, "failed", "") == f"FAILED test_first_step[{ONE.id}]: \n"


def test_a_skipped_one_is_no_news(piped: Shown) -> None:
    assert piped.run(items()[1], "skipped") == ""
    assert piped.watching.bar.tasks[0].completed == 1


def test_a_setup_that_fails_is_told_and_is_no_item(piped: Shown) -> None:
    first = items()[0]
    assert piped.run(first, "failed", "no folder", when="setup") == "error no folder\n"
    assert piped.run(first, "passed", when="setup") == ""
    assert piped.run(first, "failed", "late", when="teardown") == ""
    assert piped.watching.bar.tasks[0].completed == 0


@pytest.mark.parametrize("terminal", [False, True])
def test_a_group_s_first_table_comes_once_its_first_half_is_done(
    terminal: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = Shown(terminal, monkeypatch)
    came = []
    for one in items():
        before = len(shown.ended)
        shown.run(one)
        if len(shown.ended) > before:
            came.append((one.nodeid, shown.ended[-1]))
    assert came == [(items()[5].nodeid, ONE.group), (items()[11].nodeid, OTHER.group)]


def test_at_a_terminal_the_table_is_drawn_anew_after_every_block(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Not after the last of a first half, whose own table is printed then; never between turns."""
    shown = Shown(True, monkeypatch)
    came = []
    for number, one in enumerate(items()):
        before = len(shown.tables)
        shown.run(one)
        came += [number] * (len(shown.tables) - before)
    assert came == [3, 9, 12, 13]
    assert shown.tables == [ONE.group, OTHER.group, ONE.group, OTHER.group]
    assert "a table" in shown.out.getvalue()
    shown.watching.pytest_sessionfinish()
    assert not shown.watching._live.is_started


def test_in_a_file_there_is_no_bar(piped: Shown) -> None:
    for one in items():
        piped.run(one)
    piped.watching.pytest_sessionfinish()
    assert piped.tables == []
    assert "test_train_step" not in piped.out.getvalue()


def test_at_a_terminal_the_bar_names_what_is_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    shown = Shown(True, monkeypatch)
    shown.watching.pytest_runtest_logstart(items()[2].nodeid)
    assert f"test_train_step[{ONE.id}-0-0]" in shown.out.getvalue()
