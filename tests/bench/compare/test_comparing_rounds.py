"""Runs are compared where their rounds are alike: in turns, and where short in iterations."""

import pytest

from bench.compare import comparing
from bench.compare.calibration import calibrate
from bench.results.reading import Result
from spec.errors import UserError
from tests.bench.compare.made import made, result
from tests.bench.compare.test_comparing import NOTHING, compare


def test_rounds_of_another_length_are_not_compared() -> None:
    """A file that does not say has the usual ones."""
    short = [result(seed, turns=15) for seed in (1, 2, 3)]
    usual = [result(4), result(5, turns=3)]
    assert compare(short[0], short[1], NOTHING).changes
    assert compare(usual[0], usual[1], NOTHING).changes
    with pytest.raises(UserError, match=r"OLD have 3 turns, those of NEW 15.*--rounds-like"):
        compare(usual[0], short[0], NOTHING)
    for side in ((*short[:2], usual[0]), (*usual, short[0])):
        with pytest.raises(UserError, match="turns of a block"):
            calibrate(side)
        with pytest.raises(UserError, match="turns of a block"):
            comparing.compare(side, (short[2],), NOTHING)


def test_short_rounds_of_other_iterations_are_not_compared() -> None:
    """What a call takes beside its iterations is a large share of them, and of a control's too."""
    old = result(1, cells=2, turns=15, iterations=12)
    alike = result(2, cells=2, turns=15, iterations=12)
    assert len(compare(old, alike, NOTHING).changes) == 2
    with pytest.raises(UserError, match=r"2 with other iterations in a round.*--rounds-like"):
        compare(old, result(2, cells=2, turns=15, iterations=5), NOTHING)
    content = made(2, cells=2, turns=15, iterations=12)
    content["benchmarks"] = [
        {**one, "extra_info": {**one["extra_info"], "iterations_per_round": 5}}
        if "mode1" in one["extra_info"]["cell"]
        else one
        for one in content["benchmarks"]
    ]
    content["controls"][0]["iterations_per_round"] = 11
    found = compare(old, Result.model_validate(content), NOTHING)
    assert [change.id for change in found.changes] == ["gan-pytorch-mode0-float32-b8"]
    assert list(found.not_compared.values()) == [["gan-pytorch-mode1-float32-b8"]]
    assert found.controls == [old.controls[1].id]


def test_usual_rounds_may_have_other_iterations() -> None:
    found = compare(result(1, iterations=60), result(2, iterations=50), NOTHING)
    assert len(found.changes) == 1
    assert len(found.controls) == 2
