"""The published GANs in docs/zoo: each loads, is computed, and has the published sizes."""

import subprocess
import sys
import tomllib
from functools import cache
from pathlib import Path
from types import ModuleType

import jsonschema
import pytest

from bench.workers.pool import ROOT
from spec import vocabulary

ZOO = ROOT / "docs" / "zoo"
FILES = sorted(ZOO.glob("*.toml"))


@cache
def counting() -> ModuleType:
    """The script, which is no package's."""
    from importlib.util import module_from_spec, spec_from_file_location

    found = spec_from_file_location("zoo_count", ZOO / "count.py")
    assert found is not None
    assert found.loader is not None
    module = module_from_spec(found)
    found.loader.exec_module(module)
    return module


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_each_has_the_published_sizes(path: Path) -> None:
    gan = counting().read(path)
    assert gan.fits, gan.counts
    assert gan.exact == (not gan.deviations)
    jsonschema.Draft202012Validator(vocabulary.schema()).validate(
        tomllib.loads(path.read_text(encoding="utf-8"))
    )


@pytest.mark.parametrize(
    ("line", "numbers"),
    [
        ("linear 100 128 bias", 12_928),
        ("conv 3 64 4", 3_072),
        ("conv 3 64 4 bias", 3_136),
        ("conv_transpose 64 3 7 bias", 9_411),
        ("norm 256", 512),
        ("embedding 10 50", 500),
        ("prelu 1", 1),
    ],
)
def test_published_layers_are_counted(line: str, numbers: int) -> None:
    assert counting().parameters(line) == numbers


def test_what_is_no_published_layer() -> None:
    with pytest.raises(ValueError, match="not a published layer: conv 3 64"):
        counting().parameters("conv 3 64")


def test_the_script_counts_them() -> None:
    """At least 24 of the 64, of which at least 14 are exact."""
    done = subprocess.run(
        [sys.executable, str(ZOO / "count.py")], capture_output=True, encoding="utf-8", check=True
    )
    last = done.stdout.splitlines()[-1]
    gans, exact, _ = (int(word) for word in last.split() if word.isdigit())
    assert gans == len(FILES) >= 24
    assert exact >= 14
    assert "DIFFERENT" not in done.stdout
    readme = (ZOO / "README.md").read_text(encoding="utf-8")
    assert last in readme
