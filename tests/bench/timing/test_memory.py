"""Programs stay loaded while as much again fits below the stated share."""

import os
from math import inf
from pathlib import Path

import pytest

from bench.timing import memory as module
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


def test_the_first_group_has_to_fit_twice_and_the_limit_itself_is_allowed() -> None:
    assert Memory(limit=0.5).is_full(0.26)
    assert not Memory(limit=0.5).is_full(0.25)
    assert not Memory().is_full(0.3)  # 0.6 as it is documented
    assert Memory().is_full(0.31)


def test_a_group_that_let_go_of_memory_is_not_the_largest() -> None:
    memory = Memory(limit=0.6)
    memory.is_full(0.3)
    memory.is_full(0.1)  # less than before
    assert not memory.is_full(0.2)  # the largest is still 0.3: 0.5
    assert memory.is_full(0.31)


@pytest.fixture(name="files")
def _files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Linux's files, here."""
    monkeypatch.setattr(module, "Path", lambda path: tmp_path / path.lstrip("/"))
    monkeypatch.setattr(module, "memory_share", lambda: None)
    for place, text in {
        "proc/meminfo": "MemFree: 5 kB\nMemTotal:       1000 kB\nMemTotalOther: 7 kB\n",
        "proc/11/status": "Name:\tpython\nVmRSS:\t     100 kB\nVmRSSMore:\t 9 kB\n",
        "proc/12/status": "VmHWM:\t 900 kB\nVmRSS:\t     200 kB\n",
    }.items():
        path = tmp_path / place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="ascii")
    return tmp_path


def test_the_share_is_of_what_the_machine_or_its_container_has(
    files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In KiB; a container's limit is in bytes, and the word `max` is none."""
    assert used_share([11, 12]) == pytest.approx(0.3)
    assert used_share([11, 13]) == pytest.approx(0.1)  # one that has ended holds nothing
    limit = files / "sys/fs/cgroup/memory.max"
    limit.parent.mkdir(parents=True)
    for text, share in (("max\n", 0.3), (f"{500 * 1024}\n", 0.6), (f"{2**40}\n", 0.3)):
        limit.write_text(text, encoding="ascii")
        assert used_share([11, 12]) == pytest.approx(share)
    assert module._allowed() == 2**30
    limit.write_text("max\n", encoding="ascii")
    assert module._allowed() == inf


def test_a_card_that_is_fuller_counts(files: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for on_card, share in ((0.2, 0.3), (0.7, 0.7)):
        monkeypatch.setattr(module, "memory_share", lambda on_card=on_card: on_card)
        assert used_share([11, 12]) == pytest.approx(share)


def test_where_nothing_says_what_there_is_nothing_is_claimed(files: Path) -> None:
    (files / "proc/meminfo").unlink()
    assert used_share([11, 12]) == 0.0
