"""What the page says of trainings: all of it, in words that fit, and nothing else."""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from altair.utils.schemapi import debug_mode

from bench.report import page
from bench.training.side_by_side import chapters, moments
from bench.training.side_by_side.pictures import Budget
from spec.errors import UserError
from tests.bench.report.markup import Parsed
from tests.bench.report.sample import HOSTILE, small
from tests.bench.training.side_by_side.made import DIGITS, JUDGED, LINES, made

FURTHER = [(32, {"d_loss": 1.25, "d_x": 0.5}), (64, {"d_loss": 0.5, "d_x": 0.5})]
ROWS = np.linspace(0, 1, 20 * 30).reshape(20, 30)
NUMBERS: dict[str, Any] = {
    "of": {64: {"generator": ROWS}},
    "beside": {"x": ROWS * 2, "generator/z": ROWS},
}


@pytest.fixture(autouse=True)
def _without_vega_lites_schema() -> Iterator[None]:
    """As the command draws; test_charts.py holds the charts against it."""
    with debug_mode(False):
        yield


def shown(folder: Path, *of: Mapping[str, Any]) -> Parsed:
    """The page of trainings alone."""
    folders = [made(folder / str(i), **others) for i, others in enumerate(of)]
    return Parsed(page.render([], chapters.of(folders)))


def two(folder: Path, **others: Any) -> Parsed:
    second = {"row": "pytorch", "lines": FURTHER}
    return shown(folder, others, second | others)


def images(parsed: Parsed) -> list[str]:
    return [str(of["alt"]) for tag, of in parsed.elements if tag == "img"]


def test_a_page_of_trainings_alone(tmp_path: Path) -> None:
    parsed = two(tmp_path)
    assert "Trainings of mlp_square, batch 64, seed 0, spec draws" in parsed.words
    for section in ("curves", "samples", "quality-generator"):
        assert f"trainings1-{section}" in parsed.attributes("id")
        assert f"#trainings1-{section}" in parsed.attributes("href")
    assert "Which framework" not in parsed.words
    assert "aaaaaaaaaaaa." in parsed.words
    assert "flax_nnx compiled float32 cpu 64 of 64 8 s" in parsed.words
    assert not re.findall(r"\b(?:None|nan|inf)\b", parsed.words)


def test_the_same_draws_have_their_differences(tmp_path: Path) -> None:
    parsed = two(tmp_path)
    assert chapters.SAME in parsed.words
    assert chapters.OWN not in parsed.words
    assert "d_loss 2.0e-01 2.0e-01 32 2" in parsed.words
    assert "d_x 0.0e+00 3.3e-01 64 2" in parsed.words


def test_own_draws_differ_by_chance(tmp_path: Path) -> None:
    parsed = two(tmp_path, draws="own")
    assert chapters.OWN in parsed.words
    assert chapters.SAME not in parsed.words
    assert "How far the curves are apart" not in parsed.words


def test_one_alone_is_compared_with_none(tmp_path: Path) -> None:
    parsed = shown(tmp_path, {})
    assert "No other training may be compared with this one." in parsed.words
    assert chapters.SAME not in parsed.words
    assert "How far the curves are apart" not in parsed.words


def test_samples_of_each_row_stand_side_by_side(tmp_path: Path) -> None:
    parsed = two(tmp_path)
    assert images(parsed) == ["x: real samples"] + [
        f"generator in {row} after {i} iterations"
        for i in (0, 32, 64)
        for row in ("flax_nnx", "pytorch")
    ]
    assert all(uri.startswith("data:image/png;base64,") for uri in parsed.attributes("src"))
    assert "Black is -1 and white 1" in parsed.words
    assert "generator: 3 of the 3 iterations at which all have some." in parsed.words


def test_an_unfinished_one_is_shown_as_far_as_it_goes(tmp_path: Path) -> None:
    begun = {"row": "pytorch", "lines": LINES[:1], "quality": None}
    parsed = shown(tmp_path / "a", {}, begun)
    assert "pytorch is unfinished: it has come to 32 of 64 iterations." in parsed.words
    assert "flax_nnx is unfinished" not in parsed.words
    assert "pytorch: not measured, as it is unfinished." in parsed.words
    assert "generator in flax_nnx after 64 iterations" not in images(parsed)
    assert "generator in flax_nnx after 32 iterations" in images(parsed)
    nothing: dict[str, Any] = {"row": "pytorch", "lines": (), "of": {}, "quality": None}
    parsed = shown(tmp_path / "b", {}, nothing)
    assert "pytorch is unfinished: it has come to 0 of 64 iterations." in parsed.words
    assert "pytorch has no samples." in parsed.words
    assert "generator in flax_nnx after 64 iterations" in images(parsed)
    parsed = shown(tmp_path / "c", nothing)
    assert "There is no iteration at which all have samples." in parsed.words
    longer = {"iterations": 96}
    assert "flax_nnx: measured at an earlier end, from which it has gone on." in (
        shown(tmp_path / "d", longer).words
    )
    assert "flax_nnx: not measured." in shown(tmp_path / "e", {"quality": None}, {}).words


def test_older_numbers_are_told_by_the_iteration_they_are_of(tmp_path: Path) -> None:
    of = {i: {"generator": JUDGED["generator"] | {"iteration": i}} for i in (32, 64)}
    old = {"iterations": 96, "quality": of[32]}  # as far as 64
    minutes = {"iterations": 96, "row": "pytorch", "quality": of[64]}
    words = shown(tmp_path / "a", old, minutes).words
    assert "flax_nnx: measured after 32 iterations, from which it has gone on." in words
    assert words.count("from which it has gone on") == 1
    bad = {"generator": {"outcome": "not finite", "iteration": 32}}
    words = shown(tmp_path / "b", {"quality": bad}, {}).words
    assert "flax_nnx: not finite after 32 iterations, from which it has gone on." in words


def test_quality_has_a_column_for_each_row_and_held_out_and_noise_once(tmp_path: Path) -> None:
    parsed = two(tmp_path)
    value, beside, noise = "0.25 (0.125 to 0.5)", "0.0625 (0.0312 to 0.0938)", "2 (1.5 to 2.5)"
    assert f"precision {value} {value} {beside} {noise}" in parsed.words
    assert "measure flax_nnx pytorch held out noise" in parsed.words
    assert (
        "90 generated samples, as many held-out ones and as much noise, each beside 91 other"
        in (parsed.words)
    )
    assert "The classifier names 87.5 % of the held-out samples rightly." in parsed.words
    assert chapters.INTERVALS in parsed.words


def changed(old: str, new: str) -> Any:
    text = json.dumps(JUDGED)
    assert old in text
    return json.loads(text.replace(old, new))


def test_what_is_held_out_is_told_for_each_where_it_differs(tmp_path: Path) -> None:
    other = {"row": "pytorch", "quality": changed("0.0625", "0.0875")}
    assert (
        "0.0625 (0.0312 to 0.0938); 0.0875 (0.0312 to 0.0938)" in shown(tmp_path, {}, other).words
    )


def test_what_was_not_measured_says_why(tmp_path: Path) -> None:
    outcome = {"generator": {"outcome": f"not measured: {HOSTILE}", "counts": {"given": {}}}}
    parsed = shown(tmp_path / "a", {}, {"row": "pytorch", "quality": outcome})
    assert f"pytorch: not measured: {HOSTILE}." in parsed.words
    assert "measure flax_nnx held out noise" in parsed.words
    undefined = changed('"low": 0.125', '"low": null')
    assert "precision undefined 0.0625" in shown(tmp_path / "b", {"quality": undefined}).words
    few = changed('"accurate": true', '"accurate": false')
    assert "rightly, too few to trust what is said of classes." in (
        shown(tmp_path / "c", {"quality": few}).words
    )
    parsed = shown(tmp_path / "d", {"quality": outcome})
    assert "measure best" not in parsed.words


def test_measures_are_explained_once(tmp_path: Path) -> None:
    parsed = shown(tmp_path, {}, {"seed": 1})
    assert parsed.words.count("Samples that look like no real one.") == 1
    assert {"trainings1-curves", "trainings2-curves"} <= set(parsed.attributes("id"))
    unknown = changed("precision", "their_own")
    parsed = shown(tmp_path / "b", {"quality": unknown})
    assert "their_own 0.25" in parsed.words
    assert "What each measure can show" not in parsed.words


def test_rows_of_numbers_have_a_histogram_each(tmp_path: Path) -> None:
    parsed = shown(tmp_path / "a", NUMBERS, NUMBERS | {"row": "pytorch"})
    assert "After 64 iterations, the last at which all have samples." in parsed.words
    for row in ("flax_nnx", "pytorch"):
        assert f"Numbers of generator in {row} mean 0.5, deviation 0.289" in parsed.words
    assert not images(parsed)
    alone = {"of": NUMBERS["of"], "beside": {"generator/z": ROWS}}
    assert "They are neither images nor rows of numbers" in shown(tmp_path / "b", alone).words


def test_images_without_real_ones_are_not_shown(tmp_path: Path) -> None:
    parsed = shown(tmp_path, {"beside": {"generator/z": ROWS}})
    assert "nobody knows black and white" in parsed.words
    assert not images(parsed)


def test_a_page_has_room_for_so_many_grids(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Fewer lines, then no table; the first and the last stay."""
    monkeypatch.setattr(chapters, "Budget", lambda: Budget(5))
    parsed = shown(tmp_path, {}, {"row": "pytorch"}, {"seed": 1}, {"seed": 2})
    assert images(parsed) == [
        "x: real samples",
        *(
            f"generator in {row} after {i} iterations"
            for i in (0, 64)
            for row in ("flax_nnx", "pytorch")
        ),
        "x: real samples",
        "generator in flax_nnx after 64 iterations",
    ]
    assert "generator: 2 of the 3 iterations at which all have some." in parsed.words
    assert "generator: 1 of the 3 iterations at which all have some." in parsed.words
    assert "Left out, as the page is full: samples of generator." in parsed.words


def test_so_many_trainings_stand_side_by_side(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(moments, "MOST_COLUMNS", 1)
    parsed = shown(tmp_path, {}, {"row": "pytorch"})
    assert "Left out, as there is room for 1: pytorch." in parsed.words
    assert not [words for words in images(parsed) if "pytorch" in words]
    monkeypatch.setattr(chapters, "MOST_TRAININGS", 1)
    with pytest.raises(UserError, match="given 2 trainings; a page has 1 at most: leave some out"):
        chapters.of([tmp_path / "0", tmp_path / "1"])


@pytest.mark.parametrize("array", [DIGITS, ROWS])
def test_so_many_networks_have_samples(tmp_path: Path, array: Any) -> None:
    names = [f"n{i}" for i in range(6)]
    beside = {"x": array} | {f"{name}/z": ROWS for name in names}
    parsed = shown(tmp_path, {"of": {64: dict.fromkeys(names, array)}, "beside": beside})
    assert "Left out, as there is room for 4: n4, n5." in parsed.words
    found = " ".join(images(parsed)) + parsed.words
    assert [bool(re.search(rf"{name} (in|of) flax_nnx", found)) for name in names] == (
        [True] * 4 + [False] * 2
    )


def test_so_many_metrics_have_a_chart(tmp_path: Path) -> None:
    lines = [(64, {f"m{i}": 1.0 for i in range(14)})]
    assert "Left out, as there is room for 12 charts: m12, m13." in (
        shown(tmp_path, {"lines": lines}).words
    )


def test_names_stay_text_and_nothing_is_loaded(tmp_path: Path) -> None:
    text = page.render([], chapters.of([made(tmp_path / "a", label=HOSTILE)]))
    parsed = Parsed(text)
    assert parsed.count("script") == 1
    assert "alert" not in parsed.script
    assert parsed.words.count(HOSTILE) == 1
    assert not {"link", "iframe", "object", "embed"} & {tag for tag, _ in parsed.elements}
    assert not re.findall(r"url\(|@import|https?://(?!www\.w3\.org/)", text)


def test_images_are_allowed_where_there_are_some(tmp_path: Path) -> None:
    """And from the page itself alone."""

    def policy(parsed: Parsed) -> str:
        (found,) = [value for value in parsed.attributes("content") if "default-src" in value]
        return found

    assert policy(shown(tmp_path / "a", {})).endswith("; img-src data:")
    for none in (shown(tmp_path / "b", NUMBERS), Parsed(page.render([small()]))):
        assert "default-src 'none'" in policy(none)
        assert "img-src" not in policy(none)


def test_no_path_and_no_secret_gets_onto_the_page(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MY_PASSWORD", "hunter2hunter2")
    label = f"{Path.home()}/gan hunter2hunter2"
    outcome = {"generator": {"outcome": f"not measured: {Path.home()}/x hunter2hunter2"}}
    folder = made(tmp_path / "a", label=label, quality=outcome)
    text = page.render([], chapters.of([folder]))
    assert "hunter2" not in text
    assert str(Path.home()) not in text.replace("~", "")
    assert str(tmp_path) not in text
    assert "/somewhere/python" not in text
    assert "~/gan ***" in text


def test_charts_and_images_are_told_in_words(tmp_path: Path) -> None:
    parsed = two(tmp_path)
    assert parsed.count("svg") == parsed.count("desc") == 2
    assert all(of.get("role") == "img" for tag, of in parsed.elements if tag == "svg")
    assert all(images(parsed))
    assert "d_loss by iteration flax_nnx: 1 at 32, 0.5 at 64; pytorch: 1.25 at 32" in parsed.words


def test_rows_have_the_colours_of_the_results(tmp_path: Path) -> None:
    """Those of a full result where there is none."""
    folder = made(tmp_path / "a", "pytorch")

    def colours(*rows: str) -> set[str]:
        sections = [one for chapter in chapters.of([folder], rows) for one in chapter.sections]
        drawn = "".join(figure.svg for one in sections for figure in one.figures if figure.svg)
        return set(re.findall(r"var\(--row\d\)", drawn))

    assert colours() == {"var(--row4)"}
    assert colours("pytorch") == {"var(--row1)"}
    assert colours("flax_nnx", "pytorch") == {"var(--row2)"}


def test_results_come_first(tmp_path: Path) -> None:
    parsed = Parsed(page.render([small()], chapters.of([made(tmp_path / "a")])))
    assert "Which framework trains this GAN fastest?" in parsed.words
    assert "#trainings1" in parsed.attributes("href")
    ids = parsed.attributes("id")
    assert ids.index("run1-provenance") < ids.index("trainings1") < ids.index("trainings1-curves")
