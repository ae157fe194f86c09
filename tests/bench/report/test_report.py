"""The page of a result: what it says, what it leaves out, and that nothing gets past escaping."""

import base64
import hashlib
import json
import re
import sys
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

import backends
from bench.report import effort, headline, page, plots, reading, writing
from bench.workers.pool import ROOT
from spec.errors import UserError
from tests.bench.commands.test_cli import bench
from tests.bench.report import seen
from tests.bench.report.markup import Parsed, colours_defined, colours_used
from tests.bench.report.sample import CHECK, HOSTILE, SAMPLE, hostile, small, whole

MEASURED_LATER = {"break-even", "memory", "batch-sizes", "latency", "ceiling", "conformance"}


@pytest.fixture(scope="module")
def full() -> Parsed:
    return Parsed(page.render([whole()]))


@pytest.fixture(scope="module")
def plain() -> Parsed:
    return Parsed(page.render([small()]))


def sections(parsed: Parsed) -> set[str]:
    return {name.partition("-")[2] for name in parsed.attributes("id")} - {""}


def test_all_sections_are_there_with_all_numbers(full: Parsed) -> None:
    assert sections(full) >= MEASURED_LATER
    assert len(sections(full)) == len(page.SECTIONS)
    for shown in ("1,234", "1.50 GiB", "30 ms", "25%", "126", "858 MiB", "512 MiB", "7.89 s"):
        assert shown in full.words, shown
    assert "eager: failed" in full.words


def test_the_page_shows_what_was_seen() -> None:
    """Each word, number and chart; `python -m tests.bench.report.seen` writes them anew."""
    assert seen.lines() == seen.FILE.read_text(encoding="utf-8").splitlines()


def test_sections_without_numbers_are_left_out(plain: Parsed) -> None:
    assert not sections(plain) & MEASURED_LATER
    assert sections(plain) >= {"speeds", "cells", "first-step", "blocks", "proof", "provenance"}
    assert not re.findall(r"\b(?:None|nan|inf)\b", plain.words)


def test_the_first_screen_says_noise_first_and_then_who_is_ahead(plain: Parsed) -> None:
    noise = plain.words.index("too noisy for small differences")
    answer = plain.words.index("No difference shown between keras3-jax compiled")
    assert noise < answer < plain.words.index("Iterations per second")
    assert (
        "keras3-jax compiled is 22.19 times [9.46, 52.01] as fast as pytorch compiled"
        in plain.words
    )
    assert "pytorch multistep (never) on mlp_square" in plain.words


def test_what_is_excluded_is_said(full: Parsed) -> None:
    assert "mlp_square-x failed (proof), so it has no speed: too far" in full.words
    assert "its costs are not all known: Timeout: memory" in full.words
    assert "and a traceback" not in full.words
    assert "Row torch_xla was not there: not installed" in full.words


def test_a_picture_holds_each_cell_with_its_interval() -> None:
    (answer,) = headline.answers(small())
    texts = "\n".join(element.text or "" for element in ElementTree.fromstring(answer.svg).iter())
    for cell in small()["summary"]:
        if not cell["again"]:
            assert f"{cell['row']} {cell['mode']}" in texts
    assert "0.05 [0.02, 0.11]" in texts


def test_few_blocks_have_no_interval() -> None:
    result = small()
    for numbers in result["comparisons"][0]["versus"]:
        numbers["blocks"] = 2
    (answer,) = headline.answers(result)
    assert "0.05" in answer.svg
    assert "[0.02" not in answer.svg


def test_rows_differ_by_shape_and_by_colour() -> None:
    assert len(set(plots.SHAPES)) == len(set(plots.COLOURS)) >= len(backends.names())


def test_names_from_a_file_stay_text(tmp_path: Path) -> None:
    page.write([hostile()], tmp_path / "page.html")
    shown = Parsed((tmp_path / "page.html").read_text(encoding="utf-8"))
    picture = ElementTree.parse(tmp_path / "page.svg").getroot()
    assert shown.count("script") == 1
    assert "alert" not in shown.script
    assert not [tag for tag in picture.iter() if tag.tag.endswith("script")]
    named = [e.text for e in picture.iter() if e.tag.endswith("}text") and HOSTILE in str(e.text)]
    assert named
    assert shown.words.count(HOSTILE) > 100


def test_the_page_loads_nothing(full: Parsed) -> None:
    assert not {"img", "link", "iframe", "object", "embed"} & {tag for tag, _ in full.elements}
    assert not full.attributes("src") + full.attributes("xlink:href")
    assert all(link.startswith("#") for link in full.attributes("href"))
    text = page.render([small()])
    assert not re.findall(r"url\(|@import|https?://(?!www\.w3\.org/|github\.com/)", text)


def test_only_its_own_script_may_run(full: Parsed) -> None:
    digest = base64.b64encode(hashlib.sha256(full.script.encode()).digest()).decode()
    (policy,) = [value for value in full.attributes("content") if "default-src" in value]
    assert f"script-src 'sha256-{digest}'" in policy
    assert "default-src 'none'" in policy


def test_pictures_have_a_title_and_a_description(plain: Parsed) -> None:
    assert plain.count("svg") == plain.count("desc") > 3
    assert all(of.get("role") == "img" for tag, of in plain.elements if tag == "svg")


def test_a_run_without_a_single_cell_has_a_page(tmp_path: Path) -> None:
    result = whole() | {"summary": [], "comparisons": [], "benchmarks": []}
    page.write([result], tmp_path / "page.html")
    shown = Parsed((tmp_path / "page.html").read_text(encoding="utf-8"))
    assert "0 cells measured, 1 declared absent, 1 failed" in shown.words
    assert not (tmp_path / "page.svg").exists()


def test_a_row_has_its_own_engine_only() -> None:
    counts = effort.lines_of_code("keras3-jax")
    source = (ROOT / "backends" / "keras3" / "engine_jax.py").read_text(encoding="utf-8")
    lines = [line.strip() for line in source.splitlines()]
    assert counts["engine"] == sum(bool(line) and line[0] != "#" for line in lines)
    assert "engine" not in effort.lines_of_code("pytorch")
    assert effort.lines_of_code("../spec") == {}


def written(tmp_path: Path, content: Any) -> Path:
    path = tmp_path / "result.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return path


WRONG = {
    "cut short": ('{"gantlet_schema": 2, "summ', "cut short"),
    "empty": ("", "cut short"),
    "too deep": ("[" * 100_000, "nested too deeply"),
    "a number of 5000 digits": (f'{{"gantlet_schema": {"9" * 5000}}}', "too many digits"),
    "pytest-benchmark's own": ({"benchmarks": [], "version": "5.1"}, "has no gantlet_schema"),
    "a list": ([1, 2], "has no gantlet_schema; give a JSON file that `bench run` or `converge`"),
    "newer": ({"gantlet_schema": 99}, "update Gantlet"),
    "older": ({"gantlet_schema": 1}, "run the benchmark again"),
    "no number": ({"gantlet_schema": "two"}, "'two'"),
    "without fields": ({"gantlet_schema": 2, "summary": []}, "comparisons is missing"),
    "with half a cell": (small() | {"summary": [{"id": "x"}]}, "summary[0] has no row"),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_files(name: str, tmp_path: Path) -> None:
    content, expected = WRONG[name]
    path = written(tmp_path, content)
    with pytest.raises(UserError) as raised:
        reading.read(path)
    assert expected in str(raised.value)
    assert str(raised.value).startswith(f"{path}: ")
    assert "\n" not in str(raised.value)


def test_wrong_files_end_the_command_with_one_line(tmp_path: Path) -> None:
    for path in (written(tmp_path, "{"), tmp_path / "nowhere.json"):
        done = bench("report", str(path))
        assert done.returncode == 2
        assert len(done.stderr.splitlines()) == 1
        assert str(path) in done.stderr


def test_the_command_writes_page_and_picture_beside_the_first_file(tmp_path: Path) -> None:
    first = written(tmp_path, small())
    done = bench("report", str(first), str(SAMPLE))
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == f"page: {tmp_path / 'result.html'}"
    shown = Parsed((tmp_path / "result.html").read_text(encoding="utf-8"))
    assert {"run1-cells", "run2-cells"} <= set(shown.attributes("id"))
    ElementTree.parse(tmp_path / "result.svg")


def test_checks_beside_a_result_are_shown_once(tmp_path: Path) -> None:
    path = written(tmp_path, small())
    (tmp_path / "conformance").mkdir()
    checks = tmp_path / "conformance" / "pytorch.json"
    checks.write_text(json.dumps([CHECK]), encoding="utf-8")
    first, second = reading.read_all([path, path])
    assert (first["conformance"], second["conformance"]) == ([CHECK], [])
    checks.write_text('[{"no": "check"}]', encoding="utf-8")
    with pytest.raises(UserError, match="no list of checks"):
        reading.read_all([path])


def test_a_run_ends_with_its_page(tmp_path: Path) -> None:
    path = written(tmp_path, small())
    assert writing.after_run(path) == f"page: {tmp_path / 'result.html'}"


def test_a_page_that_fails_costs_a_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = written(tmp_path, small())
    (tmp_path / "result.html").mkdir()  # in the way of the page
    assert writing.after_run(path).startswith("no page: cannot write")
    monkeypatch.delitem(sys.modules, "bench.report.page")
    monkeypatch.delitem(sys.modules, "jinja2")
    monkeypatch.delattr("bench.report.page")
    monkeypatch.setitem(sys.modules, "jinja2", None)
    said = writing.after_run(path)
    assert "jinja2, which is not installed" in said
    assert f"nox -s report -- {path}" in said


def test_each_colour_that_a_page_uses_is_defined_in_it() -> None:
    text = page.render([whole()])
    assert "--row1" in colours_used(text) <= colours_defined(text)
