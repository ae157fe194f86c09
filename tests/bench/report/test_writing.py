"""The page and picture as files: where they go, what replaces what, and one line for a failure."""

from pathlib import Path
from typing import Any

import pytest

from bench.report import headline, page, panels, reading, speed, writing
from bench.report.page import SECTIONS, render, write
from bench.report.parts import Chapter
from spec.errors import UserError
from tests.bench.report.markup import Parsed
from tests.bench.report.parts_of_results import cell, compared, drawings, made
from tests.bench.report.sample import whole

A = cell()
RESULT = made(A, comparisons=[compared(A)])


@pytest.fixture
def noted(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What is read and written, in place of doing it."""
    calls: list[Any] = []

    def read_all(files: list[Path], folder: Path | None) -> list[str]:
        calls.append((files, folder))
        return ["result"]

    monkeypatch.setattr(reading, "read_all", read_all)
    monkeypatch.setattr(page, "write", lambda *given: calls.append(given))
    return calls


def test_all_files_and_the_folder_of_checks_go_into_one_page(
    tmp_path: Path, noted: list[Any]
) -> None:
    files, folder = [Path("a.json"), Path("b.json")], Path("checks")
    target = tmp_path / "new" / "folder" / "page.html"
    assert writing.write(files, target, folder) == target
    assert noted == [(files, folder), (["result"], target, [])]
    assert target.parent.is_dir()
    writing.write(files, target)
    assert noted[2][1] is None


def test_what_another_room_adds_is_made_of_the_results(tmp_path: Path, noted: list[Any]) -> None:
    target, chapter = tmp_path / "page.html", Chapter("more", "More", "more")
    writing.write([], target, None, lambda results: noted.append(results) or [chapter])  # type: ignore[func-returns-value, arg-type]
    assert noted[1:] == [["result"], (["result"], target, [chapter])]


def test_a_folder_that_is_a_file_is_one_line(tmp_path: Path, noted: list[Any]) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    target = tmp_path / "file" / "page.html"
    with pytest.raises(UserError, match="cannot write") as raised:
        writing.write([], target)
    assert str(raised.value).startswith(f"cannot write {target}: ")
    assert not str(raised.value).endswith("None")


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (ValueError("\n first line\nsecond"), "first line"),
        (ValueError(), "ValueError"),
        (UserError("wrong file"), "wrong file"),
    ],
)
def test_after_a_run_any_failure_is_one_line(
    error: Exception, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any) -> None:
        raise error

    monkeypatch.setattr(page, "write", fail)
    monkeypatch.setattr(reading, "read_all", lambda *_: [])
    path = Path("somewhere.json")
    expected = f"no page: {said}; `nox -s report -- somewhere.json` writes it"
    assert writing.after_run(path) == expected


def test_after_a_run_its_page_stands_beside_it(tmp_path: Path, noted: list[Any]) -> None:
    path = tmp_path / "result.json"
    assert writing.after_run(path) == f"page: {tmp_path / 'result.html'}"
    assert noted == [([path], None), (["result"], tmp_path / "result.html", [])]


def test_page_and_picture_replace_older_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(page, "render", lambda results, _: f"page of {results} \u00e9")
    monkeypatch.setattr(headline, "standalone", lambda results: f"picture of {results} \u00e9")
    target = tmp_path / "page.html"
    target.write_text("old", encoding="utf-8")
    write(["r"], target)  # type: ignore[list-item]
    assert target.read_text(encoding="utf-8") == "page of ['r'] \u00e9"
    assert (tmp_path / "page.svg").read_text(encoding="utf-8") == "picture of ['r'] \u00e9"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["page.html", "page.svg"]


def test_without_a_picture_there_is_a_page_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(page, "render", lambda *_: "page")
    write([], tmp_path / "page.html")
    assert [path.name for path in tmp_path.iterdir()] == ["page.html"]


def test_every_section_has_a_name_and_a_title_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    drawings(monkeypatch, panels, speed)
    sections = [section for make in SECTIONS if (section := make(whole()))]
    assert len({section.name for section in sections if section.name}) == len(SECTIONS)
    assert len({section.title for section in sections if section.title}) == len(SECTIONS)


def test_runs_are_numbered_from_one_and_sections_stand_in_order(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(headline, "answers", lambda result: [])
    kept = [make for make in SECTIONS if make.__name__ in ("absences", "all_cells", "origin")]
    monkeypatch.setattr(page, "SECTIONS", tuple(kept))
    absent = {"row": "r", "mode": "m", "reason": "never: no", "label": "gan"}
    failed = [{"id": "x", "stage": "proof", "error": "e"}]
    result = RESULT | {"absent": [absent] * 2, "failures": failed * 3}
    shown = Parsed(render([result, made()]))
    ids = [name for name in shown.attributes("id") if name.count("-") == 1]
    assert ids == [
        *("run1-cells", "run1-absent", "run1-provenance"),
        "run2-provenance",
    ]
    assert "1 cells measured, 2 declared absent, 3 failed" in shown.words
    assert "0 cells measured, 0 declared absent, 0 failed" in shown.words
