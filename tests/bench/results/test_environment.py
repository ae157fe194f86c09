"""Variables are recorded by name, each with its reason; older results show no more than that."""

import json
import re
from pathlib import Path

import pytest

from bench.results import provenance as origin
from bench.results.environment import REASONS, published, recorded
from bench.workers.cleaning import clean
from bench.workers.pool import ROOT


def test_only_named_variables_are_recorded() -> None:
    wanted = {"OMP_NUM_THREADS": "2", "NVIDIA_TF32_OVERRIDE": "0"}
    others = {"TF_VAR_x": "a", "TF_TOKEN_y": "b", "NVIDIA_API_KEY": "c", "OMP_SECRET": "d"}
    assert recorded(wanted | others) == wanted


def test_every_variable_has_a_reason_and_none_is_a_beginning() -> None:
    assert all(reason for reason in REASONS.values())
    assert all(re.fullmatch(r"[A-Z][A-Z0-9_]*[A-Z0-9]", name) for name in REASONS)


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("XLA_FLAGS", "--xla_cpu_use_thunk_runtime=false", "--xla_cpu_use_thunk_runtime=false"),
        ("XLA_FLAGS", "--xla_dump_to=/a/s3cr3t --xla_x", "--xla_dump_to=... --xla_x"),
        ("XLA_FLAGS", "--xla_dump_to='/a b/s3cr3t'", "--xla_dump_to=..."),
        ("XLA_FLAGS", "--xla_dump_to=s3cr3t", "--xla_dump_to=..."),
        ("XLA_FLAGS", "/a/s3cr3t", "..."),
        ("XLA_FLAGS", "--token=s3cr3t 's3cr3t", "... ..."),
        ("TF_XLA_FLAGS", "--tf_xla_auto_jit=2", "--tf_xla_auto_jit=2"),
        (
            "LD_PRELOAD",
            "/home/me/libtcmalloc.so:/usr/lib/libiomp5.so",
            "libtcmalloc.so libiomp5.so",
        ),
        ("CUDNN_ERRATA_JSON_FILE", "/home/me/s3cr3t.json", "..."),
        ("CUDNN_ERRATA_JSON_FILE", "~/s3cr3t.json", "..."),
        ("CUDNN_ERRATA_JSON_FILE", "./s3cr3t.json", "..."),
        ("OMP_PLACES", "{0:4}/2", "{0:4}/2"),
        ("OMP_PLACES", ".cores", ".cores"),
        ("LD_PRELOAD", "/a/libx.so  /b/liby.so", "libx.so liby.so"),
        ("XLA_FLAGS", "--xla_a=/b/s3cr3t -xla_c=1", "--xla_a=... -xla_c=1"),
        ("XLA_FLAGS", "--xla_a_file=x --xla_file_a=x", "--xla_a_file=... --xla_file_a=x"),
        ("XLA_FLAGS", "--xla_a_dir --xla_b=", "--xla_a_dir --xla_b="),
    ],
)
def test_values_hold_no_paths(name: str, value: str, expected: str) -> None:
    assert recorded({name: value}) == {name: expected}
    assert recorded({name: expected}) == {name: expected}


def test_the_provenance_of_older_results_is_cut_down() -> None:
    running = [{"pid": 5, "name": "/home/bob/train.py", "memory_bytes": 2**30}] * 2
    old = {
        "cpu": "an abacus",
        "environment": {"CUDA_HOME": "/usr/local/cuda", "OMP_NUM_THREADS": "2"},
        "gpu_processes": running,
        "gpu_processes_after": [],
    }
    assert published(old) == {
        "cpu": "an abacus",
        "environment": {"OMP_NUM_THREADS": "2"},
        "gpu_processes": {"count": 2, "memory_bytes": 2**31},
        "gpu_processes_after": None,
    }


def test_processes_whose_memory_is_not_known_have_no_sum() -> None:
    running = [{"pid": 5, "memory_bytes": 3}, {"pid": 6, "memory_bytes": None}, {"pid": 7}]
    found = published({"gpu_processes": running, "gpu_processes_after": {"count": 1}})
    assert found["gpu_processes"] == {"count": 3, "memory_bytes": None}
    assert found["gpu_processes_after"] == {"count": 1}
    own = {"environment": None, "gpu_processes": [{"memory_bytes": 0}]}
    assert published(own) == {
        "environment": None,
        "gpu_processes": {"count": 1, "memory_bytes": 0},
    }
    assert own["gpu_processes"] == [{"memory_bytes": 0}], "what was given stays as it is"
    assert published({}) == {}


def test_where_the_result_goes_is_not_in_the_command_line(monkeypatch: pytest.MonkeyPatch) -> None:
    given = ["run", "--output", "/a/s3cr3t/r.json", "--output=/b/s3cr3t/q.json", "--quick"]
    monkeypatch.setattr("sys.argv", ["bench", *given])
    found = origin.provenance()["command_line"]
    assert found[3:] == ["run", "--output", "r.json", "--output=q.json", "--quick"]


@pytest.mark.parametrize("path", sorted(ROOT.glob("results/*/*.json")), ids=lambda path: path.stem)
def test_results_that_are_committed_hold_no_more(path: Path) -> None:
    found = json.loads(path.read_text(encoding="utf-8"))
    if isinstance(found, dict) and "provenance" in found:
        assert found["provenance"] == clean(published(found["provenance"]))
        assert found["machine_info"]["node"] == ""
