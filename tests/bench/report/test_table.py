"""A run's table and what is said below it: order, numbers, and which sentences appear when."""

from typing import Any

import pytest

from bench.report import table
from bench.report.table import fitted, show, show_group
from bench.results.verdicts import group_of
from tests.bench.report.parts_of_results import (
    against,
    cell,
    compared,
    made,
    printed,
    styled,
)

FAST = cell("flax_nnx", "compiled", 2000.0, updates_per_s=1000.0, images_per_s=999.5)
SLOW = cell("pytorch", "eager", 12.345, spread=0.126, first_step_s=1.234, proof_share=0.0123)
GROUP = group_of(FAST)


def run(**other: Any) -> Any:
    return made(SLOW, FAST, comparisons=[compared(FAST, against(SLOW, 0.5))]) | other


def said(result: Any, width: int = 200) -> list[str]:
    return printed(lambda to: show(to, result), width)


def words(line: str) -> list[str]:
    return [word.strip() for word in line.strip("| \u2502").replace("\u2502", "|").split("|")]


def tabled(result: Any, name: str) -> list[str]:
    (line,) = (words(line) for line in said(result) if name in words(line))
    return line


def test_the_fastest_comes_first_and_each_number_is_its_own() -> None:
    lines = said(run())
    assert lines[0].strip() == "gan, float32, batch 8, cpu"
    found = [words(line) for line in lines if {"flax_nnx", "pytorch"} & set(words(line))]
    assert found == [
        [
            *("flax_nnx", "compiled", "2,000", "5%", "1", "1,000", "999.5", "25%"),
            *("2.00 s", "50.0%", "native"),
        ],
        [
            *("pytorch", "eager", "12.35", "13%", "0.500 [0.450, 0.550]", "24.69", "98.76"),
            *("25%", "1.23 s", "1.2%", "native"),
        ],
    ]


@pytest.mark.parametrize(
    ("ratio", "shown"),
    [
        (against(SLOW, 0.5, 5), "0.500 [0.450, 0.550]"),
        (against(SLOW, 0.5, 6), "0.500 [0.450, 0.550]"),
        (against(SLOW, 0.5, 4), "0.50"),
        (against(SLOW, None, 0), "-"),
    ],
)
def test_a_ratio_has_an_interval_from_five_blocks_on(ratio: Any, shown: str) -> None:
    result = run(comparisons=[compared(FAST, ratio | {"verdict": "no difference shown"})])
    assert tabled(result, "pytorch")[4] == shown


def test_a_proof_that_rounding_alone_explains_has_a_star_that_is_explained() -> None:
    starred = run(summary=[SLOW | {"proof_sensitive": True}, FAST])
    assert tabled(starred, "pytorch")[9] == "1.2%*"
    assert tabled(starred, "flax_nnx")[9] == "50.0%"
    assert [line for line in said(starred) if line.startswith("*: rounding in float32")]
    assert not [line for line in said(run()) if line.startswith("*:")]


def test_recognised_proofs_are_counted() -> None:
    kept = SLOW | {"proof": "recognised"}
    result = run(summary=[kept, FAST | {"proof": "proved"}])
    assert [line for line in said(result) if line.startswith("1 of 2 cells: proof recognised")]
    assert not [line for line in said(run()) if "recognised" in line]


def test_the_second_timing_of_a_cell_is_no_line_and_is_not_counted() -> None:
    again = FAST | {"id": FAST["id"] + "-again", "again": True, "call_s": 9.0}
    again |= {"proof": "recognised", "proof_sensitive": True}
    lines = said(run(summary=[SLOW, FAST, again]))
    assert sum("flax_nnx" in words(line) for line in lines) == 1
    assert lines[-1].startswith("2 cells measured, 0 cells declared absent")
    assert not [line for line in lines if "recognised" in line or "*" in line or "9000" in line]


def test_the_largest_share_and_call_of_the_harness_are_said() -> None:
    cells = [
        SLOW | {"overhead_share": 0.00125, "call_s": 0.001},
        FAST | {"overhead_share": 0.0005, "call_s": 0.0025},
    ]
    (line,) = (one for one in said(run(summary=cells)) if one.startswith("An empty round"))
    assert line.startswith("An empty round takes 0.1250% of a round at most")
    assert "2.50 ms at most" in " ".join(said(run(summary=cells)))
    assert not [one for one in said(made()) if one.startswith("An empty round")]


@pytest.mark.parametrize("name", ["clocks_differ", "device_clock_differs"])
@pytest.mark.parametrize(
    ("differ", "shown"), [(0.02, "+2.0%"), (-0.02, "-2.0%"), (0.01, ""), (-0.01, ""), (0.0, "")]
)
def test_clocks_that_differ_by_more_than_a_hundredth_are_said(
    name: str, differ: float, shown: str
) -> None:
    lines = said(run(summary=[SLOW | {name: differ}, FAST]))
    found = [line for line in lines if "clock" in line and line.startswith(SLOW["id"])]
    whose = "the caller's clock" if name == "clocks_differ" else "the device's own"
    assert [line.endswith(f" by {shown}") and whose in line for line in found] == [True] * bool(
        shown
    )
    assert not [line for line in lines if line.startswith(FAST["id"])]


def test_what_a_narrow_terminal_leaves_out_is_said_once() -> None:
    other = cell("pytorch", "eager", 5.0, workload="other")
    result = run(summary=[SLOW, FAST, other])
    result["comparisons"].append(compared(other))
    text = " ".join(said(result, 110))
    assert text.count("Left out of this narrow terminal: draws, first step, optimizer.") == 1
    text = " ".join(said(result, 95))
    left_out = "draws, first step, optimizer, updates/s, images/s."
    assert f"Left out of this narrow terminal: {left_out}" in text
    assert "Left out" not in " ".join(said(result))


def test_absent_cells_of_one_reason_are_one_line() -> None:
    one = {"row": "pytorch", "mode": "multistep", "reason": "never: no"}
    absent = [
        one | {"label": "gan"},
        one | {"label": "other"},
        one | {"label": "third", "reason": "notyet: soon"},
    ]
    lines = said(run(absent=absent))
    assert [line for line in lines if line.startswith("absent")] == [
        "absent pytorch multistep (gan, other): never: no",
        "absent pytorch multistep (third): notyet: soon",
    ]
    assert "3 cells declared absent with reason" in lines[-1]


def test_failures_controls_and_divergence_are_told_before_the_count() -> None:
    result = run(
        failures=[{"id": "x", "stage": "proof", "error": "too far"}],
        controls=[{"id": "fine", "error": None}, {"id": "jax", "error": "not installed"}],
        diverged=[
            {"workload": "wild", "error": "at 3"},
            {"workload": "wild", "error": "at 4"},
            {"workload": "other", "error": "at 5"},
        ],
    )
    lines = said(result)
    told = [line for line in lines if line.startswith(("wild", "other", "failed", "control"))]
    assert told == [
        "wild: this GAN diverges: at 3",
        "other: this GAN diverges: at 5",
        "failed x: proof: too far",
        "control jax: not installed; compare does without it",
    ]
    assert lines[-5:-1] == told
    assert lines[-1] == (
        "2 cells measured, 0 cells declared absent with reason, 1 failed, 3 diverge"
    )
    assert said(run())[-1].endswith(", 0 failed")


def test_what_went_wrong_is_red_and_the_count_is_bold() -> None:
    failed = {"id": "x", "stage": "proof", "error": "too far"}
    result = run(failures=[failed], diverged=[{"workload": "gan", "error": "at 3"}])
    text = styled(lambda to: show(to, result))
    assert "\x1b[1;31mfailed x" in text
    assert "\x1b[1;31mgan: this GAN diverges" in text
    assert "\x1b[1m2 cells measured" in text
    assert "\x1b[2miterations/s: median" in text
    assert "\x1b[1;31mgan: this GAN" in styled(lambda to: show_group(to, result, GROUP))


def test_a_group_has_its_own_table_sentences_and_divergence() -> None:
    other = cell("keras3-jax", "eager", 50.0, workload="other", batch_size=9)
    result = run(summary=[SLOW, other, FAST], diverged=[{"workload": "gan", "error": "at 3"}])
    result["comparisons"].insert(0, compared(other))
    lines = printed(lambda to: show_group(to, result, GROUP))
    assert lines[0].strip() == "gan, float32, batch 8, cpu"
    assert len([line for line in lines if "0.500 [0.450, 0.550]" in line]) == 1
    assert lines[-2:] == [
        "flax_nnx compiled is 2.00 times [1.82, 2.22] as fast as pytorch eager.",
        "gan: this GAN diverges: at 3",
    ]
    lines = printed(lambda to: show_group(to, result, group_of(other)))
    assert lines[0].strip() == "other, float32, batch 9, cpu"
    assert lines[-1] == "keras3-jax eager has nothing to be compared with."
    assert printed(lambda to: show_group(to, result, ("none", "float32", 8))) == []


def test_each_group_of_a_run_has_its_table_and_sentences() -> None:
    other = cell("keras3-jax", "eager", 50.0, precision="float64")
    result = run(summary=[SLOW, other, FAST])
    result["comparisons"].append(compared(other))
    lines = said(result)
    titles = [line.strip() for line in lines if line.strip().startswith("gan, ")]
    assert titles == ["gan, float32, batch 8, cpu", "gan, float64, batch 8, cpu"]
    assert lines.count("keras3-jax eager has nothing to be compared with.") == 1


def test_the_table_that_would_be_printed() -> None:
    found: list[Any] = []

    def note(to: Any) -> None:
        found.extend(fitted(to, run(), group) for group in (GROUP, ("none", "float32", 8)))

    printed(note)
    assert found[1] is None
    assert found[0].row_count == 2
    assert str(found[0].title) == "gan, float32, batch 8, cpu"
    left = [str(column.header) for column in found[0].columns if column.justify == "left"]
    assert left == ["row", "mode", "optimizer"]
    printed(note, 75)
    assert len(found[0].columns) - len(found[2].columns) == 5
    printed(note, 20)
    assert found[4] is None


def test_columns_of_the_printed_table_end_at_the_right_but_for_names() -> None:
    lines = [line for line in said(run()) if {"flax_nnx", "pytorch"} & set(words(line))]
    fast, slow = (line.replace("\u2502", "|") for line in lines)
    assert fast.index("2,000") + 5 == slow.index("12.35") + 5
    assert fast.index("999.5") + 5 == slow.index("98.76") + 5
    assert fast.index("flax_nnx") == slow.index("pytorch")
    assert table.LEFT[0] == "row"
