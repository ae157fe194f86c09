"""What is said of the machine, by programs and files that are made up."""

import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from bench.plan import machine
from bench.workers.pool import ROOT

CARD = "NVIDIA H200, 550.54, 1980 MHz, 3201 MHz, 31, 75.10 W, 4 MiB"
ASKED = "name,driver_version,clocks.sm,clocks.mem,temperature.gpu,power.draw,memory.used"
NAMES = ASKED.split(",")
VALUES = CARD.split(", ")
Put = Callable[[str, str], None]


@pytest.fixture(name="put")
def _put(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Put:
    """A way to put a shell's lines where a program was; no other program is there."""
    programs, real = tmp_path / "bin", subprocess.run
    programs.mkdir()

    def run(command: list[str], **how: Any) -> Any:
        own = programs / command[0]
        if not own.exists():
            raise FileNotFoundError(command[0])
        return real(["/bin/sh", str(own), *command[1:]], **how)

    def put(name: str, lines: str) -> None:
        (programs / name).write_text(lines + "\n", encoding="latin-1")

    monkeypatch.setattr(machine.subprocess, "run", run)
    return put


def test_the_first_gpu_is_described_by_name(put: Put) -> None:
    form = "--format=csv,noheader"
    asked = f'test "$*" = "--query-gpu={ASKED} {form}" || exit 9'
    put("nvidia-smi", f"{asked}\necho '{CARD}'\necho 'another, 1, 2, 3, 4, 5, 6'")
    assert machine.gpu() == dict(zip(NAMES, VALUES, strict=True))


@pytest.mark.parametrize(
    ("lines", "found"),
    [
        (f"echo '{CARD}'; exit 1", None),
        ("true", None),
        ("echo 'No devices were found'", None),
        ("echo 'a card, 1.0'", {"name": "a card", "driver_version": "1.0"}),
        ("echo 'a c\xe9rd, 1.0'", {"name": "a c\ufffdrd", "driver_version": "1.0"}),
    ],
)
def test_what_says_too_little_is_no_gpu(lines: str, found: object, put: Put) -> None:
    put("nvidia-smi", lines)
    assert machine.gpu() == found


def test_a_machine_without_these_programs(put: Put) -> None:
    assert machine.gpu() is None
    assert machine.revision() is None


def test_the_revision_is_that_of_this_checkout(put: Put) -> None:
    put("git", f'test "$PWD" = "{ROOT}" && test "$*" = "rev-parse HEAD" && echo " abc "')
    assert machine.revision() == "abc"
    put("git", "echo \xe9; pwd >&2")
    assert machine.git("status") == "\ufffd"
    put("git", "echo abc; exit 128")
    assert machine.git("status") is None


@pytest.mark.parametrize("ask", [machine.gpu, machine.revision])
def test_what_hangs_is_waited_for_in_vain(
    ask: Callable[[], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A program that takes 19.5 s still answers; one that takes 20.5 s does not."""
    takes_s = 19.5

    def run(command: list[str], *, timeout: float | None = None, **_: Any) -> Any:
        if timeout is not None and takes_s > timeout:
            raise subprocess.TimeoutExpired(command, timeout)
        return SimpleNamespace(stdout=CARD, returncode=0)

    monkeypatch.setattr(machine.subprocess, "run", run)
    assert ask() is not None
    takes_s = 20.5
    assert ask() is None


INFO = """\
processor\t: 0
model name\t: An Abacus: 2 beads \xae
flags\t\t: fma sse avx2 avx mmx

processor\t: 1
model name\t: Another
flags\t\t: amx_bf16
"""


@pytest.fixture(name="info")
def _info(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """A way to write the machine's list of processors; until then it has none."""
    monkeypatch.setattr(machine, "Path", lambda path: tmp_path / path.lstrip("/"))
    (tmp_path / "proc").mkdir()

    def write(text: str) -> None:
        (tmp_path / "proc" / "cpuinfo").write_text(text, "utf-8")

    return write


def test_the_first_processor_counts(info: Callable[[str], None]) -> None:
    info(INFO)
    assert machine.cpu() == "An Abacus: 2 beads \xae"
    assert machine.cpu_flags() == ["avx", "avx2", "fma"]
    info("Features\t: sve asimd avx_like")
    assert machine.cpu_flags() == ["asimd", "sve"]


def test_elsewhere_python_names_the_processor(
    info: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(machine.platform, "processor", lambda: "i386")
    monkeypatch.setattr(machine.platform, "machine", lambda: "arm64")
    assert (machine.cpuinfo("flags"), machine.cpu_flags(), machine.cpu()) == ("", [], "i386")
    info("processor\t: 0\n")
    assert (machine.cpuinfo("flags"), machine.cpu_flags(), machine.cpu()) == ("", [], "i386")
    monkeypatch.setattr(machine.platform, "processor", lambda: "")
    assert machine.cpu() == "arm64"


def test_processors_that_this_process_may_use(monkeypatch: pytest.MonkeyPatch) -> None:
    of = {0: {3, 5, 7}}
    monkeypatch.setattr(os, "sched_getaffinity", of.__getitem__, raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: 64)
    assert machine.cpus_usable() == 3
    monkeypatch.delattr(os, "sched_getaffinity")
    assert machine.cpus_usable() == 64
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert machine.cpus_usable() == 1
