"""The generated page and schema are current, and say what the parser says."""

import json
import re
import tomllib
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import tomli_w

import spec
from bench.plan.fitting import describe
from spec import vocabulary
from spec.errors import SpecError
from spec.examples import CONDITIONAL
from tests.spec.test_reading import GOOD, REPLACEMENTS

SHIPPED = sorted((Path(spec.__file__).parent / "workloads").glob("*.toml"))
LONG = [p for f in ("variants", "long") for p in sorted((Path(__file__).parent / f).glob("*.toml"))]
BETWEEN_FIELDS = {
    "layers do not connect",
    "G does not fit D",
    "noise does not fit G",
    "D gives no single logit",
    "range upside down",
    "two layers of one name",
    "dense on an image",
    "bias without initialiser",
    "a range that G cannot give",
    "a network that fits no memory",
    "a later layer as input",
    "an output that goes nowhere",
    "two forms of loss",
    "sequential steps in a row",
    "decay of a constant rate",
    "linear rate to nowhere",
    "an average of no network",
}
"""Wrong only in view of other fields, which a schema does not compare."""


def check(document: Any) -> None:
    jsonschema.Draft202012Validator(vocabulary.schema()).validate(document)


@pytest.mark.parametrize("path", vocabulary.files(), ids=lambda path: path.name)
def test_generated_files_are_current(path: Path) -> None:
    assert path.read_text(encoding="utf-8") == vocabulary.files()[path]


@pytest.mark.parametrize("path", [*SHIPPED, *LONG], ids=lambda path: path.stem)
def test_schema_takes_every_shipped_workload(path: Path) -> None:
    check(tomllib.loads(path.read_text(encoding="utf-8")))


@pytest.mark.parametrize("name", REPLACEMENTS)
def test_schema_rejects_what_the_parser_rejects(name: str) -> None:
    old, new, _ = REPLACEMENTS[name]
    try:
        document = json.loads(json.dumps(tomllib.loads(GOOD.replace(old, new, 1))))
    except ValueError:
        return  # not TOML, so no document
    if name in BETWEEN_FIELDS:
        check(document)
        return
    with pytest.raises(jsonschema.ValidationError):
        check(document)


@pytest.mark.parametrize("number", range(8))
def test_examples_of_the_page_can_be_read(number: int, tmp_path: Path) -> None:
    examples = re.findall(r"```toml\n(.*?)```", vocabulary.page(), flags=re.DOTALL)
    assert len(examples) == 8
    example = tomllib.loads(examples[number])
    whole = tomllib.loads(CONDITIONAL if "networks" in example else GOOD)
    whole.pop("stopping", None)  # limits on beliefs, which a loss of an example may not have
    document = whole | example
    if "networks" in example:
        document["networks"] = whole["networks"] | example["networks"]
    check(document)
    path = tmp_path / "my_gan.toml"
    path.write_text(tomli_w.dumps(document), encoding="utf-8")
    assert spec.load(str(path)).name == document["name"]


GUIDE = vocabulary.ROOT / "docs" / "bring-your-own-gan.md"
ACGAN = vocabulary.ROOT / "docs" / "zoo" / "ptgan_acgan.toml"


def blocks() -> list[str]:
    return re.findall(r"```toml\n(.*?)```", GUIDE.read_text(encoding="utf-8"), flags=re.DOTALL)


def test_the_guide_has_a_valid_file(tmp_path: Path) -> None:
    guide = GUIDE.read_text(encoding="utf-8")
    text, *parts = blocks()
    path = tmp_path / "my_gan.toml"
    path.write_text(text, encoding="utf-8")
    assert spec.load(str(path)).name == "my_gan"
    check(tomllib.loads(text))
    assert describe("my_gan.toml", spec.load(str(path)), ()) in guide
    shown = "".join(parts)
    files = (Path(spec.__file__).parent / "workloads" / "cgan.toml", ACGAN)
    whole = "".join(file.read_text(encoding="utf-8") for file in files)
    taken = [line for line in shown.splitlines() if line.startswith("  { network")]
    assert taken
    assert [line for line in taken if line not in whole] == [], "it is a workload's"
    # The guide's example of an error is the one that is given.
    path.write_text(text.replace('  { kind = "flatten" },\n', ""), encoding="utf-8")
    with pytest.raises(SpecError) as error:
        spec.load(str(path))
    assert str(error.value).removeprefix(f"{path.parent}/") in guide


def test_two_outputs_of_the_guide_fit_into_a_whole_file(tmp_path: Path) -> None:
    *_, network, phase = (tomllib.loads(block) for block in blocks())
    document = tomllib.loads(ACGAN.read_text(encoding="utf-8"))
    for part in ("forwards", "losses"):
        assert [one for one in phase[part] if one not in document["phases"][1][part]] == []
    document["networks"] |= network["networks"]
    path = tmp_path / "my_gan.toml"
    path.write_text(tomli_w.dumps(document), encoding="utf-8")
    judge = spec.load(str(path)).networks["discriminator"]
    assert judge.made == {"score": (1,), "classes": (10,)}


def test_all_that_is_generated_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = {tmp_path / "one.md": "\u00e9\n", tmp_path / "other.json": "{}\n"}
    monkeypatch.setattr(vocabulary, "files", lambda: made)
    vocabulary.main()
    assert {path: path.read_bytes().decode("utf-8") for path in tmp_path.iterdir()} == made
