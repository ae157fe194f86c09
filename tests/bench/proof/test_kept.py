"""A proof is recognised only where everything that it depends on is what it was."""

import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from bench.plan.cells import Cell
from bench.proof import kept
from bench.workers.pool import ROOT

CELL = Cell("mlp_square", "pytorch", "eager", "float32", "cpu", 64, "mlp_square")
BITS = "0123456789abcdef" * 4
RAN = {
    "fingerprint": BITS,
    "iterations": 33,
    "batch_size": 64,
    "chunk": 32,
    "seed": 0,
    "spec_hash": "abc",
    "data": "d" * 64,
    "backend": {"versions": {"torch": "2.13.0"}, "device": "cpu", "precision": {}, "threads": 2},
    "numpy": "2.4.6",
}
PROOF = {
    "status": "proved",
    "max_error": 1e-7,
    "limit": 1e-4,
    "where": "run(33) iteration 3 d_loss",
    "comparisons": 70,
    "iterations": 33,
    "batch_size": 64,
    "sensitive": False,
    "fingerprint": BITS,
}


def test_the_same_bits_under_the_same_key_are_recognised(tmp_path: Path) -> None:
    key = kept.key_of(CELL, RAN)
    assert kept.find(tmp_path, key, BITS) is None
    kept.keep(tmp_path, key, PROOF)
    assert kept.find(tmp_path, kept.key_of(CELL, RAN), BITS) == PROOF


def test_other_bits_are_not_recognised(tmp_path: Path) -> None:
    kept.keep(tmp_path, kept.key_of(CELL, RAN), PROOF)
    for other in ("0" * 64, BITS[:-1] + "0", "f" * 64):
        assert other != BITS
        assert kept.find(tmp_path, kept.key_of(CELL, RAN), other) is None


def told(**other: Any) -> dict[str, Any]:
    return kept.key_of(CELL, RAN | other)


def of_cell(**other: Any) -> dict[str, Any]:
    return kept.key_of(Cell(**CELL.as_dict() | other), RAN)


BACKEND: dict[str, Any] = dict(RAN["backend"])  # type: ignore[call-overload]
OTHER = {
    "data": lambda: told(data="e" * 64),
    "seed": lambda: told(seed=1),
    "iterations": lambda: told(iterations=34),
    "chunk": lambda: told(chunk=16),
    "batch": lambda: told(batch_size=8),
    "spec": lambda: told(spec_hash="abd"),
    "NumPy in the worker": lambda: told(numpy="2.4.7"),
    "framework": lambda: told(backend=BACKEND | {"versions": {"torch": "2.13.1"}}),
    "device": lambda: told(backend=BACKEND | {"device": "another"}),
    "threads": lambda: told(backend=BACKEND | {"threads": 1}),
    "precision flags": lambda: told(backend=BACKEND | {"precision": {"tf32": True}}),
    "row": lambda: of_cell(row="flax_nnx"),
    "mode": lambda: of_cell(mode="compiled"),
    "precision": lambda: of_cell(precision="float64"),
}


@pytest.mark.parametrize("what", OTHER)
def test_what_a_verdict_depends_on_is_in_the_key(what: str, tmp_path: Path) -> None:
    kept.keep(tmp_path, kept.key_of(CELL, RAN), PROOF)
    assert kept.find(tmp_path, OTHER[what](), BITS) is None


@pytest.mark.parametrize("package", kept.ORACLE)
def test_the_references_versions_are_in_the_key(
    package: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept.keep(tmp_path, kept.key_of(CELL, RAN), PROOF)
    own = kept.version
    monkeypatch.setattr(kept, "version", lambda n: "0.1" if n == package else own(n))
    assert kept.find(tmp_path, kept.key_of(CELL, RAN), BITS) is None


def test_the_processor_is_in_the_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept.keep(tmp_path, kept.key_of(CELL, RAN), PROOF)
    monkeypatch.setattr(kept, "cpu", lambda: "an abacus")
    assert kept.find(tmp_path, kept.key_of(CELL, RAN), BITS) is None


@pytest.mark.parametrize(
    "name",
    [
        "backends/pytorch/training.py",
        "backends/reference/optimizers.py",
        "backends/flax_nnx/deviations.toml",
        "spec/tolerances.py",
        "spec/workload.py",
        "bench/proof/sensitivity.py",
        "bench/proof/rounding.py",
        "bench/proof/timed_path.py",
    ],
)
def test_one_line_of_source_changes_the_key(name: str, tmp_path: Path) -> None:
    for folder in kept.SOURCES:
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=ignored)
    before = kept.source_hash(tmp_path)
    assert before == kept.source_hash(ROOT)
    with (tmp_path / name).open("a", encoding="utf-8") as file:
        file.write("\n# one line more\n")
    assert kept.source_hash(tmp_path) != before


def test_the_source_of_this_checkout_is_in_the_key(monkeypatch: pytest.MonkeyPatch) -> None:
    before = kept.key_of(CELL, RAN)
    monkeypatch.setattr(kept, "source_hash", lambda: "other")
    assert kept.key_of(CELL, RAN) != before


def test_a_sensitive_proof_keeps_its_float64_part(tmp_path: Path) -> None:
    key = kept.key_of(CELL, RAN)
    kept.keep(tmp_path, key, PROOF | {"sensitive": True})
    assert kept.find(tmp_path, key, BITS) is None  # without it it proves too little
    whole = PROOF | {"sensitive": True, "float64": PROOF}
    kept.keep(tmp_path, key, whole)
    assert kept.find(tmp_path, key, BITS) == whole


WRONG = {
    "no JSON": lambda content: "{",
    "another schema": lambda content: json.dumps(content | {"proof_schema": 2}),
    "another field": lambda content: json.dumps(content | {"more": 1}),
    "a limit that is none": lambda content: json.dumps(
        content | {"proof": content["proof"] | {"limit": -1.0}}
    ),
    "part of the bits": lambda content: json.dumps(
        content | {"proof": content["proof"] | {"fingerprint": BITS[:16]}}
    ),
    "another key": lambda content: json.dumps(content | {"key": content["key"] | {"seed": 1}}),
    "too large": lambda content: json.dumps(content) + " " * kept.LARGEST_BYTES,
}


NONE_OF_A_PROOF: list[tuple[str, Any]] = [
    ("limit", float("inf")),
    ("max_error", float("nan")),
    ("max_error", -1.0),
    ("comparisons", 0),
    ("iterations", 0),
    ("batch_size", 0),
    ("status", "recognised"),
    ("fingerprint", BITS.upper()),
    ("more", 1),
]


@pytest.mark.parametrize(("name", "value"), NONE_OF_A_PROOF)
def test_what_no_proof_may_say_is_ignored(name: str, value: Any, tmp_path: Path) -> None:
    key = kept.key_of(CELL, RAN)
    kept.keep(tmp_path, key, PROOF)
    (path,) = tmp_path.iterdir()
    content = json.loads(path.read_text(encoding="utf-8"))
    content["proof"] |= {name: value}
    path.write_text(json.dumps(content), encoding="utf-8")
    assert kept.find(tmp_path, key, BITS) is None


@pytest.mark.parametrize("what", WRONG)
def test_a_file_that_is_no_kept_proof_is_ignored(what: str, tmp_path: Path) -> None:
    key = kept.key_of(CELL, RAN)
    kept.keep(tmp_path, key, PROOF)
    (path,) = tmp_path.iterdir()
    path.write_text(WRONG[what](json.loads(path.read_text(encoding="utf-8"))), encoding="utf-8")
    assert kept.find(tmp_path, key, BITS) is None


def test_the_largest_and_the_least_that_are_read(tmp_path: Path) -> None:
    key, least = kept.key_of(CELL, RAN), {"comparisons": 1, "iterations": 1, "batch_size": 1}
    kept.keep(tmp_path, key, PROOF | least | {"max_error": 0.0, "limit": 0.0})
    (path,) = tmp_path.iterdir()
    text = path.read_text(encoding="utf-8")
    path.write_text(text + " " * (2**20 - len(text)), encoding="utf-8")
    assert kept.find(tmp_path, key, BITS) == PROOF | least | {"max_error": 0.0, "limit": 0.0}


def test_only_regular_files_are_read(tmp_path: Path) -> None:
    key = kept.key_of(CELL, RAN)
    kept.keep(tmp_path, key, PROOF)
    (path,) = tmp_path.iterdir()
    path.rename(tmp_path / "elsewhere")
    path.symlink_to(tmp_path / "elsewhere")
    assert kept.find(tmp_path, key, BITS) is None
    path.unlink()
    os.mkfifo(path)  # reading it would wait for ever
    assert kept.find(tmp_path, key, BITS) is None
