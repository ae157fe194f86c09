"""What is claimed of times is right as often as it says, by hand and by simulation."""

from math import inf, isnan, log, sqrt

import numpy as np
import pytest
from scipy import stats

from bench.convergence.statistics import (
    ALPHA,
    detectable,
    holm,
    median_time,
    paired,
    seeds_for,
    share,
    sign_test,
    smallest_margin,
)

SEEDS, DEVIATION, TRIES = 10, 0.2, 1000
A = [100.0, 120.0, 90.0, 150.0, 80.0, 110.0]
B = [105.0, 118.0, 96.0, 140.0, 85.0, 111.0]


def drawn(ratio: float, seed: int = 1) -> list[tuple[list[float], list[float]]]:
    """Times of ten pairs, many times; the logarithms of their ratios are normal."""
    random = np.random.default_rng(seed)
    a = np.exp(5 + 0.5 * random.standard_normal((TRIES, SEEDS)))
    b = a * ratio * np.exp(DEVIATION * random.standard_normal((TRIES, SEEDS)))
    return list(zip(a.tolist(), b.tolist(), strict=True))


def claimed(ratio: float, margin: float) -> tuple[float, float]:
    """(share of tries that claim equivalence, share that claim a difference)."""
    found = [paired(a, b, margin) for a, b in drawn(ratio)]
    return (
        float(np.mean([one.p_equivalent < ALPHA for one in found])),
        float(np.mean([one.p_differs < ALPHA for one in found])),
    )


def test_the_two_one_sided_tests_are_student_s() -> None:
    logs = np.log(np.array(B) / np.array(A))
    found = paired(A, B, 1.25)
    above = stats.ttest_1samp(logs, -log(1.25), alternative="greater").pvalue
    below = stats.ttest_1samp(logs, log(1.25), alternative="less").pvalue
    assert found.p_equivalent == pytest.approx(max(above, below), rel=1e-9)
    assert found.p_differs == pytest.approx(stats.ttest_1samp(logs, 0.0).pvalue, rel=1e-9)
    interval = stats.ttest_1samp(logs, 0.0).confidence_interval(0.9)
    assert found.ratio is not None
    assert log(found.ratio.low) == pytest.approx(interval.low)
    assert log(found.ratio.high) == pytest.approx(interval.high)
    assert found.deviation == pytest.approx(np.std(logs, ddof=1))


def test_equivalent_is_what_has_its_interval_within_the_margin() -> None:
    for margin in (1.01, 1.03, 1.05, 1.1, 1.3):
        found = paired(A, B, margin)
        assert found.ratio is not None
        inside = 1 / margin < found.ratio.low and found.ratio.high < margin
        assert inside == (found.p_equivalent < ALPHA)


def test_rows_at_the_margin_pass_for_equivalent_one_time_of_twenty() -> None:
    for ratio in (1.25, 1 / 1.25):
        equivalent, _ = claimed(ratio, 1.25)
        assert equivalent == pytest.approx(ALPHA, abs=0.02)


def test_equal_rows_differ_one_time_of_twenty() -> None:
    _, differs = claimed(1.0, 1.25)
    assert differs == pytest.approx(ALPHA, abs=0.02)


def test_the_smallest_detectable_is_found_four_times_of_five_and_twice_it_always() -> None:
    factor = detectable(DEVIATION, SEEDS)
    assert claimed(factor, 1.25)[1] == pytest.approx(0.8, abs=0.035)
    assert claimed(1 / factor, 1.25)[1] == pytest.approx(0.8, abs=0.035)
    assert claimed(factor**2, 1.25)[1] > 0.99


def test_the_smallest_margin_is_shown_four_times_of_five() -> None:
    margin = smallest_margin(DEVIATION, SEEDS)
    assert claimed(1.0, margin)[0] == pytest.approx(0.8, abs=0.035)


def test_factors_grow_with_the_deviation_and_shrink_with_the_root_of_the_seeds() -> None:
    assert log(detectable(0.4, 10)) == pytest.approx(2 * log(detectable(0.2, 10)))
    many = log(smallest_margin(0.2, 400)) / log(smallest_margin(0.2, 1600))
    assert many == pytest.approx(2.0, rel=0.01)
    # Of the normal distribution, where seeds are many.
    normal = stats.norm.ppf(0.975) + stats.norm.ppf(0.8)
    assert log(detectable(1.0, 10_000)) * sqrt(10_000) == pytest.approx(normal, rel=1e-3)


def test_seeds_for_a_margin_are_the_fewest() -> None:
    count = seeds_for(0.3, 1.25)
    assert count is not None
    assert smallest_margin(0.3, count) <= 1.25 < smallest_margin(0.3, count - 1)
    assert seeds_for(10.0, 1.001) is None


def test_with_a_censored_training_nothing_is_equivalent_and_order_alone_counts() -> None:
    a = [100.0] * 10
    found = paired(a, [100.0] * 9 + [inf], 1.25)
    assert (found.censored, found.p_equivalent, found.ratio) == (1, 1.0, None)
    never = paired(a, [inf] * 10, 1.25)
    assert never.p_differs == pytest.approx(2 / 2**10)
    assert paired([inf] * 10, [inf] * 10, 1.25).p_differs == 1.0


def test_the_sign_test_by_hand() -> None:
    assert sign_test([1, 1, 1, 1, 1], [2, 2, 2, 2, inf]) == pytest.approx(2 / 2**5)
    assert sign_test([1, 1, 1, 1], [2, 1, 1, 0]) == 1.0
    assert sign_test([inf], [inf]) == 1.0


def test_two_pairs_show_nothing() -> None:
    found = paired([1.0, 2.0], [1.0, 2.0], 10.0)
    assert (found.p_equivalent, found.ratio) == (1.0, None)


def test_times_in_one_ratio_have_no_deviation_and_still_a_verdict() -> None:
    """Evaluations are on a grid: ten equal times are no rarity."""
    assert paired(A, A, 1.25).p_equivalent == 0.0
    assert paired(A, A, 1.25).p_differs == 1.0
    twice = paired(A, [2 * x for x in A], 1.25)
    assert twice.p_equivalent > 0.99
    assert twice.p_differs < 1e-9


def test_holm_by_hand() -> None:
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([0.5, 0.9]) == pytest.approx([1.0, 1.0])
    assert holm([]) == []


def test_a_median_with_censored_trainings() -> None:
    times = [10.0, 20.0, 30.0, 40.0, 50.0, 60.0, 70.0, 80.0, 90.0, inf]
    found = median_time(times)
    assert (found.value, found.low, found.high) == (55.0, 20.0, 90.0)  # binomial: 2nd and 9th
    assert median_time([10.0, inf, inf]).value == inf
    assert isnan(median_time([1.0, 2.0]).low)


def test_the_median_s_interval_covers_it() -> None:
    random = np.random.default_rng(2)
    found = [median_time(np.exp(random.standard_normal(10)).tolist()) for _ in range(500)]
    assert np.mean([one.low <= 1.0 <= one.high for one in found]) >= 0.95


def test_a_share_has_wilson_s_interval() -> None:
    found, z = share(9, 10), stats.norm.ppf(0.975)
    middle = (0.9 + z**2 / 20) / (1 + z**2 / 10)
    half = z / (1 + z**2 / 10) * sqrt(0.9 * 0.1 / 10 + z**2 / 400)
    assert (found.low, found.high) == pytest.approx((middle - half, middle + half))
    assert share(10, 10).high == 1.0
