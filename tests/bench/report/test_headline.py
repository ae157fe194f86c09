"""The first screen: where it was measured, who is ahead, what is left out; and its picture."""

from math import inf
from typing import Any

import pytest

from bench.report import headline
from bench.report.headline import answers, excluded, machine, noise, standalone
from bench.report.style import COLOURS
from tests.bench.report.parts_of_results import (
    against,
    cell,
    compared,
    data,
    drawings,
    made,
    timed,
)

A, B = cell("flax_nnx", "compiled", 200.0), cell("pytorch", "eager", 100.0)
C, D = cell("pytorch", "compiled", 50.0), cell("pytorch", "multistep", 20.0)
TOLD = {
    "cpu": "an abacus",
    "cpus_usable": 2,
    "gpu": {"name": "a card"},
    "time_utc": "2026-11-21T10:35:38",
    "git_revision": "0123456789ab",
}


def run(*versus: Any, **of: Any) -> Any:
    return made(A, B, C, D, comparisons=[compared(A, *versus, **of)])


def test_the_machine_is_told_in_a_line() -> None:
    benchmarks = timed(A, 1.0, device="cuda") + timed(B, 1.0, device="cpu")
    result = made(provenance=TOLD, benchmarks=benchmarks)
    line = "on cpu, cuda, a card, an abacus, 2 CPUs, 2026-11-21, revision 01234567"
    assert machine(result) == line
    result = made(provenance=TOLD, benchmarks=timed(A, 1.0))
    assert machine(result) == "on cpu, an abacus, 2 CPUs, 2026-11-21, revision 01234567"


def test_what_is_not_known_of_a_machine_is_left_out() -> None:
    assert machine(made()) == ""
    unknown = dict.fromkeys(TOLD)
    benchmarks = timed(A, 1.0, device="cuda")
    assert machine(made(provenance=unknown, benchmarks=benchmarks)) == "on cuda"
    assert machine(made(provenance={"cpus_usable": 1})) == "1 CPUs"


def test_noise_is_told_of_the_noisy_groups_only() -> None:
    noisy = [
        compared(cell(workload=w), too_noisy=True, band=b) for w, b in (("x", 0.256), ("y", 1))
    ]
    (said,) = noise(made(comparisons=[noisy[0], compared(A), noisy[1]]))
    assert "as much as: x, float32, batch 8: 26%; y, float32, batch 8: 100%. Smaller" in said
    assert noise(made(comparisons=[compared(A)])) == noise(made()) == []


def test_an_answer_is_the_groups_sentences_without_noise(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = drawings(monkeypatch, headline)
    ratio, other = against(B, 0.5), cell("x", workload="other")
    result = run(ratio, against(C, 0.25), too_noisy=True, band=0.25)
    result["summary"].append(other)
    result["comparisons"].insert(0, compared(other))
    alone, found = answers(result)
    assert (alone.title, found.title) == ("other, float32, batch 8", "gan, float32, batch 8")
    assert alone.words == ["x eager has nothing to be compared with."]
    assert found.words[0] == "flax_nnx compiled is ahead."
    assert len(found.words) == 2
    assert [one.title for one in drawn] == [
        f"{one.title}: speed relative to the fastest" for one in (alone, found)
    ]
    assert drawn[1].words.startswith("flax_nnx compiled: 1.00; pytorch eager: 0.50 [")
    assert (alone.svg, found.svg) == ("drawing 1", "drawing 2")
    assert drawn[1].style == ""
    assert answers(run(ratio))[0].words[0] == "flax_nnx compiled is ahead."


def test_a_point_has_an_interval_from_five_blocks_on(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = drawings(monkeypatch, headline)
    answers(run(against(B, 0.5, 5), against(C, 0.25, 4), against(D, None, 0)))
    # The fastest itself has no blocks against itself.
    assert drawn[0].words == (
        "flax_nnx compiled: 1.00; pytorch eager: 0.50 [0.45, 0.55]; pytorch compiled: 0.25"
    )
    points = data(drawn[0].chart)
    assert [p["low"] for p in points] == [None, 0.45, None]
    assert [p["high"] for p in points] == [None, 0.55, None]
    assert [p["solid"] for p in points] == [True, True, False]
    assert [p["value"] for p in points] == [1.0, 0.5, 0.25]
    assert [p["row"] for p in points] == ["flax_nnx", "pytorch", "pytorch"]


@pytest.mark.parametrize(("band", "start"), [(0.25, 0.8), (0.0, 1.0), (1.0, 0.5), (inf, 0.0)])
def test_the_band_begins_where_a_difference_could_be_claimed(
    band: float, start: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn = drawings(monkeypatch, headline)
    answers(run(against(B, 0.5), band=band))
    area = drawn[0].chart["layer"][0]
    assert area["mark"]["type"] == "rect"
    (ends,) = drawn[0].chart["datasets"][area["data"]["name"]]
    assert ends == {"from": start, "to": 1.0}
    x = area["encoding"]["x"]
    assert (x["axis"]["format"], x["axis"]["title"]) == (".1~f", headline.UNIT)


def test_a_group_that_nothing_is_said_of_has_an_empty_panel(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    drawn = drawings(monkeypatch, headline)
    standalone([made(A)])
    (panel,) = drawn[0].chart["vconcat"][0]["concat"]
    area = panel["layer"][0]["data"]["name"]
    assert drawn[0].chart["datasets"][area] == [{"from": 1.0, "to": 1.0}]
    assert drawn[0].words == "gan, float32, batch 8: "


def test_all_that_is_left_out_has_its_line() -> None:
    absent = {"row": "pytorch", "mode": "multistep", "reason": "never: by design: no"}
    failed = {"id": "x", "stage": "proof", "error": "\n too far\nTraceback"}
    costs = {"failed": "Timeout: " + "y" * 300 + "\nmore"}
    result = made(
        A,
        B | {"cost": costs},
        C | {"cost": {"failed": None}},
        D | {"cost": costs, "again": True},
        missing_rows={"torch_xla": "not installed"},
        absent=[
            absent | {"label": "a"},
            absent | {"label": "b"},
            absent | {"row": "flax_nnx", "label": "c", "reason": "notyet: soon"},
        ],
        diverged=[{"workload": "wild", "error": "at 3"}],
        failures=[failed],
    )
    assert excluded(result) == [
        "Row torch_xla was not there: not installed.",
        "3 cells do not exist, by declaration: pytorch multistep (never) on a, b; flax_nnx "
        "multistep (notyet) on c.",
        "wild: this GAN diverges: at 3; its cells have no speed.",
        "x failed (proof), so it has no speed: too far",
        f"{B['id']}: its costs are not all known: Timeout: {'y' * 191}",
    ]
    assert excluded(made(A, missing_rows=None)) == []


def test_the_picture_has_a_row_of_panels_for_each_run(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = drawings(monkeypatch, headline)
    one, two = run(against(B, 0.5)), made(B, provenance=TOLD, comparisons=[compared(B)])
    assert standalone([one, made(), two]) == "drawing 1"
    (whole,) = drawn
    assert whole.style == COLOURS
    assert whole.words == (
        "gan, float32, batch 8: flax_nnx compiled: 1.00; pytorch eager: 0.50 [0.45, 0.55]. "
        "gan, float32, batch 8: pytorch eager: 1.00"
    )
    assert whole.chart["background"] == "var(--paper)"
    runs = whole.chart["vconcat"]
    assert [run["title"]["text"] for run in runs] == [
        "",
        "an abacus, 2 CPUs, 2026-11-21, revision 01234567",
    ]
    assert [[panel["title"] for panel in run["concat"]] for run in runs] == [
        ["gan, float32, batch 8"],
        ["gan, float32, batch 8"],
    ]
    assert [run["columns"] for run in runs] == [3, 3]
    assert whole.chart["title"]["text"] == whole.title
    assert "95 % intervals" in whole.title


def test_nothing_measured_has_no_picture() -> None:
    assert standalone([]) is None
    assert standalone([made(), made()]) is None
