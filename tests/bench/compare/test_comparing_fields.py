"""Every field of a comparison, worked out by NumPy and SciPy from the results that it is of."""

from typing import Any

import numpy as np
import pytest
from scipy import stats

from bench.compare.calibration import Calibration, Machine, machine_of
from bench.compare.comparing import UNPAIRED, Comparison, compare, limit_of
from bench.compare.differences import FAILED
from bench.results.reading import Result
from spec.errors import UserError
from tests.bench.compare.made import CONTROLS, made, result
from tests.bench.compare.test_calibration import at, seconds_of

NOTHING = Calibration()
CELL, SECOND = (f"gan-pytorch-mode{i}-float32-b8" for i in range(2))


def of_machine(sd: float, runs: int) -> Machine:
    more: dict[str, Any] = {"cells": 1, "git_revision": None, "time_utc": "2026"}
    return Machine(sd_normalised=sd, sd_raw=9.0, runs=runs, **more)


def logs_of(content: dict[str, Any], cell: str) -> np.ndarray:
    """A cell's log speeds by the yardstick, of each block."""
    times = seconds_of(content)
    return np.asarray(np.mean([np.log(times[c]) for c in CONTROLS], axis=0) - np.log(times[cell]))


@pytest.mark.parametrize("elsewhere", [False, True])
def test_a_ratio_and_its_interval(elsewhere: bool) -> None:
    """Means of a side's runs; each side's part of what its machine's runs vary by."""
    olds = [made(i, cells=2, blocks=8 + i, noise=0.02) for i in range(2)]
    news = [made(10 + i, cells=2, slowed={1: 1.2}, noise=0.03) for i in range(3)]
    old = [Result.model_validate(one) for one in olds]
    new = [at(one, **({"cpu": "two abaci"} if elsewhere else {})) for one in news]
    machines = {machine_of(old[0]): of_machine(0.03, 6)}
    machines |= {machine_of(new[0]): of_machine(0.02, 9)} if elsewhere else {}
    found = compare(old, new, Calibration(machines=machines))
    terms = [(0.03**2 / 2, 5), (0.02**2 / 3, 8)] if elsewhere else [(0.03**2 * (1 / 2 + 1 / 3), 5)]
    for cell, change in zip((CELL, SECOND), found.changes, strict=True):
        sides, parts = [[logs_of(one, cell) for one in of] for of in (olds, news)], list(terms)
        for side in sides:
            own = [(np.var(x, ddof=1) / x.size / len(side) ** 2, x.size - 1) for x in side]
            total = sum(v for v, _ in own)
            parts.append((total, total**2 / sum(v**2 / f for v, f in own)))
        total = sum(v for v, _ in parts)
        freedom = total**2 / sum(v**2 / f for v, f in parts)
        value = np.mean([x.mean() for x in sides[1]]) - np.mean([x.mean() for x in sides[0]])
        half = stats.t.ppf(0.975, freedom) * np.sqrt(total)
        ratio = change.ratio
        assert np.log([ratio.value, ratio.low, ratio.high]) == pytest.approx(
            [value, value - half, value + half], rel=1e-9
        )
        assert ratio.blocks == min(8 + 9, 30)
    assert [(t.variance, t.freedom) for t in found.run_to_run] == (
        [(pytest.approx(9e-4), 5), (pytest.approx(4e-4), 8)] if elsewhere else [(9e-4, 5)]
    )
    assert (found.runs, found.unrecorded, found.limit) == ((2, 3), [], None)


def test_what_is_known_of_one_machine_alone_is_not_used() -> None:
    there = at(made(2), cpu="two abaci")
    names = machine_of(result(1)), machine_of(there)
    for known in (0, 1):
        recorded = Calibration(machines={names[known]: of_machine(0.1, 5)})
        found = compare([result(1)], [there], recorded)
        assert (found.run_to_run, found.unrecorded) == ([], [names[1 - known]])
    assert compare([result(1)], [there], NOTHING).unrecorded == list(names)
    assert compare([result(1)], [result(2)], NOTHING).unrecorded == [names[0]]


def test_without_controls_the_raw_standard_deviation_counts() -> None:
    bare = [Result.model_validate(made(i) | {"controls": []}) for i in range(2)]
    recorded = Calibration(machines={machine_of(bare[0]): of_machine(0.1, 5)})
    (term,) = compare(bare[:1], bare[1:], recorded).run_to_run
    assert term.variance == 81.0


def test_speeds_as_measured_are_geometric_means_and_bands_medians() -> None:
    old = [result(i, band=band) for i, band in enumerate((0.03, 0.09, 0.04))]
    new = [result(10 + i, machine=2.0, band=band) for i, band in enumerate((0.06, 0.01))]
    (change,) = compare(old, new, NOTHING, 0.01).changes
    assert change.old_per_s == pytest.approx(
        stats.gmean([run.cells[CELL].steps_per_s for run in old])
    )
    assert change.new_per_s == pytest.approx(
        stats.gmean([run.cells[CELL].steps_per_s for run in new])
    )
    assert change.band == 0.04
    (change,) = compare(new, old, NOTHING, 0.01).changes
    assert change.band == 0.04
    assert compare([result(1, band=0.0)], [result(2, band=0.0)], NOTHING).changes[0].band == 0.02


def test_cells_are_named_by_what_tells_them_apart() -> None:
    old, new = made(1, cells=2), made(2, cells=2)
    sides = [[Result.model_validate(content)] for content in (old, new)]
    names = [change.name for change in compare(sides[0], sides[1], NOTHING).changes]
    assert names == ["gan pytorch mode0", "gan pytorch mode1"]
    for content in (old, new):
        content["summary"][1] |= {"mode": "mode0", "batch_size": 16}
    found = compare([Result.model_validate(old)], [Result.model_validate(new)], NOTHING)
    assert [change.name for change in found.changes] == [change.id for change in found.changes]
    assert [change.id for change in found.changes] == [CELL, SECOND]


def test_a_cell_without_a_block_in_common_with_a_control_is_left_out() -> None:
    """On either side; the other cell is compared."""
    lacking, whole = made(1, cells=2), result(2, cells=2)
    for benchmark in lacking["benchmarks"][:10]:
        benchmark["params"]["block"] += 100
    one = Result.model_validate(lacking)
    for old, new in ((one, whole), (whole, one)):
        found = compare([old], [new], NOTHING)
        assert [change.id for change in found.changes] == [SECOND]
        assert found.not_compared == {UNPAIRED: [CELL]}


def of_groups(seed: int, groups: dict[str, dict[int, dict[int, float]]]) -> Result:
    """A run whose controls were timed as it says."""
    content = made(seed)
    for control in content["controls"]:
        del control["blocks"]
        control["groups"] = groups
    return Result.model_validate(content)


def test_the_controls_say_how_fast_a_machine_is() -> None:
    """The mean over blocks and groups of log speeds, then over runs."""
    old = of_groups(1, {"gan-float32-b8": {0: {0: 0.1}, 1: {0: 0.2}}, "x": {0: {0: 0.4}}})
    new = [
        of_groups(2, {"gan-float32-b8": {0: {0: 0.1}}}),
        of_groups(3, {"gan-float32-b8": {0: {0: 0.3}}}),
    ]
    before = -(np.log([0.1, 0.2]).mean() + np.log(0.4)) / 2
    after = -np.log([0.1, 0.3]).mean()
    found = compare([old], new, NOTHING)
    assert found.machine == pytest.approx(np.exp(after - before))
    assert compare(new, [old], NOTHING).machine == pytest.approx(np.exp(before - after))
    empty = of_groups(4, {"gan-float32-b8": {}})
    assert compare([old], [empty], NOTHING).machine is None
    assert compare([empty], [old], NOTHING).machine is None
    assert compare([old], [empty, new[0]], NOTHING).machine is None


def compared(limit: float | None, over: bool, reason: str) -> Comparison:
    (change,) = compare(
        [result(1)], [result(2, slowed={0: 1.5 if over else 1.0})], NOTHING, 0.05
    ).changes
    assert change.over_limit is over
    return Comparison((1, 1), [], [], None, [], [], [change], {reason: ["x"]}, limit)


@pytest.mark.parametrize(
    ("limit", "over", "reason", "fails"),
    [
        (None, False, FAILED, False),
        (0.05, False, FAILED, True),
        (0.0, False, FAILED, True),
        (0.05, False, "only in OLD", False),
        (0.05, True, "only in OLD", True),
        (0.05, True, FAILED, True),
    ],
)
def test_a_comparison_fails_by_what_is_slower_or_broken_under_a_limit(
    limit: float | None, over: bool, reason: str, fails: bool
) -> None:
    assert compared(limit, over, reason).fails is fails


def test_over_a_limit_is_beyond_limit_and_band() -> None:
    quiet = {"noise": 1e-4, "drift": 0.0}
    for slowed, band, over in ((1.12, 0.02, True), (1.08, 0.02, False), (1.12, 0.2, False)):
        new = result(2, slowed={0: slowed}, band=band, **quiet)
        found = compare([result(1, **quiet)], [new], NOTHING, 0.1)
        assert (found.changes[0].over_limit, found.limit) == (over, 0.1)
    new = result(2, slowed={0: 1.5}, **quiet)
    assert not compare([result(1, **quiet)], [new], NOTHING).changes[0].over_limit


def test_warnings_of_each_side_are_in_order() -> None:
    """Noise is the median of a side's runs, and said above 5 % alone; specs are counted."""
    old = [at(made(1, cells=3, band=0.08)), at(made(2, cells=3, band=0.2), git_dirty=True)]
    content = made(3, cells=3, band=0.05)
    for benchmark in content["benchmarks"][:20]:
        benchmark["extra_info"]["spec_hash"] = "other"
    found = compare(old, [Result.model_validate(content)], NOTHING)
    assert found.warnings == [
        "OLD had uncommitted changes",
        "OLD was too noisy, the same program twice differed by 14%",
        "2 cells have another spec",
    ]
    noisy = made(3)
    noisy["comparisons"] += [noisy["comparisons"][0] | {"workload": "another", "band": 0.3}]
    (said,) = compare([result(1)], [Result.model_validate(noisy)], NOTHING).warnings
    assert said == "NEW was too noisy, the same program twice differed by 30%"
    bare = Result.model_validate(made(3) | {"comparisons": []})
    assert compare([bare], [result(1)], NOTHING).warnings == []


def test_a_limit_is_a_share() -> None:
    assert [limit_of(given) for given in (None, "0%", "5%", "12.5%")] == [None, 0.0, 0.05, 0.125]


def test_of_two_devices_a_limit_is_refused_and_no_verdict_given() -> None:
    content = made(2, cells=2, slowed={0: 3.0, 1: 3.0})
    content["summary"][1]["device"] = "cuda"
    new = Result.model_validate(content)
    verdicts = [c.verdict for c in compare([result(1, cells=2)], [new], NOTHING).changes]
    assert verdicts == ["slower", "another device"]
    with pytest.raises(UserError, match="OLD ran on cpu, NEW on cuda"):
        compare([result(1, cells=2)], [new], NOTHING, 0.05)


def test_another_processor_may_be_judged_by_controls() -> None:
    there = at(made(2), cpu="two abaci")
    assert compare([result(1)], [there], NOTHING, 0.05).changes[0].verdict == "no difference shown"
