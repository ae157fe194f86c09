"""Lines of code and installing: counted by hand in folders that a test makes."""

from pathlib import Path

import pytest

import backends
from bench.report import effort
from tests.bench.report.parts_of_results import cell, made, shown

SOURCE = "# a comment\n\nx = 1\n    # another\n   \ny = 2  # three\n"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(effort, "ROOT", tmp_path)
    monkeypatch.setattr(backends, "names", lambda: ("plain", "two-one", "two-other", "two-p"))
    for path, lines in (
        ("plain/state.py", 2),
        ("plain/__init__.py", 1),
        ("plain/extra.py", 4),
        ("two/networks.py", 1),
        ("two/engine_one.py", 3),
        ("two/engine_other.py", 5),
    ):
        target = tmp_path / "backends" / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text("# \u00e9\n\n" + "x = 1\n" * lines, encoding="utf-8")
    (tmp_path / "backends" / "plain" / "notes.txt").write_text("x\n", encoding="utf-8")
    return tmp_path


def test_blank_lines_and_comments_are_no_code(folder: Path) -> None:
    (folder / "backends" / "plain" / "state.py").write_text(SOURCE, encoding="utf-8")
    assert effort.lines_of_code("plain") == {"__init__": 1, "extra": 4, "state": 2}


def test_a_row_has_its_own_engines_lines_only(folder: Path) -> None:
    assert effort.lines_of_code("two-one") == {"networks": 1, "engine": 3}
    assert effort.lines_of_code("two-other") == {"networks": 1, "engine": 5}
    assert effort.lines_of_code("two-p") == {"networks": 1}  # no file for this engine
    assert effort.lines_of_code("unknown") == effort.lines_of_code("two") == {}


def test_rows_have_their_total_first_and_unknown_rows_no_line(folder: Path) -> None:
    section = effort.effort(made(cell("two-one"), cell("plain"), cell("unknown")))
    assert section is not None
    (table,) = section.tables
    names = ("networks", "training", "optimizers", "state", "draws", "device", "__init__")
    files = [f"{name}.py" for name in names]
    assert table.columns == ("row", "lines of code", *files, "engine")
    assert shown(table) == [
        ["plain", "7", *("0", "0", "0", "2", "0", "0", "1"), "0"],
        ["two-one", "4", *("1", "0", "0", "0", "0", "0", "0"), "3"],
    ]
    assert [value.key for value in table.lines[0][:2]] == ["plain", 7]
    assert not table.folded
    assert len(section.words) == 1


def test_what_installing_takes_is_told_without_lines_of_code_too(folder: Path) -> None:
    installs = {"unknown": {"install_s": 12.5, "install_bytes": 2**31}}
    section = effort.effort(made(cell("unknown"), installs=installs))
    assert section is not None
    (table,) = section.tables
    assert (table.caption, table.columns) == ("Installing", ("row", "time", "size"))
    assert shown(table) == [["unknown", "12.5 s", "2.00 GiB"]]
    assert [value.key for value in table.lines[0]] == ["unknown", 12.5, 2**31]
    assert (table.folded, section.words) == (False, [])
    both = effort.effort(made(cell("plain"), installs=installs))
    assert both is not None
    assert [table.caption for table in both.tables] == ["Lines of code", "Installing"]
    assert effort.effort(made(cell("unknown"), installs=None)) is None
