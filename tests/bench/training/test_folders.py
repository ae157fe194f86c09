"""Samples in a folder train a row: MNIST's files, CIFAR-10's and a folder of images.

Each format in one row; in every row with `--full`.
"""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import spec
import spec.data
from bench.training import metrics
from bench.workers.pool import ROOT
from tests.conftest import interpreters
from tests.spec.data.files import write_cifar10, write_mnist

FEW_FILTERS = {
    f"{network}.layers[{place}].filters": 8
    for network, places in {"generator": (1, 4, 7), "discriminator": (0, 2, 5)}.items()
    for place in places
}
"""Of dcgan_32, which has 64 to 256 of them: a row compiles it in seconds then."""
OF: dict[str, tuple[str, dict[str, int]]] = {
    "mnist": ("mlp_small", {}),
    "cifar10": ("dcgan_32", FEW_FILTERS),
    "images": ("dcgan_32", FEW_FILTERS),
}
"""The kind of data -> a workload that takes it, and what is put in it."""
EAGER = ("keras3-tensorflow", "pytorch")
"""Rows that have such a mode, and compile for longer than so short a training takes."""
IN_ONE = {"mnist": "flax_nnx", "cifar10": "pytorch", "images": "keras3-tensorflow"}


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    rows = interpreters(metafunc.config.getoption("--python"))
    full = metafunc.config.getoption("--full")
    cases = [(kind, row) for kind in OF for row in rows if full or row == IN_ONE[kind]]
    metafunc.parametrize(("kind", "row"), cases)


def write(kind: str, folder: Path) -> Path:
    """A folder of that format."""
    if kind == "mnist":
        return write_mnist(folder)
    if kind == "cifar10":
        return write_cifar10(folder)
    folder.mkdir()
    values = np.random.default_rng(8).integers(0, 256, (9, 40, 50, 3), dtype=np.uint8)
    for i, pixels in enumerate(values):
        Image.fromarray(pixels).save(folder / f"{i}.{'png' if i % 2 else 'jpg'}")
    return folder


def test_a_folder_trains_a_row(
    kind: str, row: str, pytestconfig: pytest.Config, tmp_path: Path
) -> None:
    workload, few = OF[kind]
    put = {"data.kind": kind, "data.hold_out": 0.25, "schedule.batch_size": 4, **few}
    folder, run = write(kind, tmp_path / kind), tmp_path / "run"
    python = interpreters(pytestconfig.getoption("--python"))[row]
    command = [sys.executable, "-m", "bench", "train", f"--workload={workload}", f"--backend={row}"]
    command += ["--mode=eager"] if row in EAGER else []
    command += ["--seed=1", "--iterations=4", "--keep-going"]
    command += [f"--set={key}={value}" for key, value in put.items()]
    command += [f"--data={folder}", f"--output={run}", f"--python={row}={python}"]
    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, encoding="utf-8", timeout=600.0, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    *_, last = metrics.read(run)
    assert last["iteration"] == 4
    assert all(np.isfinite(value) for value in last["metrics"].values())
    (of,) = json.loads((run / "training.json").read_text(encoding="utf-8"))["data"].values()
    own = spec.load(workload, put)
    arrays = spec.data.load(own, folder)
    assert of["sha256"] == spec.data.checksum(arrays["x"])
    assert of.items() >= spec.data.files_of(own, folder)["x"].items()
