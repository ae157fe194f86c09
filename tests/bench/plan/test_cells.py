"""Cells of a selection: which there are, in which order, and what makes two of them the same."""

from dataclasses import FrozenInstanceError, replace
from pathlib import Path
from typing import Any

import pytest

import spec
from backends.protocol import Deviation
from bench.plan import cells
from bench.plan.cells import Absent, Cell, Control, Plan, cells_of, check_data, with_pairs
from spec.errors import SpecError


def cell(row: str = "pytorch", mode: str = "eager", batch_size: int = 8, **other: Any) -> Cell:
    return Cell("mlp_small", row, mode, "float64", "cpu", batch_size, "small", **other)


def test_a_cell_is_known_by_all_that_it_is() -> None:
    one, again = cell(), cell(again=True)
    assert one.id == "small-pytorch-eager-float64-b8"
    assert again.id == "small-pytorch-eager-float64-b8-again"
    assert one.group == again.group == cell("flax_nnx", "compiled").group == ("small", "float64", 8)
    assert one.where == ("pytorch", "float64", "cpu")
    assert again.where == ("pytorch", "float64", "cpu", "again")
    assert Cell(**one.as_dict()) == one != again
    assert one.as_dict() == {
        "workload": "mlp_small",
        "row": "pytorch",
        "mode": "eager",
        "precision": "float64",
        "device": "cpu",
        "batch_size": 8,
        "label": "small",
        "overrides": "{}",
        "again": False,
        "data": "",
    }


def test_a_control_is_known_by_program_device_and_process() -> None:
    one = Control("bench.controls.jax_gan", "flax_nnx", "cuda")
    other = replace(one, again=True)
    assert (one.id, other.id) == ("jax_gan-cuda", "jax_gan-cuda-again")
    assert one.first == other.first == one != other
    assert one.where == ("flax_nnx", "float32", "cuda", "control")
    assert other.where == ("flax_nnx", "float32", "cuda", "control-again")


def test_what_is_planned_does_not_change() -> None:
    fields: dict[str, Any] = dict.fromkeys(("turns", "round_s", "seed", "pythons", "folder"))
    fields |= dict.fromkeys(("costs", "memory", "identity"))
    plans = [Plan(cells=(), absent=(), blocks=1, **fields) for _ in range(2)]
    planned: Any
    for planned in (cell(), Control("a.b", "c", "cpu"), Absent("a", "b", "c", "d"), plans[0]):
        name = next(iter(vars(planned)))
        with pytest.raises(FrozenInstanceError):
            setattr(planned, name, "other")
    assert plans[0].rounds == {}
    assert plans[0].rounds is not plans[1].rounds
    assert (plans[0].controls, plans[0].proofs, plans[0].prove_anew) == ((), "", False)


def test_a_workload_is_loaded_as_the_cell_has_it() -> None:
    put = '{"optimizers.discriminator.learning_rate": 0.5, "schedule.batch_size": 4}'
    one = cell(batch_size=16, overrides=put)
    assert one.load().schedule.batch_size == 16
    assert one.load(32).schedule.batch_size == 32
    assert one.load().optimizers["discriminator"].learning_rate == 0.5
    assert one.load().name == "mlp_small"


def test_cells_of_a_selection_in_its_order(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def absent_mode(row: str, mode: str, workload: spec.Workload, device: str) -> object:
        asked.append((row, mode, workload.name, device))
        no = Deviation("mode", "b", "x", "*", "*", "never", "so")
        return no if (row, mode) == ("b", "x") else None

    monkeypatch.setattr(cells, "absent_mode", absent_mode)
    names, rows, modes = ("gaussian", "mlp_small"), ("a", "b"), ("x", "y")
    found, absent = cells_of(names, rows, modes, ("float64", "float32"), (8, 4), "cuda")
    places = [("a", "x"), ("a", "y"), ("b", "y")]
    assert found == tuple(
        Cell(name, row, mode, precision, "cuda", size, name)
        for name in names
        for row, mode in places
        for precision in ("float64", "float32")
        for size in (8, 4)
    )
    assert absent == tuple(Absent(name, "b", "x", "never: so") for name in names)
    assert asked == [(r, m, n, "cuda") for n in names for r in rows for m in modes]
    put = {"schedule.batch_size": 12}
    ((own,), _) = cells_of(("mlp_small",), ("a",), ("x",), ("float32",), (), "cpu", put)
    assert (own.batch_size, own.overrides) == (12, '{"schedule.batch_size": 12}')


def test_a_label_is_the_workload_s_own_name_without_secrets(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = (Path(spec.__file__).parent / "workloads" / "mlp_small.toml").read_text("utf-8")
    path = tmp_path / "a.toml"
    path.write_text(source.replace('"mlp_small"', '"hush_7f1c"', 1), "utf-8")
    monkeypatch.setattr(cells, "absent_mode", lambda *_: None)
    monkeypatch.setenv("GAN_SECRET", "hush_7f1c")
    ((own,), _) = cells_of((str(path),), ("a",), ("x",), ("float32",), (), "cpu")
    assert (own.workload, own.label) == (str(path), "***")


def test_each_group_has_one_cell_a_second_time() -> None:
    eager, compiled, late = cell(), cell(mode="compiled"), cell("flax_nnx", "compiled")
    other, multi = cell(batch_size=4), cell(mode="multistep", batch_size=4)
    given = (eager, compiled, other, late, multi)
    assert with_pairs(given) == (*given, replace(compiled, again=True), replace(other, again=True))
    assert with_pairs(()) == ()


def test_data_are_loaded_for_every_workload_and_size(monkeypatch: pytest.MonkeyPatch) -> None:
    loaded, folders = [], set()

    def load(workload: spec.Workload, folder: Path | None) -> None:
        folders.add(folder)
        loaded.append((workload.name, workload.schedule.batch_size, workload.schedule.length))
        if workload.schedule.batch_size == 4:
            raise SpecError("too few")

    monkeypatch.setattr(spec.data, "load", load)
    put = {"schedule.length": 77}
    check_data(("gaussian", "mlp_small"), (16, 8), put)
    assert loaded == [(n, size, 77) for n in ("gaussian", "mlp_small") for size in (16, 8)]
    assert folders == {None}
    loaded.clear()
    check_data(("mlp_small",), (), put | {"schedule.batch_size": 12}, Path("/samples"))
    assert loaded == [("mlp_small", 12, 77)]
    assert folders == {None, Path("/samples")}
    with pytest.raises(SpecError, match=r"^gaussian: too few$"):
        check_data(("gaussian",), (8, 4), {})
