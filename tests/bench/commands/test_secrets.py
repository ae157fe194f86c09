"""Secrets that are planted all over a run are in nothing that it writes or prints."""

import json
import os
import subprocess
import sys
from pathlib import Path

from bench.report import reading, writing
from bench.workers.pool import ROOT
from tests.bench.commands.test_cli import bench
from tests.bench.report.sample import SAMPLE
from tests.bench.workers.test_cleaning import SECRET_NAMES

SMALL = ROOT / "tests" / "meta" / "workloads" / "vocabulary_b.toml"
PLANTED = {name: f"s3cr3t-{i:02d}-plant" for i, name in enumerate(SECRET_NAMES)}


def text_of(folder: Path) -> str:
    """All that lies in a folder, names included."""
    files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    return "\n".join(f"{path.relative_to(folder)}\n{path.read_text('utf-8')}" for path in files)


def test_planted_secrets_are_in_no_record_result_page_or_log(tmp_path: Path) -> None:
    secret = PLANTED["HF_TOKEN"]
    hidden, home = tmp_path / secret, tmp_path / "home" / "alice"
    given = home / secret
    for folder in (hidden, given):
        folder.mkdir(parents=True)
    (given / "gan.toml").write_bytes(SMALL.read_bytes())
    (given / "python").write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n', encoding="utf-8")
    (given / "python").chmod(0o755)
    variables = PLANTED | {
        "XLA_FLAGS": f"--xla_dump_to=/data/{secret} --xla_cpu_multi_thread_eigen=true",
        "PIP_INDEX_URL": f"https://me:{secret}@host/simple",
        "HOME": str(home),
        "USER": "alice",
        "LOGNAME": "alice",
    }
    said = f"{secret} https://me:pw0rd-in-url@host/ in {home} TF_TOKEN_elsewhere=s3cr3t-elsewhere"
    arguments = [str(given / "gan.toml"), str(hidden / "run.json"), said]
    done = subprocess.run(
        [sys.executable, "-m", "tests.bench.commands.secretive", *arguments],
        cwd=ROOT,
        env=os.environ | variables,
        capture_output=True,
        encoding="utf-8",
        timeout=240,
    )
    log = done.stdout + done.stderr
    assert done.returncode == 1, log
    assert "no access with ***" in log
    written = text_of(hidden)
    kinds = ("plan.json", "blocks/", "proofs/", "failures/", "control_failures/", "run.html")
    assert all(kind in written for kind in (*kinds, "run.json"))
    assert "--xla_dump_to=... --xla_cpu_multi_thread_eigen=true" in written
    assert "no access with *** https://host/ in ~ TF_TOKEN_elsewhere=***" in written
    assert "alice" not in written
    for one in ("s3cr3t", "pw0rd", *PLANTED.values()):
        assert one not in written
        assert one not in log
    result = json.loads((hidden / "run.json").read_text("utf-8"))
    assert [cell["id"][-2:] for cell in result["summary"]] == ["b4"]
    assert result["provenance"]["environment"].keys() >= {"XLA_FLAGS"}


def test_the_page_of_an_older_result_shows_no_more_than_that_of_a_new_one(tmp_path: Path) -> None:
    old = json.loads(SAMPLE.read_text(encoding="utf-8"))
    old["provenance"] |= {
        "environment": {"TF_VAR_password": "s3cr3t", "OMP_NUM_THREADS": "2"},
        "gpu_processes": [{"pid": 1, "name": "/home/bob/s3cr3t", "memory_bytes": 1}],
        "command_line": ["run", "--set", "https://me:s3cr3t@host/"],
    }
    path = tmp_path / "old.json"
    path.write_text(json.dumps(old), encoding="utf-8")
    page = writing.write([path], tmp_path / "old.html").read_text(encoding="utf-8")
    assert "OMP_NUM_THREADS" in page
    assert "s3cr3t" not in page
    assert "bob" not in page
    assert reading.read(path)["provenance"]["gpu_processes"] == {"count": 1, "memory_bytes": 1}


def test_errors_that_are_printed_hold_no_secret() -> None:
    os.environ["HF_TOKEN"] = "s3cr3t-elsewhere"
    try:
        done = bench("compare", "/data/s3cr3t-elsewhere.json", "b.json")
    finally:
        del os.environ["HF_TOKEN"]
    assert done.returncode == 2
    assert "/data/***.json" in done.stderr
    assert "s3cr3t" not in done.stdout + done.stderr
