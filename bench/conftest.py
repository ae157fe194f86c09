"""Turns a plan into pytest items: proofs first, then blocks in a shuffled, recorded order."""

import json
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from bench.cells import Absent, Cell, Control, Plan
from bench.workers import Workers

PLAN = pytest.StashKey[Plan]()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--plan", help="a plan written by `python -m bench run`")


def pytest_configure(config: pytest.Config) -> None:
    path = config.getoption("--plan")
    if path:
        config.stash[PLAN] = read_plan(Path(path))


def read_plan(path: Path) -> Plan:
    """The plan in a file."""
    fields = json.loads(path.read_text(encoding="utf-8"))
    fields["cells"] = tuple(Cell(**cell) for cell in fields["cells"])
    fields["absent"] = tuple(Absent(**absent) for absent in fields["absent"])
    fields["controls"] = tuple(Control(**control) for control in fields.get("controls", ()))
    return Plan(**fields)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    plan = metafunc.config.stash.get(PLAN, None)
    cells = plan.cells if plan else ()
    if "cell" in metafunc.fixturenames:
        metafunc.parametrize("cell", cells, ids=[cell.id for cell in cells])
    if "control" in metafunc.fixturenames:
        controls = plan.controls if plan else ()
        metafunc.parametrize("control", controls, ids=[control.id for control in controls])
    if "block" in metafunc.fixturenames:
        metafunc.parametrize("block", range(plan.blocks if plan else 0))


COSTS = -1
"""In place of a block's number: what a cell costs beside its speed."""


def _missing(plan: Plan) -> set[tuple[str, int]]:
    """(cell id, block) of what has neither been measured nor failed; COSTS after the blocks."""
    folder = Path(plan.folder)

    def path(cell: Cell, block: int) -> Path:
        return folder / ("costs" if block == COSTS else "blocks") / _name(cell, block)

    return {
        (cell.id, block)
        for cell in plan.cells
        for block in (*range(plan.blocks), *([COSTS] if plan.costs and not cell.again else []))
        if not path(cell, block).exists() and not (folder / "failures" / f"{cell.id}.json").exists()
    }


def _name(cell: Cell, block: int) -> str:
    return f"{cell.id}.json" if block == COSTS else f"{cell.id}-{block}.json"


def _control_missing(plan: Plan, control: Control, block: int) -> bool:
    """One that failed is not tried again: later blocks would say nothing of the cells' moments."""
    folder = Path(plan.folder)
    return not (
        (folder / "controls" / f"{control.id}-{block}.json").exists()
        or (folder / "control_failures" / f"{control.id}.json").exists()
    )


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Blocks one after the other, shuffled within: drift hits all alike.

    What is compared (a workload's cells, at one precision and batch size) stays together in a
    block, and the less of the machine's noise comes between.
    """
    plan = config.stash.get(PLAN, None)
    if plan is None:
        return
    random = Random(plan.seed)
    order = {item: random.random() for item in items}
    together: dict[tuple[Any, ...], float] = defaultdict(random.random)
    missing = _missing(plan)
    wanted = {cell for cell, _ in missing}

    def needed(item: pytest.Item) -> bool:
        """A run that is taken up again proves and times only what is missing."""
        parameters = item.callspec.params  # type: ignore[attr-defined]
        if "control" in parameters:
            return _control_missing(plan, parameters["control"], parameters["block"])
        cell = parameters["cell"].id
        if item.originalname == "test_proof":  # type: ignore[attr-defined]
            return cell in wanted
        return (cell, parameters.get("block", COSTS)) in missing

    items[:] = [item for item in items if needed(item)]

    def place(item: pytest.Item) -> tuple[float, float, float, float]:
        parameters = item.callspec.params  # type: ignore[attr-defined]
        if "block" in parameters:
            block = parameters["block"]
            group = parameters["cell"].group if "cell" in parameters else parameters["control"]
            return (1, block, together[block, group], order[item])
        # Proofs before, costs after, in the plan's order, which keeps one worker busy.
        return (0 if item.originalname == "test_proof" else 2, 0, 0, 0)  # type: ignore[attr-defined]

    items.sort(key=place)


@pytest.fixture(scope="session")
def plan(request: pytest.FixtureRequest) -> Plan:
    """What this run measures."""
    return request.config.stash[PLAN]


def compiled_anew(folder: str) -> dict[str, str]:
    """Variables of a worker: what an earlier run compiled is not found again.

    torch keeps compiled code on disk unless told otherwise, and JAX where a variable says so. A
    second run would then have another first step than the first.
    """
    return {"TORCHINDUCTOR_CACHE_DIR": folder, "JAX_ENABLE_COMPILATION_CACHE": "false"}


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
