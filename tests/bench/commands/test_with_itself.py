"""The comparison of a cell with itself, with workers whose rounds last as long as is said."""

import json
import sys
from collections import Counter
from collections.abc import Mapping
from random import Random
from statistics import median
from typing import Any, ClassVar

import pytest

from bench.commands import with_itself
from bench.plan.turns import BLOCK_S, TURNS
from bench.proof.starting import start
from bench.timing.cell import prepare, time_round
from bench.workers.pool import WorkerFailed

AT_ONCE = 6
"""Iterations of a round; a warm-up has a fifth of them."""


class Asked:
    """In place of `Workers`: what was asked of whom; an iteration takes a second, or a bit more."""

    made: ClassVar[list["Asked"]] = []
    slower_again = 1.0

    def __init__(self, pythons: Mapping[str, str]) -> None:
        self.pythons, self.asked, self.ended = dict(pythons), Counter[Any](), False
        self.rounds: list[tuple[bool, int]] = []
        self.random = Random(len(self.made))
        self.made.append(self)

    def call(
        self, where: Any, function: Any, arguments: Mapping[str, Any], timeout_s: float
    ) -> Any:
        """As a worker would answer."""
        self.asked[function] += 1
        again = "again" in where
        if function is start:
            return {}
        if function is prepare:
            assert arguments["round_s"] == pytest.approx(BLOCK_S / TURNS)
            return {"iterations_per_round": AT_ONCE if again else AT_ONCE - 1}
        assert function is time_round
        assert arguments["cell_id"].endswith("-again") == again
        self.rounds.append((again, arguments["n"]))
        noise = 1 + 0.001 * self.random.random()
        return {"round_s": arguments["n"] * noise * (self.slower_again if again else 1.0)}

    def stop(self) -> None:
        """The end of its processes."""
        self.ended = True


@pytest.fixture(name="workers")
def _workers(monkeypatch: pytest.MonkeyPatch) -> type[Asked]:
    """Nothing waits: a second that is slept has passed at once."""
    clock = [0.0]
    monkeypatch.setattr(Asked, "made", [])
    monkeypatch.setattr(with_itself, "Workers", Asked)
    monkeypatch.setattr(with_itself, "prove", lambda pair, *_: {cell.id: {} for cell in pair})
    monkeypatch.setattr(with_itself.time, "perf_counter", lambda: clock[0])
    monkeypatch.setattr(
        with_itself.time, "sleep", lambda s: clock.__setitem__(0, clock[0] + float(s))
    )
    return Asked


def run(monkeypatch: pytest.MonkeyPatch, **given: Any) -> tuple[dict[str, Any], list[str]]:
    """(what it ends with, the lines on standard error)."""
    said: dict[bool, list[str]] = {False: [], True: []}
    line = lambda text, *, error=False: said[error].append(text)  # noqa: E731
    monkeypatch.setattr(with_itself.streams, "line", line)
    with_itself.main(python=[f"pytorch={sys.executable}"], **given)
    (found,) = said[False]
    return json.loads(found), said[True]


def test_the_same_program_twice_is_no_winner_and_a_slowed_one_is_slower(
    workers: type[Asked], monkeypatch: pytest.MonkeyPatch
) -> None:
    found, said = run(monkeypatch, comparisons=5, processes=2, slowed=3)
    assert found["cell"] == "mlp_square-pytorch-eager-float32-b64"
    assert (found["same_twice"], found["winners_named"]) == (5, 0)
    assert (found["slowed_runs"], found["slowed_named_slower"], found["slowed_by"]) == (3, 3, 0.1)
    assert len(found["ratios"]) == 5
    assert all(0.998 < ratio < 1.002 for ratio in found["ratios"])
    assert 0.0 < found["half_width_median"] < 0.001
    widths = [float(line.split(", ")[1].rstrip("%")) / 100 for line in said]
    assert found["half_width_median"] == pytest.approx(median(widths), abs=1e-4)
    assert [line.partition(":")[0] for line in said] == ["1", "2", "3", "4", "5"]
    assert all("no difference shown" in line for line in said)
    pools = [one for one in workers.made if one.pythons]
    assert len(pools) == 2
    assert all(one.ended for one in workers.made)
    assert pools[0].pythons == {"pytorch": sys.executable}


def test_a_difference_between_the_two_is_named_with_its_direction(
    workers: type[Asked], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workers, "slower_again", 1.25)
    found, said = run(monkeypatch, comparisons=2, processes=1, slowed=0)
    assert (found["winners_named"], found["slowed_runs"]) == (2, 0)
    assert all(ratio == pytest.approx(1.25, rel=0.002) for ratio in found["ratios"])
    assert all("faster" in line for line in said)


def test_rounds_are_those_of_a_run(workers: type[Asked], monkeypatch: pytest.MonkeyPatch) -> None:
    """As many iterations for both, the larger number; warmed up; in each turn shuffled."""
    run(monkeypatch, comparisons=2, processes=1, slowed=1)
    (pool,) = [one for one in workers.made if one.pythons]
    assert (pool.asked[start], pool.asked[prepare]) == (2, 2)
    turns = with_itself.BLOCKS * TURNS
    assert Counter(pool.rounds) == {
        (False, 1): 2 * turns,
        (False, AT_ONCE): 2 * turns,
        (True, 1): 3 * turns,
        (True, AT_ONCE): 3 * turns,
    }
    assert all(n == (1 if i % 2 == 0 else AT_ONCE) for i, (_, n) in enumerate(pool.rounds))
    last = [again for again, n in pool.rounds[6 * turns :] if n == AT_ONCE]
    firsts = last[::2]
    assert 0 < sum(firsts) < len(firsts)  # now one begins and now the other


def test_two_that_were_not_proved_are_not_compared(
    workers: type[Asked], monkeypatch: pytest.MonkeyPatch
) -> None:
    failure = WorkerFailed("CheckFailed", "over the limit")
    monkeypatch.setattr(with_itself, "prove", lambda pair, *_: {pair[0].id: failure})
    with pytest.raises(WorkerFailed, match="over the limit"):
        run(monkeypatch, comparisons=1, processes=1, slowed=0)
    assert all(one.ended for one in workers.made)
    assert all(one.asked[time_round] == 0 for one in workers.made)
