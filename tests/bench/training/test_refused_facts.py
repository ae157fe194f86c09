"""A checkpoint whose tensors or facts are not those of its workload gets one line too."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bench.training import checkpoint
from bench.training.facts import KEY
from spec.errors import UserError
from tests.bench.training.made import KERNEL, Parts, facts, joined, refused, workload, written


def without(own: dict[str, Any], data: bytes, *keys: str) -> Parts:
    """The header and the data of a file that never had some tensors."""
    held, kept = b"", {}
    entries = {key: value for key, value in own.items() if key != "__metadata__"}
    for key, value in sorted(entries.items(), key=lambda one: one[1]["data_offsets"]):
        if key not in keys:
            begin, end = value["data_offsets"]
            kept[key] = value | {"data_offsets": [len(held), len(held) + end - begin]}
            held += data[begin:end]
    return kept | {"__metadata__": own["__metadata__"]}, held


def test_tensors_that_the_workload_does_not_have(tmp_path: Path, parts: Parts) -> None:
    path, (own, data) = tmp_path / "one", parts
    path.write_bytes(joined(*without(own, data, KERNEL)))
    refused(path, f"it lacks tensors of gaussian: '{KERNEL}'")
    path.write_bytes(joined({"__metadata__": own["__metadata__"]}))
    refused(path, r"it lacks tensors of gaussian: '.*', '.*', '.*' and 10 more")
    more = {"dtype": "F32", "shape": [1], "data_offsets": [len(data), len(data) + 4]}
    path.write_bytes(joined(own | {"x\n\ud800": more}, data + bytes(4)))
    refused(path, r"it has what gaussian has not: 'x\\n\\ud800'")


def test_shapes_and_types_that_are_not_the_workloads(tmp_path: Path, parts: Parts) -> None:
    path, (own, data) = tmp_path / "one", parts
    rows, columns = own[KERNEL]["shape"]
    turned = own[KERNEL] | {"shape": [rows * columns]}
    path.write_bytes(joined(own | {KERNEL: turned}, data))
    refused(path, rf"'{KERNEL}' is F32 of \[{rows * columns}\], and F32 of \[{rows}, {columns}\]")
    path.write_bytes(joined(own | {"iteration": own["iteration"] | {"dtype": "F64"}}, data))
    refused(path, r"tensor 'iteration' is F64 of \[\], and I64 of \[\] in gaussian in float32")


@pytest.mark.parametrize("number", [np.nan, np.inf, -np.inf])
def test_numbers_that_are_not_finite(tmp_path: Path, parts: Parts, number: float) -> None:
    own, data = parts
    end = own[KERNEL]["data_offsets"][1]
    changed = data[: end - 4] + np.float32(number).tobytes() + data[end:]
    (tmp_path / "one").write_bytes(joined(own, changed))
    refused(tmp_path / "one", f"numbers that are not finite: '{KERNEL}'")


def told(parts: Parts, **others: Any) -> bytes:
    """A file whose facts are others; None leaves one out."""
    own, data = parts
    changed = json.loads(own["__metadata__"][KEY]) | others
    text = json.dumps({key: value for key, value in changed.items() if value is not None})
    return joined(own | {"__metadata__": {KEY: text}}, data)


FACTS: dict[str, tuple[dict[str, Any], str]] = {
    "another iteration": ({"iteration": 8}, "'iteration' is 7, and 8 after iteration 8"),
    "an iteration below zero": ({"iteration": -1}, "its facts at 'iteration': '.*greater"),
    "an iteration that is a text": ({"iteration": "7"}, "its facts at 'iteration': '.*integer"),
    "no seed": ({"seed": None}, "its facts at 'seed': 'Field required'"),
    "a seed that is not finite": ({"seed": float("inf")}, "its facts at 'seed'"),
    "other draws": ({"draws": "theirs"}, "its facts at 'draws': .*'own' or 'spec'"),
    "another mode": ({"mode": "x" * 10**5}, "its facts at 'mode'"),
    "a row with a path": ({"row": "../x"}, "its facts at 'row'"),
    "another precision": ({"precision": "float16"}, "its facts at 'precision'"),
    "the other precision": (
        {"precision": "float64"},
        "is F32 of .*, and F64 of .* in gaussian in float64",
    ),
    "more than is known": ({"more\n" * 99: 1}, r"its facts at '.*more\\nmore"),
    "versions in a list": ({"versions": ["x"]}, "its facts at 'versions'"),
    "no workload": ({"workload": {}}, r"its facts at 'workload\.name': 'Field required'"),
    "another name": ({"name": "wgan"}, "is said to be 'wgan' with spec hash .* is 'gaussian'"),
    "another hash": ({"spec_hash": "0" * 64}, f"with spec hash '{'0' * 64}', and is 'gaussian'"),
}


@pytest.mark.parametrize("what", FACTS)
def test_facts_that_are_none(tmp_path: Path, parts: Parts, what: str) -> None:
    change, message = FACTS[what]
    (tmp_path / "one").write_bytes(told(parts, **change))
    refused(tmp_path / "one", message)


def test_a_workload_that_was_changed_in_the_file(tmp_path: Path, parts: Parts) -> None:
    own = json.loads(parts[0]["__metadata__"][KEY])["workload"]
    own["schedule"]["batch_size"] += 1
    (tmp_path / "one").write_bytes(told(parts, workload=own))
    refused(tmp_path / "one", "its workload is said to be 'gaussian' with spec hash")
    own["networks"]["generator"]["layers"] = []
    (tmp_path / "one").write_bytes(told(parts, workload=own))
    refused(tmp_path / "one", r"its facts at 'workload")


@pytest.mark.parametrize("number", [0, 2, "1", None])
def test_another_format(tmp_path: Path, parts: Parts, number: Any) -> None:
    """Whatever else it holds: only the checkout that wrote it knows."""
    path = tmp_path / "one"
    path.write_bytes(told(parts, format=number, seed=None))
    with pytest.raises(UserError) as error:
        checkpoint.read(path)
    assert str(error.value) == (
        f"{path}: a checkpoint of format {number!r}, where this checkout reads 1; "
        "read it with the checkout that wrote it"
    )


def test_another_workload_than_expected(tmp_path: Path) -> None:
    """The title does not matter; a number of the spec does, and the hashes are told apart."""
    path, own = tmp_path / "one", workload("gaussian")
    written(path)
    retitled = own.model_copy(update={"title": "another"})
    assert checkpoint.read(path, retitled)[0] == facts()
    other = own.model_copy(update={"schedule": own.schedule.model_copy(update={"batch_size": 9})})
    with pytest.raises(UserError) as error:
        checkpoint.read(path, other)
    assert str(error.value) == (
        f"{path}: a checkpoint of gaussian with spec hash {own.spec_hash}, not of gaussian with "
        f"{other.spec_hash}; give the workload that it was trained with, or another checkpoint"
    )


def test_what_is_expected_is_asked_before_the_tensors(tmp_path: Path, parts: Parts) -> None:
    """Of two errors the one that says what to do."""
    own, data = parts
    (tmp_path / "one").write_bytes(joined(*without(own, data, KERNEL)))
    with pytest.raises(UserError, match="not of wgan"):
        checkpoint.read(tmp_path / "one", workload("wgan"))
