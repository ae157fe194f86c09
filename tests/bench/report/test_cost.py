"""Sections on costs: each number is its own, and without numbers there is no section."""

from typing import Any

import pytest

from bench.report import cost, panels
from tests.bench.report.parts_of_results import cell, data, drawings, made, shown

ONE, TWO = cell("flax_nnx", "compiled"), cell("pytorch", "eager", 50.0)


def run(one: Any, two: Any = None, **other: Any) -> Any:
    return made(ONE | {"cost": one}, TWO | {"cost": two}, **other)


@pytest.mark.parametrize(
    "section", [cost.break_even, cost.memory, cost.energy, cost.latency, cost.ceiling]
)
@pytest.mark.parametrize("costs", [None, {}, {"failed": "memory", "latency_s": None}])
def test_without_numbers_there_is_no_section(section: Any, costs: Any) -> None:
    assert section(run(costs)) is None
    assert section(made(ONE, TWO)) is None


def test_iterations_until_compiling_has_paid(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = drawings(monkeypatch, panels)
    result = run({"break_even_iterations": 1234.5}, {"break_even_iterations": 0.0})
    section = cost.break_even(result)
    assert section is not None
    assert (section.name, section.title) == ("break-even", "Break-even")
    assert [line[-1] for line in shown(section.tables[0])] == ["1,234", "0"]
    # Nothing is 0 on a logarithmic axis.
    assert drawn[0].words == "flax_nnx compiled: 1,234"
    assert drawn[0].title == "gan, float32, batch 8: iterations until the first step has paid"
    x = drawn[0].chart["layer"][1]["encoding"]["x"]
    assert (x["scale"]["type"], x["axis"]["format"]) == ("log", "~s")
    assert [figure.svg for figure in section.figures] == ["drawing 1"]


def test_cells_that_pay_at_once_have_a_table_and_no_figure() -> None:
    section = cost.break_even(run({"break_even_iterations": 0.0}))
    assert section is not None
    assert (len(section.figures), len(section.tables)) == (0, 1)


def test_memory_is_drawn_in_gib_and_says_what_its_peak_is(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = drawings(monkeypatch, panels)
    one = {"peak_memory_bytes": 3 * 2**30, "imported_bytes": 2**20, "peak_memory_kind": "process"}
    two = {"peak_memory_bytes": 2**29, "peak_memory_kind": "allocator"}
    section = cost.memory(run(one, two))
    assert section is not None
    assert [line[-2:] for line in shown(section.tables[0])] == [
        ["3.00 GiB", "1 MiB"],
        ["512 MiB", "-"],
    ]
    assert section.tables[0].columns[-2:] == ("peak", "before training")
    assert [p["value"] for p in data(drawn[0].chart)] == [0.5, 3.0]
    assert drawn[0].words == "pytorch eager: 512 MiB; flax_nnx compiled: 3.00 GiB"
    assert "log" not in str(drawn[0].chart["layer"][1]["encoding"]["x"])
    assert [words[:30] for words in section.words] == [
        "The peak is what the framework",
        "The peak of a process that tra",
    ]


def test_only_kinds_of_peaks_that_were_measured_are_explained() -> None:
    one = {"peak_memory_bytes": 2**30, "peak_memory_kind": "of tomorrow"}
    section = cost.memory(run(one, {"peak_memory_bytes": None, "peak_memory_kind": "process"}))
    assert section is not None
    assert section.words == ["of tomorrow"]


def test_energy_of_an_iteration(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = drawings(monkeypatch, panels)
    section = cost.energy(run({"energy_j_per_iteration": 0.25}, {"energy_j_per_iteration": 0.125}))
    assert section is not None
    assert [line[-1] for line in shown(section.tables[0])] == ["0.25", "0.125"]
    assert section.tables[0].columns[-1] == "joules an iteration"
    assert drawn[0].words == "pytorch eager: 0.125; flax_nnx compiled: 0.25"
    assert drawn[0].title.endswith(": joules an iteration")
    assert section.name == "energy"


def test_latency_has_a_figure_and_a_column_for_each_number_of_samples(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    drawn = drawings(monkeypatch, panels)
    section = cost.latency(
        run({"latency_s": {"64": 0.25, "8": 0.002}}, {"latency_s": {"8": 0.001, "1": 0.0005}})
    )
    assert section is not None
    names = ("1 at a time", "8 at a time", "64 at a time")
    assert section.tables[0].columns[-3:] == names
    assert [line[-3:] for line in shown(section.tables[0])] == [
        ["-", "2 ms", "0.25 s"],
        ["0.5 ms", "1 ms", "-"],
    ]
    titles = [figure.title for figure in section.figures]
    assert titles == [f"gan, float32, batch 8: {name}" for name in names]
    assert [figure.svg for figure in section.figures] == ["drawing 1", "drawing 2", "drawing 3"]
    assert [p["value"] for p in data(drawn[1].chart)] == [1.0, 2.0]
    assert drawn[1].words == "pytorch eager: 1 ms; flax_nnx compiled: 2 ms"
    assert drawn[2].title == "gan, float32, batch 8: milliseconds to generate 64"


def test_the_ceiling_and_who_reached_it(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = drawings(monkeypatch, panels)
    costs = {"gflop_per_s": 31.25, "ceiling_share": 0.25}
    best = {"pytorch": {"gflop_per_s": 125.04, "size": 2048}}
    best |= {"flax_nnx": {"gflop_per_s": 99.0, "size": 512}}
    section = cost.ceiling(run(costs, {"gflop_per_s": 5.0}, ceilings=best))
    assert section is not None
    assert [line[-2:] for line in shown(section.tables[0])] == [["31.25", "25%"], ["5", "-"]]
    assert section.words[1:] == [
        "Best products in GFLOP/s (size): pytorch 125 (2048), flax_nnx 99 (512)."
    ]
    assert drawn[0].words == "flax_nnx compiled: 25%"
    assert drawn[0].chart["layer"][1]["encoding"]["x"]["axis"]["format"].endswith("%")
    without = cost.ceiling(run(costs, ceilings=None))
    assert without is not None
    assert len(without.words) == 1


def test_gflop_per_s_without_a_ceiling_is_a_table_only() -> None:
    section = cost.ceiling(run({"gflop_per_s": 5.0}))
    assert section is not None
    assert (len(section.figures), len(section.tables)) == (0, 1)
