"""Provenance: what is needed to repeat a measurement."""

import json
import os
import platform
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench.plan.machine import cpu, cpu_flags, cpus_usable, git, gpu, revision
from bench.results.environment import recorded
from bench.timing.nvml import processes


def provenance() -> dict[str, Any]:
    """Machine, revision, command line and time of this process."""
    return {
        "time_utc": datetime.now(UTC).isoformat(timespec="seconds"),
        "command_line": ["python", "-m", "bench", *_arguments(sys.argv[1:])],
        "git_revision": revision(),
        "git_dirty": bool(git("status", "--porcelain", "--untracked-files=no")),
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.release()}",
        "cpu": cpu(),
        "cpu_flags": cpu_flags(),
        "affinity": sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else None,
        "cpus_usable": cpus_usable(),
        "environment": recorded(os.environ),
        "load_average": list(os.getloadavg()),
        "gpu": gpu(),
        "gpu_processes": processes(),
    }


def installs(pythons: Mapping[str, str]) -> dict[str, dict[str, float]]:
    """Row -> {install_s, install_bytes}, where nox recorded it when it made the environment.

    Seconds depend on the line and on what the installer had in its cache; bytes do not.
    """
    found = {}
    for row, python in pythons.items():
        record = Path(python).parent.parent / "installed.json"
        if record.is_file():
            found[row] = json.loads(record.read_text(encoding="utf-8"))
    return found


def _arguments(given: Sequence[str]) -> list[str]:
    """Without the folder that the result goes to, which says nothing of what was measured."""
    words = list(given)
    for i, word in enumerate(words):
        option, separator, path = word.partition("=")
        if option == "--output" and separator:
            words[i] = f"{option}={Path(path).name}"
        elif i and words[i - 1] == "--output":
            words[i] = Path(word).name
    return words
