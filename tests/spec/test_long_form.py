"""What a file in the long form may not say: names that are taken or that nobody has."""

import copy
import tomllib
from pathlib import Path
from typing import Any

import pytest
import tomli_w

import spec
from spec.errors import SpecError

GOOD = tomllib.loads((Path(__file__).parent / "long" / "g_first.toml").read_text(encoding="utf-8"))
Change = tuple[str, Any]
FORWARD = "phases.0.forwards.1"
REFUSED: dict[str, list[Change]] = {
    "phases[1].name: an earlier phase is called 'g' too": [("phases.1.name", "g")],
    "phases[1].metrics.g_loss: another metric has this name": [
        ("phases.1.metrics", {"g_loss": "real_scores"})
    ],
    "phases[1].metrics.a: another metric has this name": [
        ("phases.0.metrics", {"a": "fake_scores"}),
        ("phases.1.metrics", {"a": "real_scores"}),
    ],
    "phases[0].forwards[1].outputs: as many outputs as inputs are needed": [
        (f"{FORWARD}.outputs", ["fake_scores", "more"])
    ],
    "networks.discriminator.layers: no layer has parameters, so phase 'd' has nothing to train": [
        ("networks.discriminator.input", [1]),
        ("networks.discriminator.layers", [{"kind": "tanh"}]),
        ("networks.generator.layers.0.units", 1),
        ("networks.generator.layers.2.shape", [1]),
        ("sources.x", {**GOOD["sources"]["z"], "shape": [1]}),
    ],
    "phases[0].draws[0]: no source is called 'y'; allowed: z, x": [("phases.0.draws", ["y"])],
    "phases[0].forwards[1].network: no network is called 'critic'; allowed: generator, "
    "discriminator": [(f"{FORWARD}.network", "critic")],
    "phases[0].forwards[1].inputs: no draw or earlier output is called 'made'; allowed: z, fake": [
        (f"{FORWARD}.inputs", ["made"])
    ],
    "networks.discriminator.input: given [8, 8, 1], but 'z' of phase 'g' has shape [16]; the two "
    "must be equal": [(f"{FORWARD}.inputs", ["z"])],
    "phases[0].losses[0].scores: no draw or output is called 'scores'; allowed: z, fake, "
    "fake_scores": [("phases.0.losses.0.scores", "scores")],
    "phases[0].losses[0].scores: 'z' has shape [16]; a discriminator gives one score a sample, "
    "[1], or a map of them, [h, w, 1]": [("phases.0.losses.0.scores", "z")],
    "phases[0].forwards[1].inputs: the network has one of them; allowed: a list of names": [
        (f"{FORWARD}.inputs", {"image": ["fake"]})
    ],
    "networks.generator.input: given [16] beside inputs; a network has input or inputs; allowed: "
    "a list of one to three whole numbers: height, width, channels of an image, or a length": [
        ("networks.generator.inputs", {"z": [16]})
    ],
    "shared.batch: no source is called 'y'; allowed: z, x": [("shared", {"batch": "y"})],
    "shared.x: a source has this name; take another": [
        ("shared", {"x": "z"}),
        ("phases.0.draws", ["x"]),
    ],
    "shared.batch: no phase draws it: name it in a phase's draws": [("shared", {"batch": "x"})],
    "phases[0].draws[0]: no source or shared draw is called 'y'; allowed: z, x, noise": [
        ("shared", {"noise": "z"}),
        ("phases.0.draws", ["y"]),
        ("phases.1.draws", ["x", "z", "noise"]),
    ],
    "phases[0].name: given 'shared', which is what draws are called that phases share": [
        ("phases.0.name", "shared")
    ],
    "phases[0].optimizer: no optimizer is called 'adam'; allowed: generator, discriminator": [
        ("phases.0.optimizer", "adam")
    ],
    "phases[0].updates[0]: no network is called 'critic'; allowed: generator, discriminator": [
        ("phases.0.updates", ["critic"])
    ],
    "phases[1].metrics.a: no output is called 'nothing'; allowed: x, z, real_scores, fake, "
    "fake_scores": [("phases.1.metrics", {"a": "nothing"})],
}


def changed(changes: list[Change]) -> dict[str, Any]:
    raw = copy.deepcopy(GOOD)
    for place, value in changes:
        *parents, last = place.split(".")
        spot: Any = raw
        for part in parents:
            spot = spot[int(part) if part.isdigit() else part]
        spot[last] = value
    return raw


@pytest.mark.parametrize("message", REFUSED)
def test_refused(message: str, tmp_path: Path) -> None:
    path = tmp_path / "gan.toml"
    path.write_text(tomli_w.dumps(changed(REFUSED[message])), encoding="utf-8")
    with pytest.raises(SpecError) as refusal:
        spec.load(str(path))
    assert str(refusal.value) == f"{path}: {message}"


def test_a_penalty_between_what_there_is_not(tmp_path: Path) -> None:
    variant = Path(__file__).parent / "variants" / "wgan_gp.toml"
    text = variant.read_text(encoding="utf-8")
    path = tmp_path / "gan.toml"
    path.write_text(text.replace('between = ["x", "fake"]', 'between = ["x", "real"]'), "utf-8")
    with pytest.raises(SpecError) as refusal:
        spec.load(str(path))
    words = "phases[0].losses[2].between: no draw or output is called 'real'; allowed: x, z, alpha"
    assert words in str(refusal.value)


def test_a_file_that_is_too_large(tmp_path: Path) -> None:
    path = tmp_path / "gan.toml"
    path.write_bytes(b"#" * 1_000_001)
    with pytest.raises(SpecError, match="1000001 bytes; a workload file has at most 1,000,000"):
        spec.load(str(path))
    path.write_text(
        tomli_w.dumps(GOOD) + "#" * (10**6 - len(tomli_w.dumps(GOOD))), encoding="utf-8"
    )
    assert path.stat().st_size == 10**6
    assert spec.load(str(path)).name == "g_first"


@pytest.mark.parametrize(
    ("name", "batch", "expected"),
    [
        ("mlp_square", 64, 32),  # the most
        # D once on real samples, G and D on its own, G and D again: 3 * 128 * (2 G + 3 D).
        ("mlp_wide", 128, 2**35 // (3 * 128 * (2 * 1_483_776 + 3 * 532_736))),
        ("dcgan_32", 64, 2**35 // (3 * 64 * (2 * 17_973_248 + 3 * 17_567_744))),
        # A hundred times rows of 1,000 numbers for D, its noise and G's noise, 4 bytes each.
        ("gaussian", 5, 2**25 // (100 * 5 * 1000 * 3 * 4)),
        ("gaussian", 100, 1),
    ],
)
def test_chunks_are_bounded_by_draws_and_by_work(name: str, batch: int, expected: int) -> None:
    workload = spec.load(name, {"schedule.batch_size": batch})
    assert workload.chunk_iterations() == expected
    assert expected in (32, 19, 2, 5, 1)
