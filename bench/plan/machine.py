"""The machine that is measured on, and the revision of this project."""

import os
import platform
import subprocess
from pathlib import Path

from bench.workers.pool import ROOT

VECTORS = ("avx", "avx2", "avx512f", "avx512_bf16", "amx_bf16", "fma", "asimd", "sve")


def revision() -> str | None:
    """The commit that is checked out, or None outside a clone."""
    return git("rev-parse", "HEAD")


def gpu() -> dict[str, str] | None:
    """What nvidia-smi says of the first GPU now, or None where there is none."""
    fields = "name,driver_version,clocks.sm,clocks.mem,temperature.gpu,power.draw,memory.used"
    command = ["nvidia-smi", f"--query-gpu={fields}", "--format=csv,noheader"]
    try:
        done = subprocess.run(
            command, capture_output=True, encoding="utf-8", errors="replace", timeout=20, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return None
    values = [value.strip() for value in (done.stdout.splitlines() or [""])[0].split(",")]
    return dict(zip(fields.split(","), values, strict=False)) if len(values) > 1 else None


def git(*arguments: str) -> str | None:
    """What git says of this checkout; None outside a clone."""
    try:
        done = subprocess.run(
            ["git", *arguments],
            cwd=ROOT,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            timeout=20,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()


def cpu() -> str:
    """The processor's name."""
    return cpuinfo("model name") or platform.processor() or platform.machine()


def cpu_flags() -> list[str]:
    """The vector units that decide how fast products are."""
    there = (cpuinfo("flags") or cpuinfo("Features")).split()
    return [flag for flag in VECTORS if flag in there]


def cpus_usable() -> int:
    """Processors that this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def cpuinfo(field: str) -> str:
    """A field of the first processor in Linux's list; empty elsewhere."""
    path = Path("/proc/cpuinfo")
    if path.exists():
        for line in path.read_text(encoding="utf-8").splitlines():
            if line.startswith(field):
                return line.partition(":")[2].strip()
    return ""
