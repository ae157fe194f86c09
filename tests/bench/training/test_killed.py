"""`kill -9` at random moments: whoever goes on ends bit for bit where nobody was killed.

The reference; and every row with `--full`, five times, since that starts a framework seven times.
"""

import json
import random
import signal
import subprocess
import sys
import time
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest

import backends
import spec
from bench.plan.cells import Cell
from bench.training import checkpoint, keeping, metrics
from bench.training.length import grid
from bench.training.plan import Training
from bench.workers.pool import ROOT
from tests.conftest import interpreters

WORKLOAD, BATCH = "tests/meta/workloads/chain.toml", 16
"""Masks, running statistics, values of one phase used in the next, and epochs within which chunks
end."""
LENGTHS = {False: (2, 8), True: (5, 24)}
"""(kills, whole chunks) by `--full`: a kill comes three chunks on at most."""
TIMEOUT_S = 300.0
SLOWLY_COMPILED = "pytorch"
"""It would compile for a minute at each of seven starts."""


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    full = metafunc.config.getoption("--full")
    pythons = interpreters(metafunc.config.getoption("--python")) if full else {}
    metafunc.parametrize("row", [backends.ORACLE, *pythons])


def plan_of(row: str, folder: Path, pythons: dict[str, str], chunks: int) -> Training:
    precision = "float64" if row == backends.ORACLE else "float32"
    mode = "eager" if row in (backends.ORACLE, SLOWLY_COMPILED) else "compiled"
    cell = Cell(WORKLOAD, row, mode, precision, "cpu", BATCH, "killed")
    chunk = grid(spec.load(WORKLOAD))
    return Training(cell, 3, "own", chunks * chunk + 5, None, chunk, str(folder), pythons)


def begun(plan: Training, *, goes_on: bool) -> subprocess.Popen[str]:
    """The training in a process of its own, which leads a group."""
    arguments = [json.dumps(asdict(plan)), "on" if goes_on else "anew"]
    command = [sys.executable, "-m", "tests.bench.training.killed", *arguments]
    return subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, encoding="utf-8", start_new_session=True
    )


def killed_after(process: subprocess.Popen[str], records: int, delay_s: float) -> None:
    """SIGKILL, as many records and a moment after its first saved one."""
    assert process.stdout is not None
    for _ in range(records):
        assert process.stdout.readline() == "recorded\n"
    time.sleep(delay_s)
    process.send_signal(signal.SIGKILL)
    process.stdout.close()
    process.wait(timeout=TIMEOUT_S)


def ended(folder: Path) -> tuple[dict[str, bytes], dict[str, bytes]]:
    """Bits of the final state, and of the newest checkpoint."""
    _, final = checkpoint.read(keeping.final(folder))
    newest = keeping.newest(folder).state
    final_, newest_ = (
        {key: np.asarray(value).tobytes() for key, value in of.items()} for of in (final, newest)
    )
    return final_, newest_


def test_a_training_that_is_killed_ends_as_one_that_was_not(
    row: str, pytestconfig: pytest.Config, tmp_path: Path
) -> None:
    pythons = interpreters(pytestconfig.getoption("--python"))
    kills, chunks = LENGTHS[pytestconfig.getoption("--full")]
    whole, cut = (plan_of(row, tmp_path / of, pythons, chunks) for of in ("whole", "cut"))
    printed, _ = begun(whole, goes_on=False).communicate(timeout=TIMEOUT_S)
    assert printed.count("recorded") == chunks + 1
    chance, places = random.Random(f"{row}"), []
    for kill in range(kills):
        process = begun(cut, goes_on=kill > 0)
        # Two at least, since the second is recorded after the first was saved.
        killed_after(process, chance.choice((2, 3)), chance.uniform(0.0, 0.05))
        places.append(keeping.newest(Path(cut.folder)).facts.iteration)
    assert places == sorted(set(places)), places
    assert places[-1] < chunks * grid(spec.load(WORKLOAD)), places
    begun(cut, goes_on=True).communicate(timeout=TIMEOUT_S)
    assert ended(Path(cut.folder)) == ended(Path(whole.folder))
    records = [
        [(one["iteration"], one["metrics"]) for one in metrics.read(Path(of.folder))]
        for of in (cut, whole)
    ]
    assert records[0] == records[1]
