"""A record is JSON that any program reads, cleaned, and whole."""

import json
from math import inf, nan
from pathlib import Path

import pytest

from bench.plan.records import read_all, strict, write_atomically


def test_a_record_is_lines_of_json(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b" / "one.json"
    for value in (1, 2):  # its folder is made where it is missing, and used where it is there
        write_atomically(path, {"a": [value, "\xe9"], "b": {"c": inf}})
        expected = f'{{\n "a": [\n  {value},\n  "\\u00e9"\n ],\n "b": {{\n  "c": null\n }}\n}}\n'
        assert path.read_bytes() == expected.encode()
    assert [one.name for one in path.parent.iterdir()] == ["one.json"]


def test_what_cannot_be_written_leaves_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "one.json"
    write_atomically(path, {"a": 1})
    with pytest.raises(TypeError):
        write_atomically(path, {"a": object()})
    assert read_all(tmp_path) == [{"a": 1}]


def test_a_record_holds_no_secret(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "s3cr3t-7f1c")
    write_atomically(tmp_path / "one.json", {"a": ["it is s3cr3t-7f1c"]})
    assert read_all(tmp_path) == [{"a": ["it is ***"]}]


def test_numbers_that_are_not_finite_are_null_and_all_else_stays() -> None:
    content = {"a": (nan, [inf, -inf, 0.0, -1.5]), "b": {"c": nan}, "d": [1, True, None, "nan"]}
    found = strict(content)
    assert found == {
        "a": [None, [None, None, 0.0, -1.5]],
        "b": {"c": None},
        "d": [1, True, None, "nan"],
    }
    assert json.dumps(found, allow_nan=False)


def test_records_are_read_by_name_and_nothing_else_is(tmp_path: Path) -> None:
    for name in ("c", "a", "b"):
        (tmp_path / f"{name}.json").write_text(f'"{name} \xe9"', encoding="utf-8")
    (tmp_path / "notes.txt").write_text("no JSON", encoding="utf-8")
    assert read_all(tmp_path) == ["a \xe9", "b \xe9", "c \xe9"]
    assert read_all(tmp_path / "absent") == []
