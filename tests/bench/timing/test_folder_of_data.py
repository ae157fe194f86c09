"""Whatever a worker does with real samples, it reads them from the cell's own folder.

The reference is the row: its numbers need no framework.
"""

import json
from pathlib import Path
from typing import Any

import pytest

import spec.data
from bench.plan.cells import Cell
from bench.proof import oracles, starting
from bench.timing import cell as timing
from bench.timing import costs
from tests.spec.data.files import write_mnist

PUT = json.dumps({"data.kind": "mnist", "data.hold_out": 0.25})


@pytest.fixture(name="cell")
def _cell(tmp_path: Path) -> Cell:
    folder = str(write_mnist(tmp_path / "m"))
    here = ("reference", "eager", "float64", "cpu")
    return Cell("mlp_small", *here, 4, "mlp_small", PUT, data=folder)


def test_a_timed_cell_tells_its_files_and_its_array(cell: Cell) -> None:
    starting.start(cell.as_dict())
    (of,) = timing.prepare(cell.id, 0.01, 1)["data"].values()
    timing.release([cell.id])
    arrays = spec.data.load(cell.load(), cell.folder)
    assert of == {
        "count": 9,
        "shape": [28, 28, 1],
        "sha256": spec.data.checksum(arrays["x"]),
        **spec.data.files_of(cell.load(), cell.folder)["x"],
    }
    assert (of["files"], len(str(of["files_sha256"]))) == (2, 64)


def test_the_reference_trains_on_them(cell: Cell) -> None:
    assert oracles.train(cell.as_dict(), 1, 600.0) == {"iterations": 1, "left_at": None}


def test_memory_is_measured_with_them(cell: Cell, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []
    load = spec.data.load

    def noted(workload: spec.Workload, folder: Path | None) -> Any:
        asked.append(folder)
        return load(workload, folder)

    monkeypatch.setattr(costs.data, "load", noted)
    monkeypatch.setattr(costs, "MEMORY_CHUNKS", 0)
    costs.memory(cell.as_dict())
    assert asked == [cell.folder]
