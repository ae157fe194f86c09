"""What a worker finds in its environment; and what an interpreter says that its row lacks."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import backends
from bench.workers import pool
from bench.workers.pool import environment, missing_packages

TUNED = {"XLA_FLAGS": "--xla_gpu_autotune_level=4", "TF_CUDNN_USE_AUTOTUNE": "1"}
REPEATABLE = {"XLA_FLAGS": "--xla_gpu_deterministic_ops=true", "TF_CUDNN_USE_AUTOTUNE": "1"}
ON_CPU = {"CUDA_VISIBLE_DEVICES": "", "JAX_PLATFORMS": "cpu"}
LIBRARIES = ("OMP", "OPENBLAS", "MKL")
THREADS = {f"{name}_NUM_THREADS": "1" for name in LIBRARIES} | {"VECLIB_MAXIMUM_THREADS": "1"}


@pytest.fixture(autouse=True)
def _without_own(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in TUNED:
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        (("pytorch", "cuda"), TUNED),
        (("pytorch", "cpu"), TUNED | ON_CPU),
        (("keras3-jax", "cuda"), TUNED | {"KERAS_BACKEND": "jax"}),
        (("a", "cuda", "one-thread"), TUNED | THREADS),
        (("a", "cuda", "again"), TUNED),
        (("a", "cuda", "deterministic"), REPEATABLE | {"CUBLAS_WORKSPACE_CONFIG": ":4096:8"}),
        (
            ("keras3-b", "cpu", "deterministic", "one-thread"),
            REPEATABLE
            | ON_CPU
            | THREADS
            | {"KERAS_BACKEND": "b", "CUBLAS_WORKSPACE_CONFIG": ":4096:8"},
        ),
    ],
)
def test_variables_of_a_worker(asked: tuple[str, ...], expected: dict[str, str]) -> None:
    assert environment(*asked) == expected


@pytest.mark.parametrize(
    ("own", "flags"),
    [
        ("", "--xla_gpu_autotune_level=4"),
        (" ", "--xla_gpu_autotune_level=4"),
        (" --b=1 ", "--xla_gpu_autotune_level=4 --b=1"),
        ("--xla_gpu_autotune_level=0", "--xla_gpu_autotune_level=4 --xla_gpu_autotune_level=0"),
        ("flags.txt", None),  # the name of a file has to stand first
        ("--to=s3://b", None),  # execnet parts words at two strokes
        ("-a//b", None),
    ],
)
def test_a_user_s_own_flags_come_last_and_win(
    own: str, flags: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XLA_FLAGS", own)
    monkeypatch.setenv("TF_CUDNN_USE_AUTOTUNE", "0")
    found = environment("a", "cuda")
    assert found.get("XLA_FLAGS") == flags
    assert ("XLA_FLAGS" in found) == (flags is not None)
    assert found["TF_CUDNN_USE_AUTOTUNE"] == "0"


def interpreter(folder: Path, lines: str) -> str:
    """A program that stands for one."""
    path = folder / "python"
    path.write_text(f"#!/bin/sh\n{lines}\n", encoding="latin-1")
    path.chmod(0o755)
    return str(path)


@pytest.mark.parametrize(
    ("lines", "lacking"),
    [
        ("echo missing: torch numpy", ("torch", "numpy")),
        ("echo missing:", ()),
        ("echo missing: torch; echo first >&2; echo 'last one' >&2; exit 1", ("last one",)),
        ("echo 'no libpython \xe9' >&2", ("no libpython \ufffd",)),
        ("exit 1", ("a working interpreter",)),
        ("true", ("a working interpreter",)),
        ("echo hello: torch", ("a working interpreter",)),
        ('test "$1" = -c && echo "missing: $PWD"', (str(pool.ROOT),)),
    ],
)
def test_what_an_interpreter_lacks(lines: str, lacking: tuple[str, ...], tmp_path: Path) -> None:
    assert missing_packages("pytorch", interpreter(tmp_path, lines)) == lacking


def test_an_interpreter_that_is_not_there(tmp_path: Path) -> None:
    path = str(tmp_path / "python")
    (found,) = missing_packages("pytorch", path)
    assert found == f"an interpreter at {path} (No such file or directory)"


def test_the_row_is_asked_for_by_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    """By code that this interpreter can run itself."""
    asked: list[Any] = []

    def run(command: list[str], **how: Any) -> Any:
        asked.append(command[:2])
        said: list[str] = []
        words = {"print": lambda *given: said.append(" ".join(given))}
        exec(command[2], words)
        return subprocess.CompletedProcess(command, 0, "".join(said), "")

    monkeypatch.setattr(pool.subprocess, "run", run)
    monkeypatch.setattr(backends, "missing", lambda row: (f"{row}-1", f"{row}-2"))
    assert missing_packages("a'b", sys.executable) == ("a'b-1", "a'b-2")
    assert asked == [[sys.executable, "-c"]]
