"""A wrong file gets one line: the file, the place in it, what was given, what is allowed."""

import tomllib
from pathlib import Path

import pytest

import spec
from spec.errors import SpecError
from spec.network import Network

GOOD = (Path(spec.__file__).parent / "workloads" / "mlp_square.toml").read_text(encoding="utf-8")

WRONG_FILES = {
    "empty": (b"", "empty"),
    "not UTF-8": (b"name = 'a'\ntitle = '\xc3\xa9\xff'", "line 2, column 11: not UTF-8"),
    "not TOML": (b"name = ", "not TOML"),
    "a missing comma": (b"x = [\n 1\n 2]", "(at line 3, column 2); is a comma missing before it?"),
    "a number beyond all bounds": (b"x = " + b"1" * 5000, "not TOML: a number has more digits"),
    "nesting beyond all bounds": (
        b"name = " + b"[" * 20000,
        "not TOML: lists or tables are nested",
    ),
    "nested deeper than any workload": (
        b"name = " + b"{a=" * 300 + b"1" + b"}" * 300,
        "too deeply",
    ),
    "missing key": (b"name = 'a'\n", "missing"),
}

REPLACEMENTS = {
    "unknown key": ("[noise]\n", "[noise]\ncolour = 1\n", "noise.colour: unknown key"),
    "wrong type": ("units = 256", 'units = "many"', "generator.layers[0].units: given"),
    "boolean for a number": ("length = 200", "length = true", "schedule.length: given true"),
    "unknown layer": ('kind = "flatten"', 'kind = "flaten"', "discriminator.layers[0].kind"),
    "unknown optimizer": ('kind = "adam"', 'kind = "lion"', "optimizers.generator.kind"),
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
    "a near key": ("units = 256", "unit = 256", "did you mean units?"),
    "a range that G cannot give": (
        "range = [-1.0, 1.0]",
        "range = [0.0, 255.0]",
        "data.range: given [0.0, 255.0], but the generator ends in tanh",
    ),
    "a network that fits no memory": ("units = 256", "units = 20000000", "GiB"),
    "a later layer as input": (
        '{ kind = "flatten" }',
        '{ kind = "flatten", inputs = ["dense_1"] }',
        "discriminator.layers[0].inputs: no earlier layer is called 'dense_1'",
    ),
    "an output that goes nowhere": (
        '{ kind = "relu" }',
        '{ kind = "relu", inputs = ["input"] }',
        "generator.layers[0]: the output of 'dense_0' goes nowhere",
    ),
    "two forms of loss": ('g_loss = "non_saturating"\n', "", "g_loss"),
    "sequential steps in a row": (
        'd_steps = 1\ng_steps = 1\nd_update = "sum_of_means"',
        'd_steps = 2\ng_steps = 1\nd_update = "sequential"',
        "d_steps = 1",
    ),
    "decay of a constant rate": (
        'learning_rate = "constant"',
        'learning_rate = "constant"\ndecay_factor = 0.5',
        "schedule.decay_factor: given, but learning_rate = 'constant' has no",
    ),
    "linear rate to nowhere": (
        'learning_rate = "constant"',
        'learning_rate = "linear"',
        "learning_rate = 'linear' needs a decay_factor and decay_iterations",
    ),
    "unknown form of rate": (
        'learning_rate = "constant"',
        'learning_rate = "cosine"',
        "schedule.learning_rate: given",
    ),
    "dropout of everything": (
        '{ kind = "relu" }',
        '{ kind = "dropout", rate = 1.0 }',
        "generator.layers[1].rate: given 1",
    ),
    "an average of no network": (
        "[schedule]",
        "[averages]\ncritic = 0.9\n\n[schedule]",
        "averages.critic: no network is called 'critic'; allowed: generator, discriminator",
    ),
    "unknown initialiser": ('kind = "torch_uniform"', 'kind = "xavier"', "kernel_init"),
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


def test_batch_norm_on_a_single_value(tmp_path: Path) -> None:
    norm = '{ kind = "batch_norm", epsilon = 1e-5, keep = 0.9, running_variance = "biased" }'
    path = tmp_path / "my_gan.toml"
    text = GOOD.replace('{ kind = "relu" }', norm, 1).replace("batch_size = 64", "batch_size = 1")
    path.write_text(text, encoding="utf-8")
    _one_line(path, f"{path}: generator.layers[1]: batch_norm on one value in each channel")


def test_output_padding_below_stride() -> None:
    put = {"generator.layers[4].output_padding": 2}
    expected = r"layers\[4\]\.output_padding: given 2; it must be below the stride, 2"
    with pytest.raises(SpecError, match=expected):
        spec.load("dcgan_32", put)


def test_a_key_is_shown_as_far_as_a_line_goes_and_a_value_in_its_own_letters(
    tmp_path: Path,
) -> None:
    path = tmp_path / "my_gan.toml"
    path.write_text(f'{GOOD}\n["{"k" * 3000}"]\n', encoding="utf-8")
    _one_line(path, f"{'k' * 77}...: unknown key; allowed: name")
    path.write_text(GOOD.replace('"mlp_square"', '"m\u00e9mo\\u001b"', 1), encoding="utf-8")
    _one_line(path, 'name: given "m\u00e9mo\\u001b"; allowed: a name')


def test_a_network_is_walked_as_often_however_many_layers_it_has(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    walks: list[int] = []
    walk = Network._walk
    monkeypatch.setattr(Network, "_walk", lambda network: walks.append(0) or walk(network))  # type: ignore[func-returns-value]
    counts = []
    for more in (0, 50):
        walks.clear()
        layers = [{"kind": "relu"}] * more + tomllib.loads(GOOD)["generator"]["layers"]
        assert spec.load("mlp_square", {"generator.layers": layers})
        counts.append(len(walks))
    assert counts[0] == counts[1]


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


def test_good_file_is_read_wherever_it_lies(tmp_path: Path) -> None:
    path = tmp_path / "my_gan.toml"
    path.write_text(GOOD, encoding="utf-8")
    assert spec.load(str(path)).spec_hash == spec.load("mlp_square").spec_hash


def test_mark_of_utf_8_is_no_content(tmp_path: Path) -> None:
    path = tmp_path / "my_gan.toml"
    path.write_bytes(b"\xef\xbb\xbf" + GOOD.encode())
    assert spec.load(str(path)).spec_hash == spec.load("mlp_square").spec_hash


def _one_line(path: Path, expected: str) -> None:
    with pytest.raises(SpecError) as error:
        spec.load(str(path))
    message = str(error.value)
    assert message.startswith(str(path))
    assert expected in message
    assert "\n" not in message


def test_batch_norm_of_one_image_has_as_many_values_as_pixels() -> None:
    assert spec.load("dcgan_32", {"schedule.batch_size": 1}).schedule.batch_size == 1
