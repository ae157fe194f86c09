"""A target says nothing of what is computed, so it is no part of the hash."""

import json
import tomllib
from pathlib import Path

import pytest
import tomli_w

import spec
from spec.errors import SpecError

FOLDER = Path(spec.__file__).parent
WITH = [name for name in spec.names() if spec.load(name).target is not None]
TARGET: dict[str, object] = {
    "kind": "mean_and_std",
    "mean_within": 0.1,
    "std_within": 0.1,
    "samples": 100,
    "every": 10,
    "hold": 2,
    "longest": 100,
    "margin": 1.25,
    "reason": "a test's",
}


def written(name: str, folder: Path, **tables: object) -> str:
    """A built-in file with other tables, as a path; None takes a table out."""
    document = tomllib.loads((FOLDER / "workloads" / f"{name}.toml").read_text(encoding="utf-8"))
    document = {k: v for k, v in (document | tables).items() if v is not None}
    path = folder / f"{name}.toml"
    path.write_text(tomli_w.dumps(document), encoding="utf-8")
    return str(path)


def test_two_workloads_have_one() -> None:
    assert {"gaussian", "mlp_square"} <= set(WITH)


@pytest.mark.parametrize("name", ["gaussian", "mlp_square", "cgan", "wgan"])
def test_a_file_has_the_same_hash_with_a_target_and_without(name: str, tmp_path: Path) -> None:
    plain = spec.load(written(name, tmp_path, target=None))
    aimed = spec.load(written(name, tmp_path, target=TARGET))
    assert plain.target is None
    assert aimed.target is not None
    assert aimed.target.margin == 1.25
    assert aimed.spec_hash == plain.spec_hash == spec.load(name).spec_hash


def test_another_target_is_no_other_gan(tmp_path: Path) -> None:
    one = spec.load("gaussian", {"target.hold": 7})
    assert one.spec_hash == spec.load("gaussian").spec_hash
    assert one.target is not None
    assert one.target.hold == 7


def test_what_a_target_puts_in_can_be_put_in() -> None:
    for name in WITH:
        target = spec.load(name).target
        assert target is not None
        spec.load(name, dict(target.set))


def test_the_long_form_keeps_it() -> None:
    workload = spec.load("gaussian")
    again = type(workload).model_validate_json(json.dumps(workload.model_dump(mode="json")))
    assert again.target == workload.target


WRONG: dict[str, tuple[dict[str, object], str]] = {
    "no kind": ({"kind": None}, "target.kind: missing; allowed: mean_and_std"),
    "an unknown key": ({"hould": 3}, "target.hould: unknown key"),
    "no evaluation": ({"every": 0}, "target.every: given 0"),
    "no margin": ({"margin": 1.0}, "target.margin: given 1.0"),
    "a band of nothing": ({"mean_within": 0.0}, "target.mean_within: given 0.0"),
    "too few samples": ({"samples": 5}, "target.samples: given 5"),
    "a length between evaluations": ({"longest": 55}, "target.longest: given 55; it is a multiple"),
    "no reason": ({"reason": None}, "target.reason: missing"),
    "a list of places": ({"set": ["a"]}, "a table of places in quotes"),
}


@pytest.mark.parametrize("what", WRONG)
def test_a_wrong_table_is_one_line(what: str, tmp_path: Path) -> None:
    fields, expected = WRONG[what]
    table = {key: value for key, value in (TARGET | fields).items() if value is not None}
    with pytest.raises(SpecError) as told:
        spec.load(written("gaussian", tmp_path, target=table))
    assert expected in str(told.value)
    assert "\n" not in str(told.value)
