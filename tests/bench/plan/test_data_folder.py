"""`--data`: the folder reaches the cells that need it, and is the same when a run is resumed."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

import spec
from bench.plan import resuming
from bench.plan.arguments import plan_of
from bench.plan.cells import Cell
from bench.plan.data_folder import checksums, folder_for
from bench.plan.folder import write_plan
from bench.plan.resuming import identity, take_up
from bench.workers.cleaning import clean
from spec.errors import SpecError, UserError
from tests.bench.plan.test_arguments import asked
from tests.bench.plan.test_folder import plan_in
from tests.spec.data import files
from tests.spec.data.files import write_mnist

PUT = ["data.kind=mnist", "schedule.batch_size=4"]


def cell(folder: Path, *, again: bool = False) -> Cell:
    put = json.dumps({"data.kind": "mnist"})
    one = Cell("mlp_square", "pytorch", "eager", "float32", "cpu", 4, "mlp_square", put)
    return replace(one, data=str(folder), again=again)


def test_the_folder_is_a_cell_s_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_mnist(tmp_path / "m")
    monkeypatch.chdir(tmp_path)  # workers start elsewhere
    found = asked(workload="mlp_square", put=PUT, data=Path("m"))
    assert found.folder == tmp_path / "m"
    plan = plan_of(found, ("pytorch",), "cpu", {}, tmp_path / "a.records")
    assert {cell.data for cell in plan.cells} == {str(tmp_path / "m")}
    assert plan.cells[0].folder == tmp_path / "m"
    (read,) = checksums(plan.cells).values()
    assert plan.identity["data"] == {"mlp_square": read}
    assert len(str(read["x"])) == 64


def test_one_folder_serves_all_that_need_one(tmp_path: Path) -> None:
    write_mnist(tmp_path / "m")
    own = tmp_path / "own.toml"
    text = (Path(spec.__file__).parent / "workloads" / "mlp_small.toml").read_text("utf-8")
    wanted = ("count = ", "sha256 = ")
    lines = [line for line in text.splitlines() if not line.startswith(wanted)]
    own.write_text("\n".join(lines).replace('kind = "digits"', 'kind = "mnist"'), "utf-8")
    found = asked(workload=f"gaussian,{own}", batch_size="4", data=tmp_path / "m")
    plan = plan_of(found, ("pytorch",), "cpu", {}, tmp_path / "a.records")
    assert {cell.label: cell.data for cell in plan.cells} == {
        "gaussian": "",
        "mlp_small": str(tmp_path / "m"),
    }
    assert {cell.label: cell.folder for cell in plan.cells}["gaussian"] is None


def test_a_folder_that_nothing_needs_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError) as refused:
        asked(workload="gaussian,mlp_small", data=tmp_path)
    assert str(refused.value) == (
        f"--data: given {tmp_path}, but nothing of gaussian, mlp_small is read from a folder; "
        "leave it out, or name a kind that is, as in --set data.kind=mnist"
    )
    assert folder_for(None, []) is None


def test_a_folder_that_is_needed_is_asked_for() -> None:
    with pytest.raises(SpecError) as refused:
        asked(workload="mlp_square", put=PUT)
    assert str(refused.value) == (
        "mlp_square: data.kind: mnist is read from a folder, and none is given; give it with "
        "--data FOLDER"
    )


def test_what_is_wrong_in_it_ends_the_run_before_it_begins(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match=rf"^mlp_square: {tmp_path}: the folder is empty$"):
        asked(workload="mlp_square", put=PUT, data=tmp_path)


def test_a_run_without_a_folder_has_the_identity_it_had() -> None:
    assert checksums((replace(cell(Path("/x")), data=""),)) == {}
    assert "data" not in identity((replace(cell(Path("/x")), data="", overrides="{}"),))


def test_a_resumed_run_finds_the_same_samples(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "alice-7"))
    (tmp_path / "alice-7").mkdir()
    folder = write_mnist(tmp_path / "alice-7" / "m")
    cells = (cell(folder), cell(folder, again=True))
    plan = plan_in(tmp_path / "a.records", *cells, identity=identity(cells))
    write_plan(plan)
    written = json.loads((tmp_path / "a.records" / "plan.json").read_text("utf-8"))
    assert [one["data"] for one in written["cells"]] == ["~/m", "~/m"]
    assert take_up(tmp_path / "a.json", {}).cells == cells
    write_mnist(folder, labels=files.idx(files.LABELS[::-1]))
    with pytest.raises(UserError) as refused:
        take_up(tmp_path / "a.json", {})
    assert str(refused.value) == (
        f"--resume: {tmp_path / 'a.json'}: what lies in a folder of data is not what it was; "
        "results of the two must not be mixed, so start a new run"
    )
    for path in folder.iterdir():
        path.unlink()
    with pytest.raises(UserError, match=r"^--resume: .*a\.json: .*alice-7/m: the folder is empty$"):
        take_up(tmp_path / "a.json", {})


def test_a_plan_of_before_knows_no_folder(tmp_path: Path) -> None:
    one = replace(cell(tmp_path), data="", overrides="{}")
    write_plan(plan_in(tmp_path / "a.records", one, identity=clean(identity((one,)))))
    path = tmp_path / "a.records" / "plan.json"
    fields = json.loads(path.read_text("utf-8"))
    for each in fields["cells"]:
        del each["data"]
    path.write_text(json.dumps(fields), "utf-8")
    assert resuming.take_up(tmp_path / "a.json", {}).cells == (one,)
