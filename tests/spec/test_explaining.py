"""The whole line that a wrong field gets, word by word."""

from pathlib import Path
from typing import Any

import pytest

import spec
from spec.errors import SpecError
from tests.spec.test_reading import GOOD

TORCH = '{ kind = "torch_uniform" }'
LAST = f"units = 1, bias = true, kernel_init = {TORCH}, bias_init = {TORCH} }},"
DATA = "shape = [28, 28, 1]\n"
NUMBER = "every number is written, there are no defaults; allowed: a"
IMAGE = "allowed: a list of three whole numbers: height, width, channels"

WHERE = "(docs/bring-your-own-gan.md)"
PARTS = f"the long form has any number of networks, sources and optimizers {WHERE}"
PHASES = (
    "the long form has any phases in any order, each with its own losses, targets, optimizer and "
    f"clip {WHERE}"
)

FIELDS = {
    "no near key": (
        "[noise]\n",
        "[noise]\ncolour = 1\n",
        "noise.colour: unknown key; allowed: kind, mean, std, shape",
    ),
    "a key of another table": (
        "[noise]\n",
        "[noise]\nepsilon = 1\n",
        "noise.epsilon: unknown key; allowed: kind, mean, std, shape",
    ),
    "a near kind": (
        'kind = "adam"',
        'kind = "adan"',
        'optimizers.generator.kind: given "adan"; did '
        "you mean adam?; allowed: adam, adamw, rmsprop, sgd",
    ),
    "no kind": ('kind = "normal"', "", "noise.kind: missing; allowed: normal, uniform"),
    "a kind that is no text": (
        'kind = "normal"',
        "kind = [1]",
        "noise.kind: given [1]; allowed: normal, uniform",
    ),
    "no number": (
        "std = 1.0\n",
        "",
        f"noise.std: missing; {NUMBER} number above 0 and at most 1,000,000",
    ),
    "no section": (
        '[schedule]\nbatch_size = 64\nlength = 200\nunit = "epochs"\nlearning_rate = "constant"\n',
        "",
        "schedule: missing; [schedule] is a table with batch_size, length, unit, learning_rate",
    ),
    "no text": (
        'title = "MLP GAN on digits, with noise of the image\'s size"\n',
        "",
        "title: missing; allowed: text in quotes",
    ),
    "two missing": (
        "mean = 0.0\nstd = 1.0\n",
        "",
        f"noise.mean: missing; {NUMBER} number from -1,000,000 to 1,000,000; also missing: std",
    ),
    "data of one number": (DATA, "shape = [784]\n", f"data.shape: given [784]; {IMAGE}"),
    "data of four numbers": (
        DATA,
        "shape = [1, 2, 3, 4]\n",
        f"data.shape: given [1, 2, 3, 4]; {IMAGE}",
    ),
    "a text for a table": (
        '{ kind = "relu" }',
        '"relu"',
        'generator.layers[1]: given "relu"; allowed: a table with a kind and its fields',
    ),
    "a number for a table": (
        "[steps]\n",
        "[steps]\nclip = 3\n",
        "steps.clip: given 3; allowed: a table with limit, when",
    ),
    "a near word": (
        'unit = "epochs"',
        'unit = "epoch"',
        'schedule.unit: given "epoch"; did you mean epochs?; allowed: iterations, rounds, epochs',
    ),
    "a name with a space": (
        'name = "mlp_square"',
        'name = "My GAN"',
        'name: given "My GAN"; allowed: '
        "a name of at most 64 small letters, digits and _, the first a letter",
    ),
    "a key with a space": (
        "[schedule]\n",
        '[averages]\n"My D" = 0.9\n[schedule]\n',
        "averages.My D: "
        'given "My D"; allowed: a name of at most 64 small letters, digits and _, the first a '
        "letter",
    ),
    "a key of no part": (
        "[generator]\n",
        "[x]\n[generator]\n",
        "x: unknown key; allowed: name, title, generator, discriminator, noise, data, steps, "
        f"optimizers, schedule, averages, stopping, target, provenance; {PARTS}",
    ),
    "G first": (
        "[steps]\n",
        '[steps]\norder = "g_first"\n',
        "steps.order: unknown key; allowed: d_steps, g_steps, d_update, g_noise, first, loss, "
        f"g_loss, real_target, fake_target, g_target, d_fakes, clip; {PHASES}",
    ),
    "a third optimizer": (
        "[schedule]\n",
        "[optimizers.encoder]\n[schedule]\n",
        f"optimizers.encoder: unknown key; allowed: generator, discriminator; {PARTS}",
    ),
    "another target": (
        "d_steps = 1",
        "real_target = -1.0\nd_steps = 1",
        "steps.real_target: given -1.0; a target of bce is a number from 0 to 1",
    ),
    "another update": (
        '"sum_of_means"',
        '"g_first"',
        'steps.d_update: given "g_first"; allowed: sum_of_means, concatenated, sequential; '
        f"{PHASES}",
    ),
    "a stream as noise": (
        'kind = "normal"',
        'kind = "gaussian_stream"',
        'noise.kind: given "gaussian_stream"; allowed: normal, uniform; the long form has any '
        f"source as the generator's input {WHERE}",
    ),
    "steps in turn, twice": (
        'd_steps = 1\ng_steps = 1\nd_update = "sum_of_means"',
        'd_steps = 2\ng_steps = 1\nd_update = "sequential"',
        "steps.d_steps: given 2; d_update = 'sequential' has d_steps = 1: its two steps in turn; "
        f"{PHASES}",
    ),
    "a list for a number": (
        "units = 256",
        "units = [256]",
        "generator.layers[0].units: given [256]; it is one value, no list; allowed: a whole number "
        "from 1 to 2,147,483,648",
    ),
    "a list for a truth value": (
        "bias = true",
        "bias = [true]",
        "generator.layers[0].bias: given [true]; it is one value, no list; allowed: true or false",
    ),
    "a list for a word": (
        'unit = "epochs"',
        'unit = ["epochs"]',
        'schedule.unit: given ["epochs"]; it is one value, no list; allowed: iterations, rounds, '
        "epochs",
    ),
    "keys of both forms": (
        "[schedule]\n",
        "[sources]\n[schedule]\n",
        "sources: the long form's, but generator is the short form's; a file has either networks, "
        "sources, phases, shared or generator, discriminator, noise, data, steps",
    ),
    "half a step": (
        "d_steps = 1",
        "d_steps = 1.5",
        "steps.d_steps: given 1.5; allowed: a whole number from 1 to 1,000",
    ),
    "too many steps": (
        "g_steps = 1",
        "g_steps = 1001",
        "steps.g_steps: given 1001; allowed: a whole number from 1 to 1,000",
    ),
    "a rate too high": (
        "learning_rate = 2e-4",
        "learning_rate = 10.5",
        "optimizers.generator.learning_rate: given 10.5; allowed: a number above 0 and at most 10",
    ),
    "not a number": (
        "mean = 0.0",
        "mean = nan",
        "noise.mean: given NaN; allowed: a number from -1,000,000 to 1,000,000",
    ),
    "g_loss left out": (
        'g_loss = "non_saturating"\n',
        "",
        "steps.g_loss: missing; with loss = 'bce' it "
        "is non_saturating or minimax, with every other loss it is left out",
    ),
    "g_loss of another loss": (
        "g_loss = ",
        'loss = "hinge"\ng_loss = ',
        "steps.g_loss: given with "
        "loss = 'hinge'; with loss = 'bce' it is non_saturating or minimax, with every other loss "
        "it is left out",
    ),
    "linear without decay": (
        'learning_rate = "constant"',
        'learning_rate = "linear"',
        "schedule.decay_factor: missing; learning_rate = 'linear' needs a decay_factor and "
        "decay_iterations",
    ),
    "an image of three channels": (
        DATA,
        "shape = [28, 28, 3]\n",
        "data.shape: given [28, 28, 3]; digits have 1 channel",
    ),
    "bias without initialiser": (
        f"{TORCH}, bias_init = {TORCH}",
        TORCH,
        "generator.layers[0].bias_"
        "init: missing; bias = true needs a bias_init: torch_uniform, normal or constant",
    ),
    "initialiser without bias": (
        "bias = true",
        "bias = false",
        "generator.layers[0].bias_init: given with bias = false; leave it out, or take bias = true",
    ),
    "a kernel's rule for a bias": (
        f"bias_init = {TORCH}",
        'bias_init = { kind = "he", distribution = "normal" }',
        'generator.layers[0].bias_init.kind: given "he"; allowed: torch_uniform, '
        "normal, constant (glorot, he and lecun are rules for kernels: a vector has no fans)",
    ),
    "D on another size": (
        "input = [28, 28, 1]",
        "input = [42, 42, 1]",
        "discriminator.input: given "
        "[42, 42, 1], but the generator gives [28, 28, 1]; the two must be equal",
    ),
    "data of another size": (
        DATA,
        "shape = [14, 28, 1]\n",
        "discriminator.input: given [28, 28, 1], "
        "but data.shape is [14, 28, 1]; the two must be equal",
    ),
    "noise of another size": (
        "shape = [784]\n",
        "shape = [100]\n",
        "generator.input: given [784], but noise.shape is [100]; the two must be equal",
    ),
    "a D of two numbers": (
        "units = 1,",
        "units = 2,",
        "discriminator.layers: gives [2]; a discriminator gives one logit a sample, [1]",
    ),
    "a D that ends in a sigmoid": (
        LAST,
        f'{LAST} {{ kind = "sigmoid" }}, {{ kind = "flatten" }},',
        "discriminator.layers[6]: given sigmoid at the end, but D gives logits or scores: bce has "
        "the sigmoid in it; remove the layer; the long form has no such rule, for a document that "
        f"really asks for it {WHERE}",
    ),
}


@pytest.mark.parametrize("name", FIELDS)
def test_line(name: str, tmp_path: Path) -> None:
    old, new, expected = FIELDS[name]
    assert old in GOOD
    path = tmp_path / "my_gan.toml"
    path.write_text(GOOD.replace(old, new, 1).partition("[provenance]")[0], encoding="utf-8")
    with pytest.raises(SpecError) as error:
        spec.load(str(path))
    assert str(error.value) == f"{path}: {expected}"


@pytest.mark.parametrize("loss", ["least_squares", "hinge", "wasserstein"])
def test_every_loss_takes_one_score_without_a_sigmoid(loss: str) -> None:
    last = spec.load("mlp_square").networks["discriminator"].layers[-1].model_dump(mode="json")
    del last["name"], last["inputs"]
    put = {"steps.loss": loss, "steps.g_loss": None}
    with pytest.raises(SpecError, match=r"a discriminator gives one score a sample, \[1\]"):
        spec.load("mlp_square", {**put, "discriminator.layers[5].units": 2})
    with pytest.raises(
        SpecError, match=r"layers\[5\]: given sigmoid at the end, but D gives logits"
    ):
        spec.load(
            "mlp_square",
            {
                **put,
                "discriminator.layers[3]": last,
                "discriminator.layers[4]": {"kind": "flatten"},
                "discriminator.layers[5]": {"kind": "sigmoid"},
            },
        )


def test_a_network_without_layers() -> None:
    message = r"layers: given \[\]; allowed: a list of one or more, each a table with a kind"
    with pytest.raises(SpecError, match=message):
        spec.load("mlp_square", {"generator.layers": []})


def test_a_convolution_on_a_vector() -> None:
    with pytest.raises(SpecError, match=r"layers\[0\]: a convolution takes \(height, width, cha"):
        spec.load("dcgan_32", {"discriminator.input": [3072]})


def test_a_sigmoid_inside_a_discriminator_is_a_layer_like_others() -> None:
    assert spec.load("mlp_square", {"discriminator.layers[4]": {"kind": "sigmoid"}})


TOGETHER: dict[str, tuple[str, dict[str, Any]]] = {
    "noise.low: given 2.0; it must be below high, 1.0": ("gaussian", {"noise.low": 2.0}),
    "generator.layers: no layer has parameters: nothing to train": (
        "mlp_square",
        {"generator.layers": [{"kind": "reshape", "shape": [28, 28, 1]}]},
    ),
    "schedule.decay_factor: given 0.0, but an exponential rate never reaches 0": (
        "mlp_square",
        {
            "schedule.learning_rate": "exponential",
            "schedule.decay_factor": 0.0,
            "schedule.decay_iterations": 5,
        },
    ),
    "steps.real_target: given 0.9; it means nothing to the loss 'hinge'": (
        "mlp_square",
        {"steps.loss": "hinge", "steps.g_loss": None, "steps.real_target": 0.9},
    ),
    "generator.layers[0].kernel_init.std: given 1000001.0; allowed: a number from 0": (
        "gaussian",
        {"generator.layers[0].kernel_init.std": 1000001.0},
    ),
}


@pytest.mark.parametrize("line", TOGETHER)
def test_fields_that_do_not_go_together(line: str) -> None:
    name, put = TOGETHER[line]
    with pytest.raises(SpecError) as error:
        spec.load(name, put)
    assert str(error.value).startswith(f"{name}: {line}")


@pytest.mark.parametrize("rule", ["torch_uniform", "he"])
def test_a_normalisation_has_no_fans(rule: str) -> None:
    init = {"kind": rule} | ({"distribution": "normal"} if rule == "he" else {})
    with pytest.raises(
        SpecError, match=r"layers\[2\]\.bias_init\.kind: .*allowed: normal, constant "
    ):
        spec.load("dcgan_32", {"generator.layers[2].bias_init": init})


def test_half_an_affine_normalisation() -> None:
    with pytest.raises(
        SpecError, match=r"generator\.layers\[2\]\.scale_init: missing; scale_init and"
    ):
        spec.load("dcgan_32", {"generator.layers[2].scale_init": None})


def test_files_in_the_long_form_keep_their_own_names(tmp_path: Path) -> None:
    path = tmp_path / "long.toml"
    variant = Path(__file__).parent / "variants" / "wgan_gp.toml"
    text = variant.read_text(encoding="utf-8")
    cases = (
        ("shape = [2]", "shape = [3]", "networks.generator.input: given [2], but 'z' of phase 'cr"),
        ("repeat = 5", "repeat = 1001", "phases[0].repeat: given 1001; allowed: a whole number"),
        ("units = 1,", "units = 2,", "'fake_scores' has shape [2]; a discriminator gives one sc"),
        ("draws = [", "draw = [", "phases[0].draw: unknown key; did you mean draws?"),
        ("[[phases]]", "[[phase]]", "phase: unknown key; did you mean phases?"),
    )
    for old, new, expected in cases:
        assert old in text
        path.write_text(text.replace(old, new), encoding="utf-8")
        with pytest.raises(SpecError) as error:
            spec.load(str(path))
        assert expected in str(error.value)
