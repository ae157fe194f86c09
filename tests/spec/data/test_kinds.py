"""`--set data.kind=...` is all that it takes: fields of the old kind make way."""

import tomllib
from pathlib import Path
from typing import Any

import pytest
import tomli_w

import spec
from spec.errors import SpecError

BUILT_IN = Path(spec.__file__).parent / "workloads"
ARRAYS = {"digits": ("mnist",), "photos": ("cifar10", "images")}


def sources_of(name: str) -> dict[str, str]:
    """`data`, or `sources.x` of the long form -> the kind of every array."""
    raw = tomllib.loads((BUILT_IN / f"{name}.toml").read_text(encoding="utf-8"))
    found = (
        {"data": raw["data"]}
        if "data" in raw
        else {f"sources.{key}": source for key, source in raw["sources"].items()}
    )
    return {place: of["kind"] for place, of in found.items() if of["kind"] in ARRAYS}


CASES = [
    (name, place, kind)
    for name in spec.names()
    for place, old in sources_of(name).items()
    for kind in ARRAYS[old]
]


@pytest.mark.parametrize(("name", "place", "kind"), CASES)
def test_every_workload_of_images_takes_another_kind(name: str, place: str, kind: str) -> None:
    workload = spec.load(name, {f"{place}.kind": kind})
    source = workload.arrays["x" if place == "data" else place.partition(".")[2]]
    before = spec.load(name).arrays["x" if place == "data" else place.partition(".")[2]]
    assert (source.kind, source.count, source.sha256) == (kind, None, None)
    assert getattr(source, "interpolation", None) == "bilinear"
    kept = {"shape", "range", "sampling", "parts"}
    assert source.model_dump(include=kept) == before.model_dump(include=kept)
    assert workload.spec_hash != spec.load(name).spec_hash


def test_there_are_such_workloads() -> None:
    assert {kind for *_, kind in CASES} == {"mnist", "cifar10", "images"}
    assert {place for _, place, _ in CASES} > {"data", "sources.china"}


@pytest.mark.parametrize("turned", [False, True])
def test_what_is_put_beside_the_kind_stays(turned: bool) -> None:
    """In whichever order it is put: it is of the new kind."""
    put: dict[str, Any] = {"data.kind": "cifar10", "data.count": 50000, "data.sha256": "00"}
    source = spec.load("dcgan_32", dict(reversed(put.items())) if turned else put).arrays["x"]
    assert (source.count, source.sha256) == (50000, "00")
    with pytest.raises(SpecError, match=r"data\.patch_stride: unknown key; allowed: kind, shape"):
        spec.load("dcgan_32", {"data.patch_stride": 8, "data.kind": "cifar10"})


def test_a_part_that_the_new_kind_has_not_is_refused() -> None:
    with pytest.raises(SpecError, match=r"parts\.label\.kind: given class; images have no classes"):
        spec.load("cgan", {"sources.x.kind": "images"})


def test_channels_that_the_new_kind_has_not_are_refused() -> None:
    for name, kind, says in (
        ("mlp_square", "cifar10", r"given \[28, 28, 1\]; cifar10 has 3 channels"),
        ("dcgan_32", "mnist", r"given \[32, 32, 3\]; mnist has 1 channel"),
    ):
        with pytest.raises(SpecError, match=rf"data\.shape: {says}"):
            spec.load(name, {"data.kind": kind})
    with pytest.raises(SpecError, match=r"data\.shape: given \[32, 32, 2\]; images have 1 or 3 ch"):
        spec.load("dcgan_32", {"data.kind": "images", "data.shape": [32, 32, 2]})


def test_a_misspelt_key_of_the_file_is_still_refused(tmp_path: Path) -> None:
    raw = tomllib.loads((BUILT_IN / "dcgan_32.toml").read_text(encoding="utf-8"))
    raw["data"]["shap"] = 3
    path = tmp_path / "gan.toml"
    path.write_text(tomli_w.dumps(raw), encoding="utf-8")
    with pytest.raises(SpecError, match=r"data\.shap: unknown key"):
        spec.load(str(path), {"data.kind": "cifar10"})


@pytest.mark.parametrize(
    ("kind", "says"),
    [
        ("gaussian_stream", "interpolation: unknown key"),
        ("mnst", 'kind: given "mnst"; did you mean mnist'),
        (3, "kind: given 3; allowed: "),
        (["mnist"], r'kind: given \["mnist"\]; allowed: '),
    ],
)
def test_what_is_no_array_changes_nothing_else(kind: object, says: str) -> None:
    with pytest.raises(SpecError, match=rf"^mlp_square: data\.{says}"):
        spec.load("mlp_square", {"data.kind": kind})


def test_what_was_no_array_keeps_its_fields() -> None:
    with pytest.raises(
        SpecError, match=r"^gaussian: data\.mean: unknown key; allowed: kind, shape"
    ):
        spec.load("gaussian", {"data.kind": "mnist"})


def test_holding_out_forgets_neither_count_nor_checksum() -> None:
    source = spec.load("mlp_square", {"data.hold_out": 0.1}).arrays["x"]
    before = spec.load("mlp_square").arrays["x"]
    assert (source.count, source.sha256) == (before.count, before.sha256) != (None, None)
