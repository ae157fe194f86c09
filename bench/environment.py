"""Provenance: what is needed to repeat a measurement."""

import json
import os
import platform
import subprocess
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench.gpu import processes
from bench.workers import ROOT

VARIABLES = (
    "OMP_",
    "MKL_",
    "OPENBLAS_",
    "XLA_",
    "JAX_",
    "TF_",
    "TORCH",
    "KERAS_",
    "CUDA_",
    "NVIDIA_",
)
"""Environment variables with these beginnings change what frameworks do."""
VECTORS = ("avx", "avx2", "avx512f", "avx512_bf16", "amx_bf16", "fma", "asimd", "sve")


def revision() -> str | None:
    """The commit that is checked out, or None outside a clone."""
    return _git("rev-parse", "HEAD")


def provenance() -> dict[str, Any]:
    """Machine, revision, command line and time of this process."""
    return {
        "time_utc": datetime.now(UTC).isoformat(timespec="seconds"),
        "command_line": ["python", "-m", "bench", *sys.argv[1:]],
        "git_revision": revision(),
        "git_dirty": bool(_git("status", "--porcelain", "--untracked-files=no")),
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.release()}",
        "cpu": cpu(),
        "cpu_flags": _cpu_flags(),
        "affinity": sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else None,
        "cpus_usable": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else None,
        "environment": {k: v for k, v in sorted(os.environ.items()) if k.startswith(VARIABLES)},
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


def gpu() -> dict[str, str] | None:
    """What nvidia-smi says of the first GPU now, or None where there is none."""
    fields = "name,driver_version,clocks.sm,clocks.mem,temperature.gpu,power.draw,memory.used"
    command = ["nvidia-smi", f"--query-gpu={fields}", "--format=csv,noheader"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    values = [value.strip() for value in (done.stdout.splitlines() or [""])[0].split(",")]
    return dict(zip(fields.split(","), values, strict=False)) if len(values) > 1 else None


def _git(*arguments: str) -> str | None:
    try:
        done = subprocess.run(
            ["git", *arguments], cwd=ROOT, capture_output=True, text=True, timeout=20, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()


def cpu() -> str:
    """The processor's name."""
    return _cpuinfo("model name") or platform.processor() or platform.machine()


def _cpu_flags() -> list[str]:
    """The vector units that decide how fast products are."""
    there = (_cpuinfo("flags") or _cpuinfo("Features")).split()
    return [flag for flag in VECTORS if flag in there]


def _cpuinfo(field: str) -> str:
    path = Path("/proc/cpuinfo")
    if path.exists():
        for line in path.read_text(encoding="utf-8").splitlines():
            if line.startswith(field):
                return line.partition(":")[2].strip()
    return ""
