"""The yardstick and the speeds by it, worked out once more by NumPy."""

from typing import Any

import numpy as np
import pytest

from bench.compare.normalising import log_speeds, mean_log_speeds, yardstick
from bench.results.statistics import Blocks

ONE = {0: {0: 0.1, 1: 0.2}, 1: {0: 0.3, 1: 0.4}, 2: {0: 0.5}}
OTHER = {0: {0: 3.0, 1: 1.0, 2: 7.0}, 1: {0: 2.0}, 3: {0: 1.0}}
FIRST = {0: {0: 2.0, 1: 4.0}, 1: {0: 6.0}, 3: {0: 1.0}}
AGAIN = {0: {0: 3.0, 1: 3.0}}


class Control:
    """Timed among the cells of every group alike."""

    def __init__(self, name: str, times: Blocks) -> None:
        self.id, self._times = name, times

    def blocks(self, group: str) -> Blocks:
        """Of the group `gan`."""
        return self._times if group == "gan" else {}


class Run:
    """A result of two controls and one cell in two processes."""

    controls = (Control("one", ONE), Control("other", OTHER), Control("third", {0: {0: 1.0}}))

    def processes(self, cell: str) -> list[Blocks]:
        """Its blocks in each process."""
        return [FIRST, AGAIN] if cell == "cell" else [{9: {0: 1.0}}]

    def group(self, cell: str) -> str:
        """All in one."""
        return "gan"


def test_the_yardstick_is_the_geometric_mean_turn_by_turn() -> None:
    run: Any = Run()
    found = yardstick(run, ["one", "other"], "gan")
    assert found == {
        0: {0: pytest.approx(np.sqrt(0.1 * 3.0)), 1: pytest.approx(np.sqrt(0.2 * 1.0))},
        1: {0: pytest.approx(np.sqrt(0.3 * 2.0))},
    }
    assert yardstick(run, ["one"], "gan") == {
        block: {turn: pytest.approx(s) for turn, s in turns.items()} for block, turns in ONE.items()
    }
    assert yardstick(run, [], "gan") is None
    assert yardstick(run, ["nobody"], "gan") is None


def test_a_cell_is_measured_by_it_in_the_same_turns() -> None:
    """In block 0 the mean of both processes' logarithms, each the median of its turns."""
    run: Any = Run()
    found = log_speeds(run, ["cell", "elsewhere"], ["one", "other"])
    assert list(found) == ["cell"]
    stick = [np.sqrt(0.3), np.sqrt(0.2)]
    of_first = np.median(np.log([stick[0] / 2.0, stick[1] / 4.0]))
    of_again = np.median(np.log([stick[0] / 3.0, stick[1] / 3.0]))
    logs = [(of_first + of_again) / 2, np.log(np.sqrt(0.6) / 6.0)]
    assert found["cell"].value == pytest.approx(np.mean(logs))
    assert found["cell"].blocks == 2
    assert found["cell"].term is not None
    assert found["cell"].term.variance == pytest.approx(np.var(logs, ddof=1) / 2)
    assert found["cell"].term.freedom == 1


def test_without_controls_it_is_its_own_speed() -> None:
    run: Any = Run()
    found = log_speeds(run, ["cell"], [])["cell"]
    logs = [(-np.log(3.0) - np.log(3.0)) / 2, -np.log(6.0), -np.log(1.0)]
    assert (found.value, found.blocks) == (pytest.approx(np.mean(logs)), 3)


def test_of_several_runs_each_counts_alike() -> None:
    run: Any = Run()
    found = mean_log_speeds([run, run], ["cell", "elsewhere"], ["one", "other"])
    assert found.keys() == {"cell"}
    alone = log_speeds(run, ["cell"], ["one", "other"])["cell"]
    assert found["cell"].value == pytest.approx(alone.value)
    assert found["cell"].blocks == 4
    assert found["cell"].term is not None
    assert alone.term is not None
    assert found["cell"].term.variance == pytest.approx(alone.term.variance / 2)
