"""A wrong file gets one line: the file, the place in it, what was given, what is allowed."""

from pathlib import Path

import pytest

import spec
from spec.errors import SpecError

GOOD = (Path(spec.__file__).parent / "workloads" / "mlp_square.toml").read_text(encoding="utf-8")

WRONG_FILES = {
    "empty": (b"", "empty"),
    "not UTF-8": (b"name = '\xff'", "UTF-8"),
    "not TOML": (b"name = ", "not TOML"),
    "a number beyond all bounds": (b"name = " + b"1" * 5000, "not TOML"),
    "nesting beyond all bounds": (b"name = " + b"[" * 20000, "not TOML"),
    "missing key": (b"name = 'a'\n", "missing"),
}

REPLACEMENTS = {
    "unknown key": ("[noise]\n", "[noise]\ncolour = 1\n", "noise.colour: unknown key"),
    "wrong type": ("units = 256", 'units = "many"', "generator.layers[0].units: given"),
    "boolean for a number": ("length = 200", "length = true", "schedule.length: given true"),
    "unknown layer": ('kind = "flatten"', 'kind = "flaten"', "discriminator.layers[0].kind"),
    "unknown optimizer": ('kind = "adam"', 'kind = "adamw"', "optimizers.generator.kind"),
    "negative rate": ("learning_rate = 2e-4", "learning_rate = -1.0", "learning_rate: given -1"),
    "infinite rate": ("learning_rate = 2e-4", "learning_rate = inf", "learning_rate"),
    "zero batch": ("batch_size = 64", "batch_size = 0", "schedule.batch_size: given 0"),
    "layers do not connect": (
        "shape = [28, 28, 1] },",
        "shape = [28, 27, 1] },",
        "generator.layers[6]",
    ),
    "G does not fit D": ("input = [28, 28, 1]", "input = [784]", "discriminator.input"),
    "noise does not fit G": ("shape = [784]", "shape = [100]", "generator.input"),
    "D gives no single logit": ("units = 1,", "units = 2,", "one logit"),
    "range upside down": ("range = [-1.0, 1.0]", "range = [1.0, -1.0]", "data.range"),
    "two layers of one name": ('{ kind = "tanh" }', '{ kind = "tanh", name = "relu_1" }', "relu_1"),
    "dense on an image": ('  { kind = "flatten" },\n', "", "flatten"),
    "bias without initialiser": (
        'kernel_init = { kind = "torch_uniform" }, bias_init = { kind = "torch_uniform" }',
        'kernel_init = { kind = "torch_uniform" }',
        "bias_init",
    ),
}


@pytest.mark.parametrize("name", WRONG_FILES)
def test_wrong_file(name: str, tmp_path: Path) -> None:
    content, expected = WRONG_FILES[name]
    path = tmp_path / "my_gan.toml"
    path.write_bytes(content)
    _one_line(path, expected)


@pytest.mark.parametrize("name", REPLACEMENTS)
def test_wrong_field(name: str, tmp_path: Path) -> None:
    old, new, expected = REPLACEMENTS[name]
    assert old in GOOD
    path = tmp_path / "my_gan.toml"
    path.write_text(GOOD.replace(old, new, 1), encoding="utf-8")
    _one_line(path, expected)


def test_missing_file(tmp_path: Path) -> None:
    _one_line(tmp_path / "absent.toml", "cannot be read")


def test_folder(tmp_path: Path) -> None:
    _one_line(tmp_path, "folder")


def test_unknown_name_suggests_a_known_one() -> None:
    with pytest.raises(SpecError, match="did you mean mlp_square"):
        spec.load("mlp_sqare")


def test_a_name_too_long_to_be_a_path() -> None:
    with pytest.raises(SpecError, match="no workload is called"):
        spec.load("x" * 5000)


def test_unknown_override_is_refused() -> None:
    with pytest.raises(SpecError, match="no such field"):
        spec.load("mlp_square", {"schedule.batchsize": 8})


def test_good_file_is_read_wherever_it_lies(tmp_path: Path) -> None:
    path = tmp_path / "my_gan.toml"
    path.write_text(GOOD, encoding="utf-8")
    assert spec.load(str(path)).spec_hash == spec.load("mlp_square").spec_hash


def _one_line(path: Path, expected: str) -> None:
    with pytest.raises(SpecError) as error:
        spec.load(str(path))
    message = str(error.value)
    assert message.startswith(str(path))
    assert expected in message
    assert "\n" not in message
