"""Files of results, and of everything else; older forms of controls; what is kept per process."""

import json
from math import inf
from pathlib import Path
from typing import Any

import pytest

from bench.results.reading import Cell, ControlTimes, Group, Result, read, rounds_of
from spec.errors import UserError
from tests.bench.compare.made import made

FIRST = "gan-pytorch-mode0-float32-b8"


def write(folder: Path, content: Any) -> Path:
    path = folder / "a.json"
    text = content if isinstance(content, str) else json.dumps(content)
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        ({"machine_info": {}, "benchmarks": [], "version": "5"}, "pytest-benchmark's own JSON"),
        ({"machine_info": {}, "benchmarks": []}, "pytest-benchmark's own JSON"),
        ({"machine_info": {}}, "foreign JSON"),
        ({"benchmarks": []}, "foreign JSON"),
        ({"gantlet_schema": "4", "machine_info": {}, "benchmarks": []}, "pytest-benchmark's own"),
        (["machine_info", "benchmarks"], "foreign JSON"),
        ("3", "foreign JSON"),
        ({}, "foreign JSON"),
    ],
)
def test_json_that_is_no_result(content: Any, kind: str, tmp_path: Path) -> None:
    path = write(tmp_path, content)
    with pytest.raises(UserError) as raised:
        read(path)
    assert str(raised.value).startswith(f"{path}: {kind}")


def test_what_is_no_json_is_said_with_its_place(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"cut short \(line 2, column 6\)"):
        read(write(tmp_path, '{\n"a": '))
    with pytest.raises(UserError, match=r"cannot be read \(.+\)"):
        read(tmp_path / "none.json")
    (tmp_path / "b.json").write_bytes(b"\xff\x00")
    with pytest.raises(UserError, match="no UTF-8 text"):
        read(tmp_path / "b.json")
    with pytest.raises(UserError, match="no UTF-8 text"):
        read(write(tmp_path, "[" * 100_000))


def test_the_first_wrong_field_is_named_by_its_place(tmp_path: Path) -> None:
    content = made(1, cells=2)
    content["summary"][1]["steps_per_s"] = 0.0
    content["benchmarks"][3]["extra_info"]["steps_per_s"] = -1.0
    with pytest.raises(UserError, match=r"a\.json: summary\.1\.steps_per_s: "):
        read(write(tmp_path, content))


@pytest.mark.parametrize("schema", [2, 3, 4])
def test_schemas_that_are_read(schema: int, tmp_path: Path) -> None:
    path = write(tmp_path, made(1) | {"gantlet_schema": schema})
    assert read(path).gantlet_schema == schema
    assert rounds_of(path) == (3, {})


@pytest.mark.parametrize("schema", [1, 5])
def test_schemas_that_are_not(schema: int, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=f"written with schema {schema}, "):
        read(write(tmp_path, made(1) | {"gantlet_schema": schema}))


def test_controls_of_older_results_are_one_group_for_all() -> None:
    """Of a turn a block at first; then of several turns."""
    read_as = ControlTimes.model_validate
    single = read_as({"id": "x", "blocks": {"0": 0.5, "3": 0.25}, "program_hash": "abc"})
    assert single.blocks("any") == {0: {0: 0.5}, 3: {0: 0.25}}
    assert single.program_hash == "abc"
    turns = read_as({"id": "x", "blocks": {"1": {"0": 0.5, "2": 0.25}}})
    assert turns.blocks("any") == {1: {0: 0.5, 2: 0.25}}
    assert read_as({"id": "x", "blocks": {}}).groups == {}
    assert read_as({"id": "x"}).blocks("any") == {}


def test_controls_of_a_group_are_its_own() -> None:
    groups = {"a": {"0": {"0": 0.5}}, "all": {"0": {"0": 2.0}}}
    control = ControlTimes.model_validate({"id": "x", "groups": groups})
    assert (control.blocks("a"), control.blocks("b")) == ({0: {0: 0.5}}, {0: {0: 2.0}})
    del groups["all"]
    assert ControlTimes.model_validate({"id": "x", "groups": groups}).blocks("b") == {}


def test_a_band_without_bounds_is_null_in_a_file() -> None:
    group = {"workload": "gan", "precision": "float32", "batch_size": 8}
    assert Group.model_validate(group | {"band": None}).band == inf
    assert Group.model_validate(group | {"band": 0.25}).band == 0.25


def test_a_process_of_its_own_is_the_same_program() -> None:
    own = Result.model_validate(made(1)).cells[FIRST]
    other = own.model_copy(update={"id": "x", "again": True, "steps_per_s": 1.0})
    assert own.same_as(other)
    for name in set(Cell.model_fields) - {"id", "again", "steps_per_s"}:
        another: Any = 99 if name == "batch_size" else "another"
        assert not own.same_as(other.model_copy(update={name: another})), name


def test_blocks_of_cells_that_have_no_line_are_kept() -> None:
    """A cell that failed later has blocks and no line; one without a block is no cell."""
    content = made(1, cells=2)
    gone = content["summary"].pop(0)
    found = Result.model_validate(content)
    assert len(found.timings[gone["id"]]) == 10
    assert gone["id"] not in found.cells
    content["benchmarks"] = []
    assert Result.model_validate(content).cells == {}


def test_the_widest_band_of_a_group_counts() -> None:
    content = made(1, band=0.03)
    for change in ({"workload": "x"}, {"precision": "float64"}, {"batch_size": 9}, {}):
        content["comparisons"].append(content["comparisons"][0] | {"band": 0.5} | change)
        wanted = 0.03 if change else 0.5
        assert Result.model_validate(content).band(FIRST) == wanted
