"""Log speeds, their intervals and verdicts at their edges, by hand and by SciPy."""

from math import e, exp, inf, log
from typing import Any

import numpy as np
import pytest
from scipy import stats

from bench.results.statistics import (
    LogSpeed,
    Ratio,
    Term,
    band,
    log_speed,
    mean_speed,
    ratio_between,
    speed_ratio,
    verdict,
)


def about(number: float) -> Any:
    """It, but for rounding."""
    return pytest.approx(number)


def test_a_half_width_is_half_the_interval_of_logarithms() -> None:
    assert Ratio(1.0, exp(-0.25), exp(0.5), 3).half_width == pytest.approx(0.375)
    assert Ratio(1.0, 0.0, inf, 1).half_width == inf


def test_one_block_has_a_ratio_without_bounds_and_two_have_an_interval() -> None:
    one, other = {5: {0: 1.0}}, {5: {0: 3.0}}
    assert speed_ratio(one, other) == Ratio(about(3.0), 0.0, inf, 1)
    found = speed_ratio(one | {6: {0: 1.0}}, other | {6: {0: 4.0}})
    assert found is not None
    logs = np.log([3.0, 4.0])
    half = stats.t.ppf(0.975, 1) * np.std(logs, ddof=1) / np.sqrt(2)
    assert np.log([found.value, found.low, found.high]) == pytest.approx(
        [logs.mean(), logs.mean() - half, logs.mean() + half]
    )
    assert found.blocks == 2


def test_a_log_speed_is_of_medians_over_turns_and_means_over_processes() -> None:
    first = {0: {0: 1.0, 1: 9.0, 2: e}, 1: {0: 1.0}}
    second = {0: {0: e**2}, 4: {0: e**4}}
    found = log_speed([first, second])
    assert found is not None
    logs = [-1.5, 0.0, -4.0]
    assert (found.value, found.blocks) == (pytest.approx(np.mean(logs)), 3)
    assert found.term is not None
    assert found.term.variance == pytest.approx(np.var(logs, ddof=1) / 3)
    assert found.term.freedom == 2
    single = log_speed([{3: {0: 1 / e}}])
    assert single == LogSpeed(about(1.0), 1, None)
    assert log_speed([]) is None
    assert log_speed([{}]) is None


def test_by_a_yardstick_only_its_blocks_count() -> None:
    stick = {0: {0: e, 1: e**2}, 1: {0: e}}
    cell = {0: {0: 1.0, 1: e}, 1: {0: e**3, 1: 5.0, 2: e**3}, 2: {0: 1.0}}
    found = log_speed([cell], stick)
    assert found is not None
    assert (found.value, found.blocks) == (pytest.approx((1.0 - 2.0) / 2), 2)
    assert log_speed([cell], {7: {0: 1.0}}) is None
    assert log_speed([cell], {}) is None


def test_a_mean_of_runs_has_no_variance_where_one_run_has_none() -> None:
    known, single = LogSpeed(1.0, 4, Term(0.5, 3)), LogSpeed(3.0, 1, None)
    assert mean_speed([known, single]) == LogSpeed(2.0, 5, None)
    assert mean_speed([single]) == LogSpeed(3.0, 1, None)
    alone = mean_speed([known])
    assert alone == LogSpeed(1.0, 4, Term(about(0.5), about(3)))
    exact = LogSpeed(1.0, 4, Term(0.0, 3))
    assert mean_speed([exact, exact]).term == Term(0.0, 6)


def test_what_moves_runs_is_added_to_the_interval() -> None:
    new, old = LogSpeed(2.0, 7, Term(0.01, 6)), LogSpeed(1.5, 9, Term(0.02, 8))
    found = ratio_between(new, old, iter([Term(0.03, 4)]))
    freedom = 0.06**2 / (0.01**2 / 6 + 0.02**2 / 8 + 0.03**2 / 4)
    half = stats.t.ppf(0.975, freedom) * np.sqrt(0.06)
    assert np.log([found.value, found.low, found.high]) == pytest.approx(
        [0.5, 0.5 - half, 0.5 + half]
    )
    assert (found.blocks, ratio_between(old, new).blocks) == (7, 7)
    unknown = LogSpeed(1.0, 1, None)
    assert ratio_between(new, unknown) == Ratio(about(e), 0.0, inf, 1)
    assert ratio_between(unknown, new) == Ratio(about(1 / e), 0.0, inf, 1)


def test_a_band_is_two_per_cent_or_what_the_same_twice_may_show_either_way() -> None:
    assert band([]) == 0.02
    assert band([Ratio(1.0, 0.99, 1.01, 9)]) == 0.02
    low, high = Ratio(0.9, 0.8, 1.0, 9), Ratio(1.1, 1.0, 1.4, 9)
    assert band([low]) == pytest.approx(0.25)
    assert band([high]) == pytest.approx(0.4)
    assert band(iter([low, high, low])) == pytest.approx(0.4)
    assert band([Ratio(1.0, 0.0, inf, 1)]) == inf


@pytest.mark.parametrize(
    ("ratio", "said"),
    [
        (Ratio(2.0, 1.25, 3.0, 9), "no difference shown"),  # just at the band
        (Ratio(2.0, 1.26, 3.0, 9), "faster"),
        (Ratio(2.0, 1.26, 3.0, 5), "faster"),
        (Ratio(2.0, 1.26, 3.0, 4), "no difference shown"),
        (Ratio(0.5, 0.3, 0.8, 9), "no difference shown"),
        (Ratio(0.5, 0.3, 0.79, 9), "slower"),
        (Ratio(0.5, 0.3, 0.79, 5), "slower"),
        (Ratio(0.5, 0.3, 0.79, 4), "no difference shown"),
        (Ratio(1.0, 0.3, 3.0, 9), "no difference shown"),
    ],
)
def test_the_whole_interval_is_beyond_the_band_and_five_blocks_are_enough(
    ratio: Ratio, said: str
) -> None:
    assert verdict(ratio, 0.25) == said
    assert verdict(ratio, inf) == "no difference shown"


def test_a_bound_is_the_band_s_own_inverse() -> None:
    assert band([Ratio(1.0, 1 / 1.5, 1.2, 9)]) == pytest.approx(0.5)
    assert log(1.5) == pytest.approx(-log(1 / 1.5))
