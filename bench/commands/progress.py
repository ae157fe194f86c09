"""What a person sees while a run measures: a line an event, at a terminal a bar and a table too.

Nothing is drawn but between items: a thread that draws would compute beside what is timed.
"""

from collections.abc import Callable
from typing import Any

import pytest
from rich.console import Console
from rich.console import Group as Stack
from rich.live import Live
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from bench.plan.cells import Group, Plan
from bench.report import table
from bench.report.printing import say
from bench.results.assemble import measured
from bench.timing import order


class Watching:
    """A pytest plugin. `after_group` is called when a group's table stands for the first time."""

    def __init__(self, plan: Plan, console: Console, after_group: Callable[[Group], None]) -> None:
        self.plan, self.console, self.after_group = plan, console, after_group
        self.bar = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            console=console,
            auto_refresh=False,
        )
        self.task = self.bar.add_task("starting", total=None)
        self._live = Live(self.bar, console=console, auto_refresh=False, transient=True)
        self._ends: dict[str, Group] = {}
        self._items: list[pytest.Item] = []

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Which item is the last of those that a group's first table waits for."""
        self._items = session.items.copy()
        early = [item for item in self._items if order.in_early_half(self.plan, item)]
        self._ends = {item.nodeid: group for group, item in _last_of(early).items()}
        self.bar.update(self.task, total=len(session.items))
        if self.console.is_terminal:
            self._live.start()

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        """Before an item."""
        self.bar.update(self.task, description=nodeid.partition("::")[2])
        self._draw()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """After an item."""
        if report.when == "setup" and report.failed:
            say(self.console, f"error {report.longreprtext}")
        if report.when != "call":
            return
        self.bar.advance(self.task)
        name = report.nodeid.partition("::")[2]
        if report.failed:
            lines = report.longreprtext.strip().splitlines() or [""]
            say(self.console, f"FAILED {name}: {lines[-1]}")
        elif report.passed and name.startswith("test_first_step"):
            say(self.console, f"started {name[16:-1]} in {report.duration:.1f} s")
        elif report.passed and name.startswith("test_proof"):
            say(self.console, f"proved {name[11:-1]} in {report.duration:.1f} s")

    def pytest_runtest_logfinish(self, nodeid: str) -> None:
        """Between turns: the table so far, and what a group's first half has come to."""
        here = self._items.pop(0) if self._items else None
        if nodeid in self._ends:
            self._live.update(self.bar)
            self.after_group(self._ends[nodeid])
        elif here and self._live.is_started and self._ends_a_block(here):
            group = order.group_of(here)
            made = table.fitted(self.console, measured(self.plan), group)
            self._live.update(Stack(made, self.bar) if made else self.bar)

    def _ends_a_block(self, item: pytest.Item) -> bool:
        """Whether the next item belongs to another block, or to none."""
        block = order.block_of(item)
        after = self._items[0] if self._items else None
        same = after and (order.group_of(after), order.block_of(after)) == (
            order.group_of(item),
            block,
        )
        return block is not None and not same

    def pytest_sessionfinish(self) -> None:
        """The end."""
        self._live.stop()

    def _draw(self) -> None:
        if self._live.is_started:
            self._live.refresh()


def _last_of(items: list[pytest.Item]) -> dict[Group, Any]:
    return {order.group_of(item): item for item in items}
