"""One checkpoint: a canonical state (spec.state) with its facts, in one safetensors file.

Written so that a crash or a full disk leaves the old file or the new one, on the disk too. Read as
though somebody else had made it: the header and every array are held against the workload that it
names before a byte of the data is read. Nothing in a file is ever run.
"""

import os
import shutil
from collections.abc import Mapping
from io import BufferedReader, BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import numpy as safetensors

from bench.training import header
from bench.training.durable import put
from bench.training.facts import KEY, Facts, from_text
from bench.training.foreign import opened
from bench.training.header import NEEDED, Header, Refused, shown
from spec.errors import UserError
from spec.state import State, is_count, pools, shapes
from spec.workload import Workload

TYPES = {"F64": "<f8", "F32": "<f4", "I64": "<i8"}
"""NumPy's types of a safetensors file's."""
OF_PRECISION = {"float64": "F64", "float32": "F32"}
NAMED = 3
"""Names that a message lists."""


def write(path: Path, state: Mapping[str, NDArray[Any]], facts: Facts) -> None:
    """Write a checkpoint, in place of an older file at `path`, in a folder that is there.

    It takes twice the state's memory beside it. UserError where the state could not be read again,
    or the file not be written: then everything in the folder is as it was.
    """
    try:
        content = _content(state, facts)
        put(path, content)
    except Refused as error:
        raise UserError(
            f"{path}: not written: {error}; the checkpoints that are there stay as they were"
        ) from None
    except OSError as error:
        raise UserError(
            f"{path}: not written ({error.strerror}): it takes {len(content)} bytes, and "
            f"{_free(path.parent)} there; the checkpoints that are there stay as they were: make "
            "room for it, or choose another folder, and go on from the newest one"
        ) from None


def read(path: Path, expected: Workload | None = None) -> tuple[Facts, State]:
    """The facts and the state of a checkpoint, of the workload expected where one is given.

    UserError, one line, for any other file: what was found there, and what is needed.
    """
    try:
        with opened(path) as file:
            return _read(file, expected)
    except Refused as error:
        raise UserError(f"{path}: {error}; {error.cure}") from None
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror}); {NEEDED}") from None


def not_finite(state: Mapping[str, NDArray[Any]]) -> list[str]:
    """Keys of arrays with a number that is NaN or infinite: such a state is not written."""
    return sorted(key for key, array in state.items() if not np.isfinite(array).all())


def _content(state: Mapping[str, NDArray[Any]], facts: Facts) -> bytes:
    """The file, after the checks that it will meet when it is read."""
    # ascontiguousarray would make a counter one-dimensional.
    arrays = {key: np.asarray(value, order="C") for key, value in state.items()}
    content = safetensors.save(arrays, metadata={KEY: facts.text()})
    start = BytesIO(content[: header.LENGTH_BYTES + header.LARGEST_BYTES])
    _require_shapes(header.read(start, len(content)), facts)
    _require_values(arrays, facts)
    return content


def _free(folder: Path) -> str:
    try:
        return f"{shutil.disk_usage(folder).free} are free"
    except OSError:
        return "nobody knows how many are free"


def _read(file: BufferedReader, expected: Workload | None) -> tuple[Facts, State]:
    found = header.read(file, os.fstat(file.fileno()).st_size)
    if KEY not in found.metadata:
        raise Refused(f"a safetensors file without {KEY} in its metadata")
    facts = from_text(found.metadata[KEY])
    _require_same(facts.workload, expected or facts.workload)
    _require_shapes(found, facts)
    # With one descriptor from the check to the last byte, and into arrays of our own: what is
    # mapped into memory would end the process where the file is cut meanwhile.
    state = {key: _array(file, key, entry) for key, entry in found.tensors.items()}
    _require_values(state, facts)
    return facts, state


def _array(file: BufferedReader, key: str, entry: header.Entry) -> NDArray[Any]:
    array = np.empty(entry.shape, TYPES[entry.dtype])
    if file.readinto(array.reshape(-1).view(np.uint8).data) != array.nbytes:
        raise Refused(f"cut short at {shown(key)} while it was read")
    return array


def _require_same(found: Workload, expected: Workload) -> None:
    if found.spec_hash != expected.spec_hash:
        raise Refused(
            f"a checkpoint of {found.name} with spec hash {found.spec_hash}, not of "
            f"{expected.name} with {expected.spec_hash}",
            "give the workload that it was trained with, or another checkpoint",
        )


def _require_shapes(found: Header, facts: Facts) -> None:
    """The workload's tensors, all and no other, each of its shape and type."""
    wanted = shapes(facts.workload)
    _require_none(f"it lacks tensors of {facts.workload.name}", wanted.keys() - found.tensors)
    _require_none(f"it has what {facts.workload.name} has not", found.tensors.keys() - wanted)
    for key, shape in wanted.items():
        dtype = "I64" if is_count(key) else OF_PRECISION[facts.precision]
        entry = found.tensors[key]
        if (entry.dtype, entry.shape) != (dtype, shape):
            raise Refused(
                f"tensor {shown(key)} is {entry.dtype} of {shown(list(entry.shape))}, and "
                f"{dtype} of {list(shape)} in {facts.workload.name} in {facts.precision}"
            )


def _require_values(state: Mapping[str, NDArray[Any]], facts: Facts) -> None:
    """Numbers that a training can go on from: finite, with the counts of its iteration."""
    _require_none("numbers that are not finite", set(not_finite(state)))
    for key, count in _counts(facts).items():
        if state[key] != count:
            raise Refused(
                f"{shown(key)} is {state[key]}, and {count} after iteration {facts.iteration}"
            )
    for key in pools(facts.workload):
        if key.endswith("/count") and not 0 <= state[key] <= _places(state, key):
            raise Refused(f"{shown(key)} is {state[key]}, of {_places(state, key)} places")


def _counts(facts: Facts) -> dict[str, int]:
    workload = facts.workload
    steps = {
        f"opt_state/{name}/step": workload.pace(name).before(facts.iteration)
        for name in workload.optimizers
        if workload.counts(name)
    }
    return steps | {"iteration": facts.iteration}


def _places(state: Mapping[str, NDArray[Any]], key: str) -> int:
    return len(state[f"{key.removesuffix('/count')}/samples"])


def _require_none(what: str, keys: set[str]) -> None:
    if keys:
        names = ", ".join(shown(key) for key in sorted(keys)[:NAMED])
        more = f" and {len(keys) - NAMED} more" if len(keys) > NAMED else ""
        raise Refused(f"{what}: {names}{more}")
