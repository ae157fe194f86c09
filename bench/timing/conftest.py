"""Turns a plan into pytest items: proofs first, then blocks in a shuffled, recorded order."""

from collections import defaultdict
from collections.abc import Iterator
from random import Random
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from bench.plan.cells import Plan
from bench.plan.folder import control_missing, missing, place_of
from bench.workers.pool import Workers

PLAN = pytest.StashKey[Plan]()


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
    if "block" in metafunc.fixturenames:
        metafunc.parametrize("turn", range(plan.turns if plan else 0))
        metafunc.parametrize("block", range(plan.blocks if plan else 0))


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Blocks one after the other, their groups shuffled, and in each turn of a group its cells.

    So drift hits all alike, and the less of the machine's noise comes between what is compared: a
    workload's cells, at one precision and batch size. Controls take their turns with the first.
    """
    plan = config.stash.get(PLAN, None)
    if plan is None:
        return
    random = Random(plan.seed)
    order = {item: random.random() for item in items}
    together: dict[tuple[Any, ...], float] = defaultdict(random.random)
    still = {cell: missing(plan, cell) for cell in plan.cells}

    def needed(item: pytest.Item) -> bool:
        """A run that is taken up again proves and times only what is missing."""
        parameters = item.callspec.params  # type: ignore[attr-defined]
        if "control" in parameters:
            return control_missing(plan, **parameters)
        cell = parameters["cell"]
        if item.originalname == "test_proof":  # type: ignore[attr-defined]
            return bool(still[cell])
        return place_of(**parameters) in still[cell]

    items[:] = [item for item in items if needed(item)]

    def place(item: pytest.Item) -> tuple[float, float, float, float, float]:
        parameters = item.callspec.params  # type: ignore[attr-defined]
        if "block" in parameters:
            block, turn = parameters["block"], parameters["turn"]
            group = parameters.get("cell", plan.cells[0]).group
            return (1, block, together[block, group], turn, order[item])
        # Proofs before, costs after, in the plan's order, which keeps one worker busy.
        first = item.originalname == "test_proof"  # type: ignore[attr-defined]
        return (0 if first else 2, 0, 0, 0, 0)

    items.sort(key=place)


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
def workers(plan: Plan) -> Iterator[Workers]:
    """The workers of this run, kept alive between blocks so that cells interleave."""
    with TemporaryDirectory(prefix="gantlet-", ignore_cleanup_errors=True) as folder:
        pool = Workers(plan.pythons, compiled_anew(folder))
        yield pool
        pool.stop()


@pytest.fixture(scope="session")
def prepared() -> dict[str, dict[str, Any]]:
    """Cell id -> what its proof found, for the cells that may be timed."""
    return {}
