"""The verdicts, in words."""

from math import inf

import pytest

from bench.convergence import comparing, summary, table
from bench.convergence.reaching import by_row
from tests.bench.convergence.made import of_workload

BASE = [200.0, 300.0, 250.0, 400.0, 220.0, 310.0, 270.0, 350.0, 240.0, 290.0]
NEAR = [210.0, 290.0, 250.0, 410.0, 220.0, 300.0, 280.0, 350.0, 240.0, 290.0]
TWICE = [2 * time for time in NEAR]
WILD = [100.0, 900.0, 200.0, 500.0, 100.0, 700.0, 300.0, 200.0, 800.0, 100.0]


def verdicts(**times: list[float]) -> dict[tuple[str, str], comparing.Pair]:
    return {(pair.a, pair.b): pair for pair in summary.pairs(of_workload(**times))}


def test_verdicts_are_three() -> None:
    found = verdicts(base=BASE, near=NEAR, twice=TWICE, wild=WILD)
    assert found["base", "near"].words == "equivalent within a factor 1.25"
    assert found["base", "twice"].words == "differs"
    assert found["base", "wild"].words.startswith("not shown: within 1.25 by ")
    assert found["base", "twice"].found.ratio.value == pytest.approx(2.0, rel=0.02)  # type: ignore[union-attr]


def test_a_small_difference_is_found_and_is_within_the_margin() -> None:
    """A claim of equivalence hides none."""
    (pair,) = verdicts(base=BASE, later=[1.1 * time for time in NEAR]).values()
    assert pair.words == "differs, by less than a factor 1.25"
    assert pair.verdict == "differs within the margin"


def test_a_censored_pair_is_never_equivalent() -> None:
    (pair,) = verdicts(base=BASE, near=[*NEAR[:9], inf]).values()
    assert pair.words == "not shown: in 1 of 10 pairs one did not reach it"
    (pair,) = verdicts(base=BASE, never=[inf] * 10).values()
    assert pair.words.startswith("differs by the sign test: in 10 of 10")


def test_only_seeds_that_both_have_are_compared() -> None:
    (pair,) = verdicts(base=BASE, near=NEAR[:4]).values()
    assert pair.found.pairs == 4
    (pair,) = verdicts(base=BASE, near=NEAR[:2]).values()
    assert pair.words == "not shown: 2 seeds are too few"


def test_many_pairs_ask_more_of_each() -> None:
    """Holm: what differs alone does not among three."""
    some = [time * (1.6 if i < 7 else 0.85) for i, time in enumerate(BASE)]
    alone = verdicts(base=BASE, some=some)["base", "some"]
    among = verdicts(base=BASE, some=some, wild=WILD)["base", "some"]
    assert (alone.verdict, among.verdict) == ("differs", "not shown")
    assert among.found == alone.found


def test_another_result_s_rows_are_compared_with_the_same_rows() -> None:
    one, other = by_row(of_workload(a=TWICE, b=NEAR)), by_row(of_workload(a=BASE, c=BASE))
    (pair,) = comparing.against(one, other, 1.25, "base.json")
    assert (pair.a, pair.b, pair.verdict) == ("a of base.json", "a", "differs")
    assert pair.found.ratio is not None
    assert pair.found.ratio.value == pytest.approx(2.0, rel=0.02)


def test_what_so_few_seeds_can_show_is_said() -> None:
    found = of_workload(base=BASE, wild=WILD)
    text = table.cannot(summary.rows(found), summary.pairs(found))
    assert text.startswith("With 10 seeds an equivalence is shown, 4 times of 5, within a factor ")
    assert "this is wide, wider than the margin of 1.25" in text
    (pair,) = summary.pairs(found)
    assert f"{pair.smallest_margin:.2f}" in text
    near = of_workload(base=BASE, near=NEAR)
    narrow = table.cannot(summary.rows(near), summary.pairs(near))
    assert "this is within the margin of 1.25" in narrow


def test_shares_at_the_end_are_compared_by_the_seeds_that_differ() -> None:
    some = by_row(of_workload(a=[inf] * 7 + BASE[:3]))
    all_ = by_row(of_workload(a=BASE))
    (found,) = comparing.ended(all_, some, "base.json")
    assert (found.a, found.of_a, found.of_b, found.seeds) == ("a of base.json", 3, 10, 10)
    assert found.p == pytest.approx(2 / 2**7)
    assert "they differ (p 0.016)" in found.words
    (same,) = comparing.ended(all_, all_, "base.json")
    assert same.p == 1.0
    assert "no difference shown" in same.words
