"""Results read from files: the versions that are read, what has no bounds, checks beside them."""

import json
from math import inf
from pathlib import Path
from typing import Any

import pytest

from bench.report.reading import conformance, read, read_all
from spec.errors import UserError
from tests.bench.report.parts_of_results import against, cell, compared, made
from tests.bench.report.sample import CHECK

CELL = cell()
RESULT = made(CELL, gantlet_schema=4)


def written(path: Path, content: Any) -> Path:
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(content), encoding="utf-8")
    return path


def refused(path: Path) -> str:
    with pytest.raises(UserError) as raised:
        read(path)
    return str(raised.value).removeprefix(f"{path}: ")


@pytest.mark.parametrize("schema", [2, 3, 4])
def test_results_of_all_versions_from_the_oldest_on_are_read(schema: int, tmp_path: Path) -> None:
    found = read(written(tmp_path / "r.json", RESULT | {"gantlet_schema": schema}))
    assert found["gantlet_schema"] == schema
    assert found["summary"] == [CELL]


@pytest.mark.parametrize(
    ("schema", "advice"),
    [(0, "again"), (1, "again"), (5, "update"), (-1, "update"), (2.5, "update"), ("3", "update")],
)
def test_other_versions_are_refused_with_advice(schema: Any, advice: str, tmp_path: Path) -> None:
    said = refused(written(tmp_path / "r.json", RESULT | {"gantlet_schema": schema}))
    assert said.startswith(f"gantlet_schema is {schema!r}; this version reads 2 to 4")
    assert {"again": "run the benchmark again", "update": "update Gantlet"}[advice] in said


@pytest.mark.parametrize(
    "name", ["summary", "comparisons", "absent", "failures", "benchmarks", "provenance"]
)
def test_each_part_is_needed_and_of_its_kind(name: str, tmp_path: Path) -> None:
    kind = "dict" if name == "provenance" else "list"
    for wrong in (RESULT | {name: "text"}, {k: v for k, v in RESULT.items() if k != name}):
        said = refused(written(tmp_path / "r.json", wrong))
        assert said == f"{name} is missing or no {kind}; give a whole result"


@pytest.mark.parametrize("name", [name for name in CELL if name != "call_s"])
def test_each_number_of_a_cell_is_needed(name: str, tmp_path: Path) -> None:
    half = {k: v for k, v in CELL.items() if k != name}
    said = refused(written(tmp_path / "r.json", RESULT | {"summary": [CELL, half]}))
    assert said == f"summary[1] has no {name}; give a whole result"


def test_a_cell_that_is_no_mapping_is_refused(tmp_path: Path) -> None:
    said = refused(written(tmp_path / "r.json", RESULT | {"summary": ["id row"]}))
    assert said.startswith("summary[0] has no id")


def test_null_is_a_bound_that_is_not_there(tmp_path: Path) -> None:
    open_ = against(CELL, 0.5) | {"high": None}
    group = compared(CELL, open_, against(CELL, 0.5), against(CELL, None, 0), band=None)
    group["same_twice"] = {"x": open_}
    bounded = compared(CELL, against(CELL, 0.5), band=0.25)
    bare = {"band": None, "same_twice": None}
    path = written(tmp_path / "r.json", RESULT | {"comparisons": [group, bounded, bare]})
    one, two, three = read(path)["comparisons"]
    assert [one["band"], two["band"], three["band"]] == [inf, 0.25, inf]
    assert [ratio["high"] for ratio in one["versus"]] == [inf, 0.55, None]
    assert one["same_twice"]["x"]["high"] == inf
    assert two["versus"][0]["high"] == 0.55


def test_what_older_files_hold_of_the_environment_is_not_shown(tmp_path: Path) -> None:
    told = {"cpu": "an abacus", "gpu_processes": [{"pid": 1, "memory_bytes": 5}]}
    found = read(written(tmp_path / "r.json", RESULT | {"provenance": told}))
    counted = {"count": 1, "memory_bytes": 5}
    assert found["provenance"] == {"cpu": "an abacus", "gpu_processes": counted}


def test_a_text_is_cleaned_of_the_home_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", "/somebody/at/home")
    failure = {"id": "x", "stage": "proof", "error": "no /somebody/at/home/file"}
    path = written(tmp_path / "r.json", RESULT | {"failures": [failure]})
    assert read(path)["failures"][0]["error"] == "no ~/file"
    checks = written(tmp_path / "checks" / "a.json", [CHECK | {"why": "no /somebody/at/home/x"}])
    assert conformance(checks.parent)[0]["why"] == "no ~/x"


def test_checks_stand_with_the_first_result_of_their_folder(tmp_path: Path) -> None:
    paths = [written(tmp_path / f"{i % 2}" / f"{i}.json", RESULT) for i in range(4)]
    for name in ("0", "1"):
        written(tmp_path / name / "conformance" / "c.json", [CHECK | {"check": name}])
    found = [[one["check"] for one in result["conformance"]] for result in read_all(paths)]
    assert found == [["0"], ["1"], [], []]
    folder = tmp_path / "1" / "conformance"
    found = [[one["check"] for one in of["conformance"]] for of in read_all(paths, folder)]
    assert found == [["1"], [], [], []]


def test_checks_of_a_folder_are_by_file_name_and_other_files_are_no_checks(tmp_path: Path) -> None:
    for name in ("b", "a"):
        written(tmp_path / f"{name}.json", [CHECK | {"check": name}, CHECK])
    (tmp_path / "note.txt").write_text("no JSON", encoding="utf-8")
    names = [check["check"] for check in conformance(tmp_path)]
    assert names == ["a", "check_losses", "b", "check_losses"]
    assert conformance(tmp_path / "nowhere") == []


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        "text",
        [CHECK, "text"],
        [CHECK, {"check": 1}],
        *([{k: v for k, v in CHECK.items() if k != n}] for n in list(CHECK)[:6]),
    ],
)
def test_a_list_with_anything_but_checks_is_refused(wrong: Any, tmp_path: Path) -> None:
    path = written(tmp_path / "c.json", wrong)
    with pytest.raises(UserError, match="no list of checks") as raised:
        conformance(tmp_path)
    assert str(raised.value).startswith(f"{path}: ")


def test_the_place_where_a_file_is_cut_short_is_named(tmp_path: Path) -> None:
    path = tmp_path / "r.json"
    path.write_text('{\n"a": 1,\n', encoding="utf-8")
    assert "(line 3: " in refused(path)
    path.write_bytes(b'{"a": "\xff"}')
    assert refused(path).startswith("not UTF-8")
    assert refused(tmp_path / "nowhere.json").startswith("cannot be read: No such file")


def test_letters_of_any_language_are_read_whatever_the_locale(tmp_path: Path) -> None:
    path = tmp_path / "r.json"
    content = RESULT | {"provenance": {"cpu": "\u00e1bacus"}}
    path.write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")
    assert read(path)["provenance"]["cpu"] == "\u00e1bacus"
