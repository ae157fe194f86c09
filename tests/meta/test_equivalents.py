"""Mutants called equivalent: each has a reason, and its line is still there."""

from bench.workers.pool import ROOT
from tests.mutation.equivalent import equivalents


def test_every_line_is_still_there() -> None:
    gone = []
    for one in equivalents():
        lines = (ROOT / one.path).read_text(encoding="utf-8").splitlines()
        if one.line not in [line.strip() for line in lines]:
            gone.append(one.change)
    assert gone == []


def test_every_one_has_a_reason_and_stands_once() -> None:
    known = [(one.path, one.change) for one in equivalents()]
    assert len(set(known)) == len(known)
    assert all(len(one.why.split()) > 5 for one in equivalents())
