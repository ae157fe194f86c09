"""Bad input: one clear line, exit code 2, no traceback, before anything long starts."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from bench.workers.pool import ROOT, missing_packages
from tests.conftest import Selection
from tests.spec.test_workloads import PARAMETERS


def bench(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "bench", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, encoding="utf-8", timeout=120)


BAD = {
    "unknown workload": (["--workload", "mlp_sqare"], "did you mean mlp_square"),
    "missing file": (["--workload", "absent.toml"], "cannot be read"),
    "unsupported file": (["--workload", "tests/spec/variants/wgan_gp.toml"], "gradient_penalty"),
    "unknown backend": (["--backend", "torch"], "no backend is called 'torch'"),
    "unknown mode": (["--mode", "fast"], "no mode is called 'fast'"),
    "unknown precision": (["--precision", "tf32"], "no precision is called 'tf32'"),
    "a precision that looks like one": (
        ["--precision", "bfloat16"],
        "no precision is called 'bfloat16'; allowed: float64, float32\n",
    ),
    "a comma in a name": (["--workload", "a,b.toml"], "a comma parts names; a file that has one"),
    "unknown device": (["--device", "tpu"], "--device: given 'tpu'; allowed: auto"),
    "two devices": (["--device", "cpu,cuda"], "--device: given 'cpu,cuda'; allowed: auto, cpu"),
    "no mode": (["--mode", ""], "--mode: given nothing"),
    "a batch size of 5000 digits": (["--batch-size", "9" * 5000], "999...'; allowed: whole"),
    "a batch size in other digits": (["--batch-size", "\u0663"], "allowed: whole numbers from 1"),
    "blocks for years": (["--blocks", "9" * 30], "--blocks: given 999"),
    "wrong batch size": (["--batch-size", "64,many"], "given 'many'"),
    "zero batch size": (["--batch-size", "0"], "given '0'"),
    "zero blocks": (["--blocks", "0"], "blocks"),
    "no turn": (["--turns", "0"], "turns"),
    "rounds too short": (["--turns", "16"], "turns"),
    "rounds like no result": (["--rounds-like", "README.md"], "README.md: no JSON"),
    "rounds like a result and not": (["--rounds-like", "a.json", "--turns", "3"], "leave --turns"),
    "backend not installed": (["--backend", "pytorch", "--python", "pytorch=/bin/true"], "absent"),
    "empty batch size": (["--batch-size", ","], "given ','"),
    "data that are too few": (["--backend", "pytorch", "--batch-size", "4096"], "4096"),
    "data that lie nowhere": (
        ["--workload", "mlp_square", "--set", "data.kind=mnist", "--data", "/nowhere"],
        "error: mlp_square: /nowhere: no folder that can be read (No such file or directory)\n",
    ),
    "data of no folder": (
        ["--workload", "mlp_square", "--set", "data.kind=mnist"],
        "error: mlp_square: data.kind: mnist is read from a folder, and none is given; give it",
    ),
    "a folder for nothing": (
        ["--data", "tests"],
        "error: --data: given tests, but nothing of dcgan_32, gaussian, mlp_square is read from",
    ),
    "interpreter of no row": (["--python", "torch=/bin/sh"], "ROW=PATH"),
    "interpreter that is no file": (["--python", "pytorch=/nowhere"], "not a file"),
    "output that is a folder": (["--output", "tests"], ".json file"),
    "override without a value": (["--set", "schedule"], "PLACE=VALUE"),
    "override of no field": (["--set", "schedule.batchsize=3"], "did you mean batch_size?"),
    "override of no place": (["--set", "steps..d_steps=3"], "steps..d_steps: not a place; write"),
    "override beyond all bounds": (["--set", f"steps.d_steps={'1' * 5000}"], 'given "111'),
    "override out of range": (["--set", "schedule.batch_size=0"], "schedule.batch_size: given 0"),
    "unknown option": (["--fast"], "--fast"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input(name: str) -> None:
    arguments, expected = BAD[name]
    done = bench("run", *arguments)
    assert done.returncode == 2, done.stderr
    assert expected in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", "empty"),
        (b"\xff", "UTF-8"),
        (b"name =", "not TOML"),
        (b"name = 1\n", "error: "),
    ],
)
def test_bad_file(content: bytes, expected: str, tmp_path: Path) -> None:
    path = tmp_path / "my.toml"
    path.write_bytes(content)
    done = bench("run", "--workload", str(path))
    assert done.returncode == 2
    assert expected in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_cuda_without_cuda(selection: Selection) -> None:
    row = selection.rows[0]
    python = selection.pythons.get(row, sys.executable)
    listed = bench("doctor", "--json", "--python", f"{row}={python}")
    if "cuda" in json.loads(listed.stdout)["rows"][row].get("devices", []):
        return
    done = bench("run", "--device", "cuda", "--backend", row, "--python", f"{row}={python}")
    assert done.returncode == 2
    assert "error: --device cuda: " in done.stderr
    assert "allowed here: cpu" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_list_counts_parameters_from_exported_states() -> None:
    found = json.loads(bench("list", "--json").stdout)
    counts = {w["name"]: w["parameters"] for w in found["workloads"]}
    assert counts == PARAMETERS


def test_doctor_names_what_is_missing() -> None:
    """This interpreter stands in for one without frameworks; where it has them, they are ok."""
    rows = json.loads(bench("doctor", "--json", "--device", "cpu").stdout)["rows"]
    for row, found in rows.items():
        lacking = list(missing_packages(row, sys.executable))
        assert (found["status"], found.get("missing", [])) == (
            ("absent", lacking) if lacking else ("ok", [])
        )


def test_an_interpreter_that_has_nothing_is_told_so() -> None:
    command = [sys.executable, "-S", "-m", "bench", "list"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, encoding="utf-8", timeout=60)
    assert (done.returncode, done.stdout) == (2, "")
    (line,) = done.stderr.splitlines()
    assert line.startswith("error: typer is not installed in this interpreter; ")
