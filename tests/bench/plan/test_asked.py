"""Each argument of a run reaches its plan, and a wrong one ends it at once."""

import time
from dataclasses import FrozenInstanceError
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from backends.protocol import MODES
from bench.plan import arguments
from bench.plan.arguments import output_path, plan_of, records_folder
from bench.plan.cells import Absent, Cell
from bench.workers.pool import ROOT
from spec.errors import SpecError, UserError
from tests.bench.plan.test_arguments import asked

Data = list[tuple[Any, ...]]


@pytest.fixture(name="data", autouse=True)
def _data(monkeypatch: pytest.MonkeyPatch) -> Data:
    """What data are checked for; they are not loaded, and nobody asks for the machine."""
    checked: Data = []
    monkeypatch.setattr(arguments, "check_data", lambda *given: checked.append(given))
    monkeypatch.setattr(arguments, "identity", lambda cells: {"of": cells})
    return checked


def test_each_argument_is_kept(data: Data) -> None:
    like = (15, {"a": 7})
    found = asked(
        workload="mlp_small,gaussian",
        mode="compiled,eager",
        precision="float64",
        batch_size="8,4",
        put=["schedule.length=3"],
        blocks=1000,
        turns=99,  # those of the other result count
        like=like,
        quick=True,
        memory=True,
        prove_anew=True,
    )
    assert found.workloads == ("mlp_small", "gaussian")
    assert found.overrides == {"schedule.length": 3}
    assert found.modes == tuple(mode for mode in MODES if mode in ("eager", "compiled"))
    assert (found.precisions, found.batch_sizes) == (("float64",), (8, 4))
    assert (found.blocks, found.turns, found.rounds) == (1000, *like)
    assert (found.quick, found.memory, found.prove_anew) == (True, True, True)
    assert data == [(("mlp_small", "gaussian"), (8, 4), {"schedule.length": 3}, None)]
    assert [line.partition(":")[0] for line in found.lines()] == ["mlp_small", "gaussian"]
    changed: Any = found
    with pytest.raises(FrozenInstanceError):
        changed.blocks = 3


def test_what_is_usual() -> None:
    found = asked(mode=None)
    assert (found.modes, found.batch_sizes, found.overrides) == (MODES, (), {})
    assert (found.blocks, found.turns, found.rounds) == (10, 3, {})
    assert (found.quick, found.memory, found.prove_anew) == (False, False, False)
    quick = asked(quick=True)
    assert (quick.blocks, quick.modes, quick.turns) == (2, ("eager",), 3)
    assert found.folder is None
    assert [asked(blocks=n).blocks for n in (1, 1000)] == [1, 1000]
    assert [asked(turns=n).turns for n in (1, 15)] == [1, 15]


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"blocks": 0}, "--blocks: given 0; "),
        ({"blocks": 1001}, "--blocks: given 1001; "),
        ({"turns": 0}, "--turns: given 0; "),
        ({"turns": 16}, "--turns: given 16; "),
        ({"backend": "torch"}, "no backend is called 'torch'; "),
        ({"device": "tpu"}, "--device: given 'tpu'; "),
        ({"precision": "half"}, "no precision is called 'half'; "),
        ({"batch_size": "0"}, "--batch-size: given '0'; "),
        ({"mode": "fast"}, "no mode is called 'fast'; "),
        ({"mode": ""}, "--mode: given nothing; "),
        ({"put": ["a"]}, "--set: given 'a'; "),
    ],
)
def test_a_wrong_argument_stops_before_data_are_loaded(
    wrong: dict[str, Any], said: str, data: Data
) -> None:
    with pytest.raises(UserError, match=f"^{said}"):
        asked(**wrong)
    assert data == []


def test_overrides_and_sizes_reach_the_lines() -> None:
    (line,) = asked(put=["generator.input=[7]", "noise.shape=[7]"], batch_size="8,4").lines()
    assert line.startswith("mlp_small: fits; generator [7] -> ")
    assert line.endswith("; 8 or 4 real samples an iteration")
    with pytest.raises(SpecError, match=r"schedule\.batch_size: given 0"):
        asked(put=["schedule.batch_size=0"])


def test_a_plan_of_what_was_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = SimpleNamespace(time_ns=lambda: 5 * 2**32 + 7)
    monkeypatch.setattr(arguments, "time", clock)
    like = (4, {"a": 7})
    given = asked(batch_size="8,4", like=like, blocks=6, mode="eager,multistep", prove_anew=True)
    plan = plan_of(given, ("pytorch",), "cpu", {"pytorch": "/my/python"}, tmp_path)
    sizes = [
        Cell("mlp_small", "pytorch", "eager", "float32", "cpu", n, "mlp_small") for n in (8, 4)
    ]
    assert [(cell.id, cell.again) for cell in plan.cells] == [
        *[(cell.id, False) for cell in sizes],
        *[(f"{cell.id}-again", True) for cell in sizes],
    ]
    (absent,) = plan.absent
    assert isinstance(absent, Absent)
    assert (absent.row, absent.mode) == ("pytorch", "multistep")
    assert (plan.blocks, plan.turns, plan.round_s, plan.seed) == (6, 4, 0.1875, 7)
    assert (plan.pythons, plan.folder) == ({"pytorch": "/my/python"}, str(tmp_path))
    assert (plan.costs, plan.memory, plan.prove_anew) == (True, False, True)
    assert (plan.identity, plan.rounds) == ({"of": plan.cells}, {"a": 7})
    assert [control.again for control in plan.controls] == [False, True]
    assert plan.proofs == str(ROOT / "results" / "proofs")


@pytest.mark.parametrize("memory", [False, True])
def test_a_quick_run_leaves_out_all_that_is_not_a_cell(memory: bool, tmp_path: Path) -> None:
    put = ["schedule.batch_size=12"]
    given = asked(quick=True, memory=memory, put=put, precision="float64")
    plan = plan_of(given, ("pytorch",), "cuda", {}, tmp_path)
    (cell,) = plan.cells
    assert (cell.precision, cell.device, cell.batch_size) == ("float64", "cuda", 12)
    assert cell.load().schedule.batch_size == 12
    whole = plan_of(asked(turns=1), ("pytorch",), "cpu", {}, tmp_path)
    assert [control.again for control in whole.controls] == [False]
    assert (plan.controls, plan.blocks, plan.prove_anew) == ((), 2, False)
    assert (plan.costs, plan.memory) == (memory, memory)


def test_a_plan_without_a_cell_says_why(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"^nothing to measure: never: CUDA graphs"):
        plan_of(asked(mode="multistep"), ("pytorch",), "cpu", {}, tmp_path)


def test_a_result_s_usual_name_is_the_hour(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = SimpleNamespace(gmtime=lambda: time.gmtime(86400 + 7384), strftime=time.strftime)
    monkeypatch.setattr(arguments, "time", clock)
    assert output_path(None) == ROOT / "results" / "bench-19700102-020304.json"


def test_a_result_goes_where_it_is_asked_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for _ in range(2):  # the folder is made, and then it is there
        assert output_path(Path("a/b/run.json")) == tmp_path / "a" / "b" / "run.json"
    assert list((tmp_path / "a" / "b").iterdir()) == []
    assert records_folder(Path("a/run.json")) == Path("a/run.records")


@pytest.mark.parametrize("there", ["run.json", "run.records", "run.html"])
def test_nothing_that_is_there_is_written_over(there: str, tmp_path: Path) -> None:
    (tmp_path / there).write_text("old", encoding="utf-8")
    with pytest.raises(UserError, match=rf"{there} exists; give another path or remove it$"):
        output_path(tmp_path / "run.json")


def test_what_cannot_be_written_is_told_before_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "folder.json").mkdir()
    for name in ("folder.json", "run.txt", "run"):
        with pytest.raises(UserError, match=r"; give the path of a \.json file$"):
            output_path(tmp_path / name)
    tried = []

    def refuse(*, dir: Path) -> None:
        tried.append(dir)
        raise PermissionError(13, "No entry")

    monkeypatch.setattr(arguments.tempfile, "TemporaryFile", refuse)
    with pytest.raises(UserError, match=r"cannot write .*run\.json: No entry$"):
        output_path(tmp_path / "new" / "run.json")
    assert tried == [tmp_path / "new"]
