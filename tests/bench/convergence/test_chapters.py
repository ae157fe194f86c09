"""What a page says of times to a target: all that was measured, and of the censored too."""

import re
from collections.abc import Iterator
from math import inf
from pathlib import Path
from typing import Any

import pytest
from altair.utils.schemapi import debug_mode

from bench.convergence import chapters, comparing, results, table
from bench.convergence import page as own
from bench.convergence.comparing import Pair
from bench.convergence.reaching import by_row
from bench.convergence.results import OfWorkload, Result
from bench.report import page
from bench.report.parts import text
from spec.errors import UserError
from tests.bench.convergence.made import changed, of_workload
from tests.bench.convergence.test_comparing import BASE, NEAR, TWICE
from tests.bench.report.markup import Parsed
from tests.bench.report.sample import HOSTILE, small

LATE = [*NEAR[:8], inf, inf]
SITTING: dict[str, Any] = {
    "time_utc": "2026-11-30T10:42:09+00:00",
    "cpu": "a processor",
    "gpu": {"name": "a card", "driver": "1"},
    "git_revision": "abcdef",
    "load_average": [2.46, 0.5, 1],
}


@pytest.fixture(autouse=True)
def _without_vega_lites_schema() -> Iterator[None]:
    """As the command draws; test_charts.py holds the charts against it."""
    with debug_mode(False):
        yield


def result(*sittings: dict[str, Any], **workloads: OfWorkload) -> Result:
    return Result(sittings=list(sittings), workloads=workloads)


def shown(*found: Result) -> Parsed:
    """The page of these alone."""
    given = {f"{i}.json": one for i, one in enumerate(found)}
    return Parsed(page.render([], chapters.of(given)))


def of(**times: list[float]) -> Parsed:
    return shown(result(SITTING, settles=of_workload(**times)))


def test_a_page_of_times_alone() -> None:
    parsed = of(base=BASE, twice=TWICE)
    assert "Time to target Time to target: settles" in parsed.words
    assert "Gantlet: time to target" in parsed.words
    assert "Which framework" not in parsed.words
    for section in ("reached", "pairs", "origin"):
        assert f"target1-{section}" in parsed.attributes("id")
        assert f"#target1-{section}" in parsed.attributes("href")
    assert not re.findall(r"\b(?:None|nan|inf)\b", parsed.words)


def test_what_the_target_is_is_said() -> None:
    found = of_workload(base=BASE)
    target = changed(set={"data.hold_out": 0.2})
    found = found.model_copy(update={"target": target, "put": {"schedule.batch_size": 4}})
    words = shown(result(a=found)).words
    assert "Target: mean_error below 0.1 and std_error below 0.1, held for 2 evaluations" in words
    assert "one in 10 iterations; 1,000 at most." in words
    assert "Put into the file: data.hold_out = 0.2, schedule.batch_size = 4." in words
    assert "Why: a test's" in words
    assert "Put into the file" not in of(base=BASE).words


def test_each_row_has_its_share_its_times_and_its_quality() -> None:
    words = of(base=BASE).words
    line = "base float32 10 of 10 72% to 100% 280 (220 to 350) 2.8 (2.2 to 3.5) 2 0.05 0.05"
    assert line in words
    assert "iterations seconds first chunk, s mean_error at the end std_error at the end" in words
    assert chapters.HOW in words


def test_trainings_that_never_came_there_are_counted() -> None:
    """In the share, in the median and in words; also where there is no other row."""
    parsed = of(late=LATE)
    assert "late float32 8 of 10 49% to 94% 295 (220 to not reached)" in parsed.words
    assert "The target was not reached: late in 2 of 10 trainings." in parsed.words
    assert "is censored: it counts in the share" in parsed.words
    assert "late: 8 of 10" in parsed.words  # the drawing in words
    assert "not reached" not in of(base=BASE).words
    never = of(never=[inf] * 10)
    assert "never float32 0 of 10 0% to 28% not reached (not reached to not reached)" in never.words
    assert "inf" in never.attributes("data-key")


def test_pairs_have_their_verdicts_and_what_so_many_seeds_can_show() -> None:
    words = of(base=BASE, near=NEAR, late=LATE).words
    assert "base near 10 1 0.989 to 1.02 1.03 1.03 equivalent within a factor 1.25" in words
    assert "base late 10 not shown: in 2 of 10 pairs one did not reach it" in words
    assert "With 10 seeds an equivalence is shown, 4 times of 5, within a factor 1.0" in words
    assert "this is within the margin of 1.25." in words
    assert "Rows compared" not in of(base=BASE).words


def test_numbers_sort_as_numbers() -> None:
    parsed = of(base=BASE, twice=TWICE)
    keys = [of["data-key"] for tag, of in parsed.elements if tag == "td" and "class" in of]
    assert {"280.0", "570.0", "1.0", "2.0"} <= set(keys)


def test_where_it_was_measured_is_said_of_each_run() -> None:
    parsed = shown(result(SITTING, {"cpu": "another"}, a=of_workload(base=BASE)))
    first = "Run: 2026-11-30T10:42:09+00:00, on a processor, with a card, revision abcdef, load"
    assert f"{first} 2.5 0.5 1." in parsed.words
    assert "Run: on another." in parsed.words
    assert "Machine and run 2" in parsed.words
    assert "base compiled float32 cpu" in parsed.words
    assert "Spec hash 0." in parsed.words


def test_versions_of_each_row_are_said() -> None:
    found = of_workload(base=BASE)
    found.rows["base"].backend["versions"] = {"torch": "2.13.0", "numpy": "2"}
    assert "base compiled float32 cpu torch 2.13.0, numpy 2" in shown(result(a=found)).words
    found.rows["base"].backend["versions"] = ["a list"]
    assert "base compiled float32 cpu" in shown(result(a=found)).words


def test_a_workload_without_a_training_says_so() -> None:
    parsed = of()
    assert chapters.NONE in parsed.words
    assert "mean_error below 0.1" in parsed.words
    assert "target1-reached" not in parsed.attributes("id")
    assert chapters.NONE not in of(base=BASE).words


def test_each_workload_of_each_file_has_a_chapter_with_its_name() -> None:
    one = result(a=of_workload(base=BASE), b=of_workload(base=TWICE))
    parsed = shown(one, result(a=of_workload(base=NEAR)))
    for title in ("a, 0.json", "b, 0.json", "a, 1.json"):
        assert f"Time to target: {title}" in parsed.words
    assert {"target1", "target2", "target3"} <= set(parsed.attributes("id"))
    assert "0.json" not in shown(one).words


def written(path: Path, found: Result) -> Path:
    results.write(path, found)
    return path


def test_files_of_one_name_are_told_apart(tmp_path: Path) -> None:
    found = result(a=of_workload(base=BASE))
    names = ("x/a.json", "y/a.json", "a.json #2", "z/a.json")
    read = chapters.read([written(tmp_path / name, found) for name in names])
    assert list(read) == ["a.json", "a.json #2", "a.json #2 #2", "a.json #3"]


def test_a_file_of_no_workload_is_one_line(tmp_path: Path) -> None:
    path = written(tmp_path / "a.json", result())
    with pytest.raises(UserError, match="of no workload; give another one") as told:
        chapters.read([path])
    assert str(told.value).startswith(f"{path}: ")


def test_rows_have_the_colours_of_the_results() -> None:
    """Those of a full result where there is none."""
    found = {"a.json": result(a=of_workload(pytorch=BASE))}

    def colours(*rows: str) -> set[str]:
        sections = [one for chapter in chapters.of(found, rows) for one in chapter.sections]
        drawn = "".join(figure.svg for one in sections for figure in one.figures)
        return set(re.findall(r"var\(--row\d\)", drawn))

    assert colours() == {"var(--row4)"}
    assert colours("pytorch") == {"var(--row1)"}
    assert colours("flax_nnx", "pytorch") == {"var(--row2)"}


def test_names_stay_text_and_nothing_is_loaded(tmp_path: Path) -> None:
    found = of_workload(base=BASE)
    found = found.model_copy(update={"target": changed(reason=HOSTILE), "put": {HOSTILE: HOSTILE}})
    found.rows["base"].backend["versions"] = {HOSTILE: HOSTILE}
    sitting = {"cpu": HOSTILE, HOSTILE: HOSTILE}
    path = written(
        tmp_path / f"{HOSTILE.replace('/', '')}.json", result(sitting, **{HOSTILE: found})
    )
    text = page.render([], chapters.of(chapters.read([path, path])))
    parsed = Parsed(text)
    assert parsed.count("script") == 1
    assert "alert" not in parsed.script
    assert parsed.words.count(HOSTILE) > 10
    assert not re.findall(r"url\(|@import|https?://(?!www\.w3\.org/)", text)


def test_no_path_and_no_secret_gets_onto_the_page(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sitting = SITTING | {"cpu": f"{Path.home()}/cpu hunter2hunter2"}
    path = written(tmp_path / "a.json", result(sitting, a=of_workload(base=BASE)))
    path.write_text(path.read_text("utf-8").replace("***", "hunter2hunter2"), encoding="utf-8")
    monkeypatch.setenv("MY_PASSWORD", "hunter2hunter2")
    text = page.render([], chapters.of(chapters.read([path])))
    assert "hunter2" not in text
    assert str(Path.home()) not in text.replace("~", "")
    assert str(tmp_path) not in text
    assert "~/cpu ***" in text


def test_results_come_first_and_lead_to_each_kind() -> None:
    found = chapters.of({"a.json": result(a=of_workload(base=BASE), b=of_workload(base=BASE))})
    parsed = Parsed(page.render([small()], found))
    assert "Which framework trains this GAN fastest?" in parsed.words
    assert parsed.attributes("href").count("#target1") == 1
    assert "#target2" not in parsed.attributes("href")
    ids = parsed.attributes("id")
    assert ids.index("run1-provenance") < ids.index("target1") < ids.index("target2-origin")


def test_the_command_s_own_page_has_the_rows_of_another_result_too(tmp_path: Path) -> None:
    found, other = result(SITTING, a=of_workload(base=TWICE)), of_workload(base=BASE)
    pairs: list[Pair] = comparing.against(
        by_row(found.workloads["a"]), by_row(other), 1.25, "other.json"
    )
    path = own.write(tmp_path / "one.json", found, {"a": pairs})
    assert path == tmp_path / "one.html"
    words = Parsed(path.read_text(encoding="utf-8")).words
    assert "base of other.json base 10 2" in words
    assert "one.json" not in words
    alone = own.write(tmp_path / "one.json", found, {}).read_text(encoding="utf-8")
    assert alone == page.render([], chapters.of({"one.json": found}))


def test_values_stand_under_their_own_names_in_whichever_order_a_row_has_them() -> None:
    first = {"one": text("1"), "other": text("2")}
    made = table.of("t", [first, dict(reversed(first.items()))])
    assert made.columns == ("one", "other")
    assert made.lines == [[text("1"), text("2")]] * 2
