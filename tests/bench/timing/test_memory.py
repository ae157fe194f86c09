"""Programs stay loaded while as much again fits below the stated share."""

import os
from pathlib import Path

from bench.timing.memory import Memory, used_share


def test_a_group_that_would_not_fit_again_is_noticed() -> None:
    memory = Memory(limit=0.6)
    assert not memory.is_full(0.1)  # as much again: 0.2
    assert not memory.is_full(0.3)  # 0.2 again: 0.5
    assert memory.is_full(0.45)  # still 0.2 again: 0.65


def test_what_this_process_holds_is_a_share_of_the_machines_memory() -> None:
    share = used_share([os.getpid()])
    assert 0.0 < share < 0.5
    assert used_share([os.getpid()] * 3) > share
    assert used_share([]) == 0.0 or Path("/proc/driver/nvidia").exists()
