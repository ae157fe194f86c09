"""Small workloads with their states and facts, and files of checkpoints taken apart."""

import json
import re
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import spec
from bench.training import checkpoint
from bench.training.facts import Facts
from spec.errors import UserError
from spec.state import State, init_state, is_count, with_pools
from spec.workload import Workload
from tests.conformance.cases import SMALL, filters

OVERRIDES: dict[str, dict[str, Any]] = {
    "gaussian": SMALL["gaussian"],
    "mlp_small": {"averages": {"generator": 0.999}},
    "wgan": filters("wgan", 8),
    "cyclegan_64": SMALL["cyclegan_64"]
    | {f"phases[1].pools.shown_{of}.size": 3 for of in ("a", "b")},
}
NUMBERS = (-0.0, 5e-324, 1e-45, 1 / 3, 3e38)
"""Among the first of each array that is no count: what a cast, or a text of few digits, loses."""


KERNEL = "generator/dense_0/kernel"


@lru_cache
def workload(name: str) -> Workload:
    return spec.load(name, OVERRIDES[name])


def facts(name: str = "gaussian", iteration: int = 7, **others: Any) -> Facts:
    told: dict[str, Any] = {
        "seed": 11,
        "chunk": 32,
        "draws": "own",
        "row": "flax_nnx",
        "mode": "multistep",
        "precision": "float32",
        "device": "cpu",
        "versions": {"jax": "0.10.0", "flax": "0.12.1", "optax": None},
    }
    own = others.pop("workload", None) or workload(name)
    return Facts(workload=own, iteration=iteration, **told | others)


def state(of: Facts) -> State:
    """A first state that has been moved about, with its pools half full, after its iterations."""
    own = with_pools(of.workload, init_state(of.workload, of.seed), lambda size: size // 2)
    random = np.random.default_rng(of.iteration)
    for key, array in own.items():
        if not is_count(key):
            moved = array + random.standard_normal(array.shape)
            moved.flat[: len(NUMBERS)] = NUMBERS[: moved.size]
            own[key] = moved.astype(of.precision)
    steps = {
        f"opt_state/{name}/step": of.workload.pace(name).before(of.iteration)
        for name in of.workload.optimizers
        if of.workload.counts(name)
    }
    counts = steps | {"iteration": of.iteration}
    return own | {key: np.array(count, np.int64) for key, count in counts.items()}


def written(path: Path, of: Facts | None = None) -> Facts:
    """Facts whose checkpoint was written to `path`."""
    of = of or facts()
    checkpoint.write(path, state(of), of)
    return of


Parts = tuple[dict[str, Any], bytes]


def taken_apart(path: Path) -> Parts:
    """The header's JSON and the data of a safetensors file."""
    content = path.read_bytes()
    start = 8 + int.from_bytes(content[:8], "little")
    return json.loads(content[8:start]), content[start:]


def joined(header: dict[str, Any] | str, data: bytes = b"") -> bytes:
    """A safetensors file; a header that is a text goes in as it is."""
    text = header if isinstance(header, str) else json.dumps(header)
    return len(text.encode()).to_bytes(8, "little") + text.encode() + data


def refused(path: Path, message: str) -> None:
    """One line, which names the file first and ends with what is needed."""
    with pytest.raises(UserError) as error:
        checkpoint.read(path)
    said = str(error.value)
    assert re.search(message, said), said
    assert said.startswith(f"{path}: ")
    assert "; needed: a checkpoint that a training wrote" in said
    assert "\n" not in said
    assert len(said) < len(str(path)) + 400
