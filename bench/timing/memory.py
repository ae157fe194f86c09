"""How much of the machine's memory, or of the card's, the workers hold."""

from collections.abc import Iterable
from math import inf
from pathlib import Path

from bench.timing.nvml import memory_share

FULL = 0.6
"""A group's programs stay loaded until its second half, unless this share would be passed."""


class Memory:
    """The share in use after each group, and whether one more would pass the limit."""

    def __init__(self, limit: float = FULL) -> None:
        self.limit = limit
        self._before = 0.0
        self._largest = 0.0

    def is_full(self, share: float) -> bool:
        """Told what is in use after a group: whether as much again as the largest does not fit."""
        self._largest = max(self._largest, share - self._before)
        self._before = share
        return share + self._largest > self.limit


def used_share(processes: Iterable[int]) -> float:
    """The larger of the processes' share of this machine's memory and the card's share in use."""
    total = min(_field("/proc/meminfo", "MemTotal"), _allowed())
    used = sum(_field(f"/proc/{process}/status", "VmRSS") for process in processes)
    return max(used / total if total else 0.0, memory_share() or 0.0)


def _allowed() -> float:
    """KiB that a container may use; without bounds where nothing says so."""
    try:
        text = Path("/sys/fs/cgroup/memory.max").read_text(encoding="ascii").strip()
    except OSError:
        return inf
    return int(text) / 1024 if text.isdecimal() else inf


def _field(path: str, name: str) -> int:
    """A number of KiB in a file of Linux's; 0 where there is none."""
    try:
        lines = Path(path).read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:
        return 0
    words = (line.split() for line in lines if line.startswith(f"{name}:"))
    return next((int(found[1]) for found in words), 0)
