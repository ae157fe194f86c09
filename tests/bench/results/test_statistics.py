"""Intervals cover what they say where machines drift, and verdicts follow from them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.results.statistics import Ratio, band, speed_ratio, verdict

TRUE_RATIO = 1.05
RUNS, BLOCKS, ROUNDS = 1500, 10, 3


def simulated(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Seconds an iteration (blocks, rounds) of two cells on a machine that drifts.

    The drift is a trend and a random walk, common to both; a block has noise of its own in each
    cell, which its rounds share; rounds add a little, skewed to the slow side as timings are.
    """
    random = np.random.default_rng(seed)
    trend = random.normal(0, 0.05) * np.linspace(0, 1, BLOCKS)
    common = trend + np.cumsum(random.normal(0, 0.01, BLOCKS))
    cells = []
    for ratio in (1.0, TRUE_RATIO):
        own = random.normal(0, 0.01, BLOCKS)
        rounds = random.gamma(1.0, 0.004, (BLOCKS, ROUNDS))
        cells.append(np.exp((common + own)[:, None] + rounds) / ratio)
    return cells[1], cells[0]


def turns(times: np.ndarray) -> dict[int, dict[int, float]]:
    return {block: dict(enumerate(map(float, rounds))) for block, rounds in enumerate(times)}


def one_turn(times: dict[int, float]) -> dict[int, dict[int, float]]:
    return {block: {0: time} for block, time in times.items()}


def test_paired_blocks_cover_what_they_say() -> None:
    covered = []
    for seed in range(RUNS):
        fast, slow = simulated(seed)
        ratio = speed_ratio(turns(fast), turns(slow))
        assert ratio is not None
        covered.append(ratio.low <= TRUE_RATIO <= ratio.high)
    assert 0.935 <= np.mean(covered) <= 0.965


def test_pooled_rounds_do_not() -> None:
    """What is commonly done: every round counted as if it were independent of its block."""
    covered = []
    for seed in range(RUNS):
        fast, slow = simulated(seed)
        logs = np.log(slow / fast).ravel()
        error = 1.96 * logs.std(ddof=1) / np.sqrt(logs.size)
        covered.append(abs(logs.mean() - np.log(TRUE_RATIO)) <= error)
    assert np.mean(covered) < 0.85


def test_unpaired_blocks_say_little_where_the_machine_drifts() -> None:
    paired, unpaired = [], []
    for seed in range(RUNS):
        fast, slow = simulated(seed)
        ratio = speed_ratio(turns(fast), turns(slow))
        assert ratio is not None
        paired.append(ratio.half_width)
        logs = [np.log(np.median(times, axis=1)) for times in (fast, slow)]
        variance = sum(values.var(ddof=1) for values in logs) / BLOCKS
        unpaired.append(2.1 * np.sqrt(variance))
    assert np.mean(unpaired) > 2 * np.mean(paired)


def test_a_bootstrap_over_few_blocks_does_not_either() -> None:
    covered = []
    for seed in range(300):
        fast, slow = (times[:5] for times in simulated(seed))
        logs = np.log(np.median(slow, axis=1) / np.median(fast, axis=1))
        random = np.random.default_rng(seed)
        means = logs[random.integers(0, 5, (1000, 5))].mean(axis=1)
        low, high = np.quantile(means, [0.025, 0.975])
        covered.append(low <= np.log(TRUE_RATIO) <= high)
    assert np.mean(covered) < 0.90


def test_common_drift_cancels() -> None:
    steady = dict.fromkeys(range(10), 0.01)
    drift = {block: 0.02 * 1.1**block for block in steady}
    other = {block: 0.01 * 1.1**block for block in steady}
    ratio = speed_ratio(one_turn(other), one_turn(drift))
    assert ratio is not None
    assert ratio.value == pytest.approx(2.0)
    assert ratio.half_width < 1e-12


@given(st.lists(st.floats(1e-6, 1e3), min_size=2, max_size=12), st.floats(0.01, 100))
def test_swapping_the_two_inverts_the_ratio(times: list[float], factor: float) -> None:
    one = one_turn(dict(enumerate(times)))
    other = one_turn({block: factor * time for block, time in enumerate(times)})
    there, back = speed_ratio(one, other), speed_ratio(other, one)
    assert there is not None
    assert back is not None
    assert there.value == pytest.approx(1 / back.value) == pytest.approx(factor)
    assert there.low == pytest.approx(1 / back.high)


def test_blocks_without_a_partner_do_not_count() -> None:
    one, other = one_turn({0: 1.0, 1: 1.0, 7: 50.0}), one_turn({0: 2.0, 1: 2.0, 8: 0.1})
    ratio = speed_ratio(one, other)
    assert ratio is not None
    assert (ratio.value, ratio.blocks) == (pytest.approx(2.0), 2)
    assert speed_ratio(one_turn({0: 1.0}), one_turn({1: 1.0})) is None


def test_a_machine_that_changes_between_turns_leaves_the_ratio() -> None:
    """Medians alone would compare one cell's slow moment with the other's quick one."""
    one = {0: {0: 1.0, 1: 2.0, 2: 2.0}, 1: {0: 1.0, 1: 1.0, 2: 2.0}}
    other = {b: {t: 1.5 * time for t, time in by_turn.items()} for b, by_turn in one.items()}
    other[1][1] = 40.0  # what hits one round alone
    ratio = speed_ratio(one, other)
    assert ratio is not None
    assert (ratio.value, ratio.half_width) == (pytest.approx(1.5), pytest.approx(0.0))


def test_cells_with_other_turns_are_compared_by_their_medians() -> None:
    one, other = {0: {0: 1.0, 1: 3.0, 2: 2.0}}, {0: {1: 8.0}}
    ratio = speed_ratio(one, other)
    assert ratio is not None
    assert ratio.value == pytest.approx(4.0)


def test_a_winner_needs_blocks_a_clear_interval_and_a_quiet_machine() -> None:
    clear = Ratio(1.10, 1.08, 1.12, blocks=10)
    quiet, noisy = band([Ratio(1.0, 0.995, 1.005, 10)]), band([Ratio(1.01, 0.90, 1.13, 10)])
    assert quiet == 0.02
    assert noisy == pytest.approx(0.13)
    assert verdict(clear, quiet) == "faster"
    assert verdict(Ratio(1 / 1.1, 1 / 1.12, 1 / 1.08, 10), quiet) == "slower"
    assert verdict(clear, noisy) == "no difference shown"
    assert verdict(Ratio(1.03, 1.01, 1.05, 10), quiet) == "no difference shown"
    assert verdict(Ratio(1.10, 1.08, 1.12, blocks=4), quiet) == "no difference shown"
    assert verdict(None, quiet) == "no difference shown"
