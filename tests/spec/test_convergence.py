"""The committed convergence curves say what their own rounds say."""

import pytest

from tests.conformance.convergence import FOLDER, SEEDS, Round, judge, read, workload_of

CURVES = sorted(path.stem for path in FOLDER.glob("*.json"))


@pytest.mark.parametrize("name", CURVES)
def test_outcome_follows_from_the_curve(name: str) -> None:
    _, length, seed = name.split("_")
    curve = read(int(length), int(seed))
    assert tuple(curve["columns"]) == Round._fields
    outcome = judge(workload_of(int(length)), [Round(*row) for row in curve["rounds"]])
    assert outcome.settled == curve["outcome"]["settled"]
    assert outcome.ignores_noise == curve["outcome"]["ignores_noise"]
    assert len(curve["rounds"]) == workload_of(int(length)).schedule.length


def test_both_verdicts_are_published_both_ways() -> None:
    outcomes = [read(100, seed)["outcome"] for seed in SEEDS[100]]
    for verdict in ("settled", "ignores_noise"):
        assert {outcome[verdict] for outcome in outcomes} == {True, False}
