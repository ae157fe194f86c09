"""Proofs that are kept, to be recognised by their bits.

A cell that ends the proof's iterations with the same bits as one that was proved before has been
proved, if all that the verdict depends on is the same: then the reference would say the same again.
On a GPU bits vary from run to run, so there it will seldom be so.
"""

import hashlib
import json
import stat
from collections.abc import Iterator, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from bench.plan.cells import Cell
from bench.plan.machine import cpu, cpu_flags, cpus_usable
from bench.plan.records import write_atomically
from bench.workers.cleaning import clean
from bench.workers.pool import ROOT

SOURCES = ("spec", "backends", "bench/proof")
"""What a verdict is computed by: all of its source is part of the key."""
ORACLE = ("numpy", "scipy", "autograd")
OF_THE_RUN = ("spec_hash", "seed", "iterations", "batch_size", "chunk", "data", "numpy")
LARGEST_BYTES = 2**20


class Verdict(BaseModel):
    """What a proof found; a sensitive one keeps its proof in float64."""

    model_config = ConfigDict(frozen=True, allow_inf_nan=False, extra="forbid")

    status: Literal["proved"]
    max_error: float = Field(ge=0)
    limit: float = Field(ge=0)
    where: str
    comparisons: int = Field(ge=1)
    iterations: int = Field(ge=1)
    batch_size: int = Field(ge=1)
    sensitive: bool
    fingerprint: str = Field(pattern="^[0-9a-f]{64}$")
    float64: "Verdict | None" = None


class Kept(BaseModel):
    """The file."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    proof_schema: Literal[1]
    key: dict[str, Any]
    proof: Verdict


def key_of(cell: Cell, ran: Mapping[str, Any]) -> dict[str, Any]:
    """All that the verdict on a cell depends on; `ran` is what its worker said of its run."""
    backend = ran["backend"]
    return {
        "row": cell.row,
        "mode": cell.mode,
        "precision": cell.precision,
        "device": cell.device,
        **{name: ran[name] for name in OF_THE_RUN},
        "versions": backend["versions"],
        "device_name": backend["device"],
        "numerics": backend["precision"],
        "threads": backend.get("threads"),
        "oracle": {name: version(name) for name in ORACLE},
        "cpu": [cpu(), *cpu_flags()],
        "cpus_usable": cpus_usable(),
        "source": source_hash(),
    }


def source_hash(root: Path = ROOT) -> str:
    """Hash of every line that a verdict is computed by."""
    digest = hashlib.sha256()
    for path in sorted(_files(root)):
        digest.update(f"{path.relative_to(root).as_posix()}\0".encode())
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def _files(root: Path) -> Iterator[Path]:
    for folder in SOURCES:
        for path in (root / folder).rglob("*"):
            if path.is_file() and path.suffix in (".py", ".toml"):
                yield path


def find(folder: Path, key: Mapping[str, Any], fingerprint: str) -> dict[str, Any] | None:
    """The proof that was kept under this key, if it ended with these bits."""
    kept = _read(_path(folder, key))
    if kept is None or kept.key != clean(dict(key)) or kept.proof.fingerprint != fingerprint:
        return None
    if kept.proof.sensitive and key["precision"] != "float64" and kept.proof.float64 is None:
        return None
    return kept.proof.model_dump(exclude_none=True)


def keep(folder: Path, key: Mapping[str, Any], proof: Mapping[str, Any]) -> None:
    """Keep a proof that was made now, in place of an older one under this key."""
    verdict = Verdict.model_validate({name: proof.get(name) for name in Verdict.model_fields})
    content = Kept(proof_schema=1, key=dict(key), proof=verdict)
    write_atomically(_path(folder, key), content.model_dump())


def _path(folder: Path, key: Mapping[str, Any]) -> Path:
    name = hashlib.sha256(json.dumps(key, sort_keys=True).encode()).hexdigest()
    return folder / f"{name}.json"


def _read(path: Path) -> Kept | None:
    """A kept proof; None for what is none: no regular file, too large, another schema."""
    try:
        found = path.lstat()
        if not stat.S_ISREG(found.st_mode) or found.st_size > LARGEST_BYTES:
            return None
        return Kept.model_validate_json(path.read_bytes())
    except (OSError, ValidationError):
        return None
