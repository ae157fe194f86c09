"""Turns a plan into pytest items, in the order in which they are measured."""

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from bench.plan import groups
from bench.plan.cells import Plan
from bench.plan.folder import note_together
from bench.timing import memory, order
from bench.timing.preparing import Measuring
from bench.workers.pool import Workers

PLAN = pytest.StashKey[Plan]()
MEASURING = pytest.StashKey[Measuring]()


class Given:
    """A plugin that hands over the plan as it is: what is written of it is cleaned."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan

    def pytest_configure(self, config: pytest.Config) -> None:
        """Before anything is collected."""
        config.stash[PLAN] = self.plan


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    plan = metafunc.config.stash.get(PLAN, None)
    cells = plan.cells if plan else ()
    if "cell" in metafunc.fixturenames:
        metafunc.parametrize("cell", cells, ids=[cell.id for cell in cells])
    if "control" in metafunc.fixturenames:
        controls = plan.controls if plan else ()
        metafunc.parametrize("control", controls, ids=[control.id for control in controls])
    if "group" in metafunc.fixturenames:
        of_plan = groups.in_order(cells)
        metafunc.parametrize("group", of_plan, ids=[groups.name(group) for group in of_plan])
    if "block" in metafunc.fixturenames:
        metafunc.parametrize("turn", range(plan.turns if plan else 0))
        metafunc.parametrize("block", range(plan.blocks if plan else 0))


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Only what is still to be measured, in its order."""
    plan = config.stash.get(PLAN, None)
    if plan is not None:
        items[:] = sorted(filter(order.needed(plan), items), key=order.place(plan))


@pytest.hookimpl(trylast=True)
def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> None:
    """Where the next group's programs may not fit beside a group's, its second half comes now."""
    measuring = item.config.stash.get(MEASURING, None)
    if measuring is None or nextitem is None:
        return
    plan, group, items = item.config.stash[PLAN], order.group_of(item), item.session.items
    ends = order.in_early_half(plan, item) and order.group_of(nextitem) != group
    if ends and measuring.memory.is_full(memory.used_share(measuring.workers.processes())):
        here = items.index(item) + 1
        late = [one for one in items[here:] if order.group_of(one) == group]
        items[here:] = late + [one for one in items[here:] if order.group_of(one) != group]
        note_together(plan, group)
        measuring.last_of[group] = late[-1].nodeid if late else item.nodeid
    if measuring.last_of.get(group) == item.nodeid:
        measuring.release(group)


@pytest.fixture(scope="session")
def plan(request: pytest.FixtureRequest) -> Plan:
    """What this run measures."""
    return request.config.stash[PLAN]


def compiled_anew(folder: str) -> dict[str, str]:
    """Variables of a worker: what an earlier run or program compiled is not found again.

    torch keeps compiled code on disk unless told otherwise, and JAX where a variable says so. A
    second run, or mode, would then have another first step than the first.
    """
    return {
        "TORCHINDUCTOR_CACHE_DIR": folder,
        "TORCHINDUCTOR_FORCE_DISABLE_CACHES": "1",
        "JAX_ENABLE_COMPILATION_CACHE": "false",
    }


@pytest.fixture(scope="session")
def measuring(request: pytest.FixtureRequest, plan: Plan) -> Iterator[Measuring]:
    """What the items share: workers that live on between blocks, and what is known of cells."""
    with TemporaryDirectory(prefix="gantlet-", ignore_cleanup_errors=True) as folder:
        pool = Workers(plan.pythons, compiled_anew(folder))
        reference = Workers({})  # its processes idle while a cell is timed
        found = Measuring(plan, pool, reference, Path(folder) / "proofs")
        request.config.stash[MEASURING] = found
        try:
            yield found
        finally:
            pool.stop()
            reference.stop()


@pytest.fixture(scope="session")
def workers(measuring: Measuring) -> Any:
    """The workers of this run."""
    return measuring.workers
