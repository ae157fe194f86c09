"""A change between two runs is named, the machine's own changes are not."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import ttest_ind

from bench.compare import comparing
from bench.compare.calibration import Calibration, calibrate, machine_of, read_calibration, record
from bench.compare.comparing import Comparison
from bench.results.reading import Result
from bench.results.statistics import LogSpeed, Term, mean_speed, ratio_between
from spec.errors import UserError
from tests.bench.compare.made import BLOCKS, made, result

NOTHING = Calibration()
LIMIT = 0.05


def compare(
    old: Result, new: Result, recorded: Calibration, limit: float | None = None
) -> Comparison:
    """A run with a run."""
    return comparing.compare((old,), (new,), recorded, limit)


def only(comparison: Comparison) -> tuple[float, str, bool]:
    (change,) = comparison.changes
    return change.ratio.value, change.verdict, change.over_limit


def test_a_backend_slowed_by_a_tenth_is_named_in_ten_of_ten_and_an_unchanged_one_in_none() -> None:
    for seed in range(10):
        old = result(2 * seed, cells=2)
        new = result(2 * seed + 1, cells=2, slowed={1: 1.1})
        unchanged, slowed = compare(old, new, NOTHING, LIMIT).changes
        assert (unchanged.verdict, unchanged.over_limit) == ("no difference shown", False)
        assert (slowed.verdict, slowed.over_limit) == ("slower", True)
        assert slowed.ratio.value == pytest.approx(1 / 1.1, rel=0.03)


def test_the_other_way_round_it_is_faster() -> None:
    value, verdict, over = only(compare(result(1, slowed={0: 1.1}), result(2), NOTHING, LIMIT))
    assert (verdict, over) == ("faster", False)
    assert value == pytest.approx(1.1, rel=0.03)


def test_slower_by_less_than_the_limit_is_named_but_not_over_it() -> None:
    quiet = {"noise": 0.002}
    found = compare(result(1, **quiet), result(2, slowed={0: 1.04}, **quiet), NOTHING, LIMIT)
    assert only(found)[1:] == ("slower", False)


def test_the_whole_interval_has_to_be_beyond_the_limit() -> None:
    found = compare(result(1, noise=0.03), result(2, noise=0.03, slowed={0: 1.08}), NOTHING, LIMIT)
    assert found.changes[0].ratio.value < 1 / (1 + LIMIT) < found.changes[0].ratio.high
    assert not found.changes[0].over_limit


@pytest.mark.parametrize("noisy", [0, 1])
def test_what_the_same_program_twice_showed_is_not_claimed(noisy: int) -> None:
    """A clear change, but either run's A/A pair showed more."""
    bands = [{"band": 0.3} if i == noisy else {} for i in range(2)]
    found = compare(result(1, **bands[0]), result(2, slowed={0: 1.2}, **bands[1]), NOTHING, LIMIT)
    assert found.changes[0].ratio.high < 0.87
    assert only(found)[1:] == ("no difference shown", False)
    (said,) = found.warnings
    assert said == f"{('OLD', 'NEW')[noisy]} was too noisy, the same program twice differed by 30%"


def test_few_blocks_claim_nothing_however_clear_they_are() -> None:
    few = {"blocks": 4, "noise": 0.0005}
    found = compare(result(1, **few), result(2, slowed={0: 1.5}, **few), NOTHING, LIMIT)
    assert found.changes[0].ratio.high < 0.7
    assert only(found)[1:] == ("no difference shown", False)


def test_differences_below_two_per_cent_are_not_claimed() -> None:
    quiet = {"noise": 0.0005}
    found = compare(result(1, **quiet), result(2, slowed={0: 1.015}, **quiet), NOTHING)
    assert found.changes[0].ratio.high < 1
    assert found.changes[0].verdict == "no difference shown"


def test_a_machine_that_became_slower_cancels() -> None:
    found = compare(result(1), result(2, machine=1.3), NOTHING, LIMIT)
    assert only(found)[1:] == ("no difference shown", False)
    assert found.machine == pytest.approx(1 / 1.3, rel=0.1)
    assert len(found.controls) == 2


def test_without_controls_it_does_not_and_the_comparison_has_none() -> None:
    bare = [
        Result.model_validate(made(i, machine=m) | {"controls": []}) for i, m in ((1, 1), (2, 1.3))
    ]
    found = compare(bare[0], bare[1], NOTHING, LIMIT)
    assert (found.controls, found.machine) == ([], None)
    assert only(found)[1:] == ("slower", True)


@pytest.mark.parametrize(
    "change",
    [
        {"error": "block 3: died"},
        {"versions": {"jax": "2.0"}},
        {"program_hash": "9"},
        {"blocks": {}},
    ],
)
def test_a_control_that_failed_or_changed_is_no_yardstick(change: dict) -> None:
    content = made(2)
    content["controls"][1] |= change
    found = compare(result(1), Result.model_validate(content), NOTHING)
    assert found.controls == ["pytorch_mlp_square-cpu"]


def test_the_controls_own_scatter_is_in_the_interval() -> None:
    content = made(2, noise=1e-6)
    random = np.random.default_rng(0)
    for control in content["controls"]:
        control["blocks"] = {b: s * random.normal(1, 0.1) for b, s in control["blocks"].items()}
    found = compare(result(1, noise=1e-6), Result.model_validate(content), NOTHING)
    assert found.changes[0].ratio.half_width > 0.03


def test_drift_within_a_run_cancels_block_by_block() -> None:
    """A random walk of 3 % a block is common to cells and controls."""
    by_stick = compare(result(1, drift=0.1), result(2, drift=0.1), NOTHING).changes[0]
    assert by_stick.ratio.half_width < 0.02


def coverage(runs: int, **how: float) -> tuple[float, float, float, float]:
    """Shares of intervals that hold 1, without and with a record; then of false claims."""
    held, claimed = [], []
    for study in range(120):
        found = [result(100 * study + i, cells=2, **how) for i in range(runs + 2)]
        recorded = Calibration(machines={machine_of(found[0]): calibrate(found[:runs])})
        for known in (NOTHING, recorded):
            changes = compare(found[-2], found[-1], known).changes
            held.append([c.ratio.low <= 1 <= c.ratio.high for c in changes])
            claimed.append([c.verdict != "no difference shown" for c in changes])
    return tuple(float(np.mean(of[i::2])) for of in (held, claimed) for i in (0, 1))  # type: ignore


def test_a_recorded_run_to_run_variance_makes_intervals_cover_what_they_say() -> None:
    without, with_, false_without, false_with = coverage(5, together=0.02)
    assert without < 0.5
    assert 0.91 <= with_ <= 0.985
    assert false_without > 0.15
    assert false_with < 0.05


def test_where_runs_do_not_differ_the_record_costs_nothing() -> None:
    without, with_, _, _ = coverage(5)
    assert 0.91 <= without <= with_ <= 0.99


def several_cover(record: Calibration | None, **how: float) -> float:
    """The share of intervals that hold 1, of four runs with two; without a record the four are."""
    held = []
    for study in range(120):
        runs = [result(100 * study + i, cells=2, **how) for i in range(6)]
        found = comparing.compare(runs[:4], runs[4:], record or NOTHING)
        assert len(found.run_to_run) == 1
        held += [c.ratio.low <= 1 <= c.ratio.high for c in found.changes]
    return float(np.mean(held))


def test_several_runs_know_what_runs_vary_by_and_cover_what_they_say() -> None:
    assert 0.91 <= several_cover(None, together=0.02) <= 0.985


def test_with_a_record_several_runs_cover_what_they_say() -> None:
    runs = [result(10**6 + i, cells=2, together=0.02) for i in range(60)]
    recorded = Calibration(machines={machine_of(runs[0]): calibrate(runs)})
    assert 0.91 <= several_cover(recorded, together=0.02) <= 0.985


def test_a_record_of_more_runs_counts_rather_than_the_runs_themselves() -> None:
    runs = [result(i, together=0.02) for i in range(4)]
    machine = calibrate([result(100 + i) for i in range(5)])
    recorded = Calibration(
        machines={machine_of(runs[0]): machine.model_copy(update={"sd_normalised": 0.5})}
    )
    (term,) = comparing.compare(runs, runs, recorded).run_to_run
    assert (term.variance, term.freedom) == (0.25, 4)
    (term,) = comparing.compare(runs, [result(9)], NOTHING).run_to_run
    assert (term.variance, term.freedom) != (0.25, 4)
    assert term.freedom == 3


def test_several_runs_tell_what_one_does_not() -> None:
    """Slowed by a tenth, where blocks scatter by 5 % and runs by 1 %."""
    noisy = {"noise": 0.05, "together": 0.01}
    named = {1: 0, 6: 0}
    for study in range(20):
        seed = 100 * study
        old = [result(seed + i, **noisy) for i in range(6)]
        new = [result(seed + 10 + i, slowed={0: 1.1}, **noisy) for i in range(6)]
        same = [result(seed + 20 + i, **noisy) for i in range(6)]
        recorded = Calibration(machines={machine_of(old[0]): calibrate(old)})
        for count in named:
            found = comparing.compare(old[:count], new[:count], recorded, LIMIT)
            named[count] += found.changes[0].over_limit
            unchanged = comparing.compare(old[:count], same[:count], recorded, LIMIT)
            assert not unchanged.changes[0].over_limit
    assert named[1] < 12
    assert named[6] > 15


def test_a_mean_of_runs_has_their_variances_and_satterthwaite_s_degrees_of_freedom() -> None:
    runs = [LogSpeed(1.0, 10, Term(0.02, 9)), LogSpeed(2.0, 5, Term(0.04, 4))]
    found = mean_speed(runs)
    assert (found.value, found.blocks) == (1.5, 15)
    assert found.term is not None
    assert found.term.variance == pytest.approx(0.06 / 4)
    assert found.term.freedom == pytest.approx(0.06**2 / (0.02**2 / 9 + 0.04**2 / 4))
    assert mean_speed([runs[0], LogSpeed(1.0, 1, None)]).term is None


def test_the_runs_of_a_side_have_to_be_alike() -> None:
    other = made(3)
    other["provenance"]["git_revision"] = "b" * 40
    with pytest.raises(UserError, match="differ: git revision"):
        comparing.compare([result(1), Result.model_validate(other)], [result(2)], NOTHING)
    with pytest.raises(UserError, match="given twice"):
        comparing.compare([result(1)], [result(2), result(2)], NOTHING)


def test_a_cell_that_one_run_of_a_side_lacks_is_not_compared() -> None:
    broken = made(3, cells=1)
    broken["failures"] = [{"id": "gan-pytorch-mode1-float32-b8"}]
    runs = [result(1, cells=2), result(2, cells=2), Result.model_validate(broken)]
    assert comparing.compare(runs[:1], runs[1:], NOTHING).not_compared == {
        "failed in NEW": ["gan-pytorch-mode1-float32-b8"]
    }
    assert comparing.compare(runs[1:], runs[:1], NOTHING).not_compared == {
        "only in NEW": ["gan-pytorch-mode1-float32-b8"]
    }


def test_what_one_of_several_runs_showed_of_the_same_program_twice_is_not_all() -> None:
    """One run in which other work came between makes no band for five."""
    bands = (0.02, 0.02, 0.3, 0.02, 0.02)
    old = [result(i, band=band) for i, band in enumerate(bands)]
    found = comparing.compare(old, [result(9, slowed={0: 1.2})], NOTHING, LIMIT)
    assert only(found)[1:] == ("slower", True)
    assert found.warnings == []


def twice(seed: int, shift: float, processes: float) -> Result:
    """A run that timed its cell in two processes, the second of which lies elsewhere in memory."""
    content, other = made(seed, noise=0.001), made(seed, noise=0.001, slowed={0: 1 + processes})
    again = "gan-pytorch-mode0-float32-b8-again"
    for summary in other["summary"]:
        content["summary"].append(summary | {"id": again, "again": True})
    for benchmark in other["benchmarks"]:
        benchmark["extra_info"] |= {"cell": again}
        benchmark["params"] |= {"cell": again}
    content["benchmarks"] += other["benchmarks"]
    for benchmark in content["benchmarks"]:
        benchmark["extra_info"]["steps_per_s"] /= 1 + shift
    return Result.model_validate(content)


def test_of_a_cell_that_was_timed_in_two_processes_both_count() -> None:
    (change,) = compare(twice(1, 0.0, 0.0), twice(2, 0.0, 0.1), NOTHING).changes
    assert change.ratio.value == pytest.approx(1.1**-0.5, rel=0.005)
    (change,) = compare(twice(1, 0.0, 0.1), twice(2, 0.2, 0.1), NOTHING, LIMIT).changes
    assert change.ratio.value == pytest.approx(1 / 1.2, rel=0.005)
    assert change.id == "gan-pytorch-mode0-float32-b8"


def test_welch_and_satterthwaite() -> None:
    """Against SciPy's own Welch interval of two samples."""
    random = np.random.default_rng(0)
    one, other = random.normal(0, 1, 5), random.normal(0, 3, 12)
    speeds = [
        LogSpeed(float(x.mean()), x.size, Term(float(x.var(ddof=1)) / x.size, x.size - 1))
        for x in (one, other)
    ]
    theirs = ttest_ind(one, other, equal_var=False).confidence_interval(0.95)
    ours = ratio_between(speeds[0], speeds[1])
    assert np.log([ours.low, ours.high]) == pytest.approx([theirs.low, theirs.high])


def test_single_blocks_have_no_interval_and_no_verdict() -> None:
    found = compare(result(1, blocks=1), result(2, blocks=1, slowed={0: 3.0}), NOTHING, LIMIT)
    assert found.changes[0].ratio.high == np.inf
    assert only(found)[1:] == ("no difference shown", False)


def test_other_machines_versions_devices_and_changes_are_warned_of() -> None:
    content = made(2, cells=2)
    content["provenance"] |= {
        "cpu": "two abaci",
        "git_dirty": True,
        "environment": {"OMP_NUM_THREADS": "1", "TF_VAR_x": "not recorded any more"},
    }
    content["summary"][0]["device"] = "cuda"
    content["benchmarks"][0]["extra_info"]["versions"] = {"torch": "2.14.0"}
    content["benchmarks"][-BLOCKS]["extra_info"]["spec_hash"] = "other"
    found = compare(result(1, cells=2), Result.model_validate(content), NOTHING)
    assert found.warnings == [
        "cpu an abacus -> two abaci",
        "OMP_NUM_THREADS None -> 1",
        "device cpu -> cuda",
        "torch 2.13.0 -> 2.14.0",
        "NEW had uncommitted changes",
        "1 cells have another spec",
    ]
    assert found.not_compared == {"of another spec": ["gan-pytorch-mode1-float32-b8"]}
    assert compare(result(1), result(2), NOTHING).warnings == []


def test_cells_of_one_run_only_are_listed_with_the_reason() -> None:
    content = made(2, cells=1)
    content["failures"] = [{"id": "gan-pytorch-mode1-float32-b8"}]
    found = compare(result(1, cells=3), Result.model_validate(content), NOTHING)
    assert found.not_compared == {
        "failed in NEW": ["gan-pytorch-mode1-float32-b8"],
        "only in OLD": ["gan-pytorch-mode2-float32-b8"],
    }
    assert compare(result(1), result(2, cells=2), NOTHING).not_compared == {
        "only in NEW": ["gan-pytorch-mode1-float32-b8"]
    }


def test_no_common_cell_is_an_error() -> None:
    content = made(2)
    content["summary"][0]["id"] = "other"
    for benchmark in content["benchmarks"]:
        benchmark["extra_info"]["cell"] = "other"
    with pytest.raises(UserError, match="no cell in common"):
        compare(result(1), Result.model_validate(content), NOTHING)


def test_calibration_is_kept_by_machine(tmp_path: Path) -> None:
    path = tmp_path / "calibration.json"
    assert read_calibration(path) == NOTHING
    machine = calibrate([result(i, run_to_run=0.05, cells=30) for i in range(6)])
    assert machine.sd_normalised == pytest.approx(0.05, rel=0.25)
    assert machine.sd_raw == pytest.approx(0.05, rel=0.6)
    record(path, "one", machine)
    record(path, "other", machine)
    assert list(read_calibration(path).machines) == ["one", "other"]


def test_calibration_needs_several_alike_runs() -> None:
    runs = [result(i) for i in range(3)]
    other = made(4)
    other["provenance"]["git_revision"] = "b" * 40
    elsewhere = made(5)
    elsewhere["provenance"]["cpus_usable"] = 64
    wrong = [
        (runs[:2], "3 or more are needed"),
        ([*runs, runs[0]], "given twice"),
        ([*runs, Result.model_validate(other)], "git revision"),
        ([*runs, Result.model_validate(elsewhere)], "usable CPUs 2 -> 64"),
        ([result(i, blocks=4) for i in range(3)], "no cell of one spec with 5 blocks"),
    ]
    for given, expected in wrong:
        with pytest.raises(UserError, match=expected):
            calibrate(given)


def test_a_record_of_another_machine_is_not_used() -> None:
    recorded = Calibration(machines={"other": calibrate([result(i) for i in range(3)])})
    found = compare(result(1), result(2), recorded)
    assert found.run_to_run == []
    assert found.unrecorded == [machine_of(result(1))]


def test_half_widths_grow_with_what_is_recorded() -> None:
    name = machine_of(result(1))
    widths = []
    for sd in (0.0, 0.01, 0.1):
        runs = calibrate([result(i) for i in range(5)]).model_copy(update={"sd_normalised": sd})
        found = compare(result(1), result(2), Calibration(machines={name: runs}))
        widths.append(found.changes[0].ratio.half_width)
    assert all(small < large for small, large in pairwise(widths))
