"""Every loss of the short form, its expansion and the reference's terms, against the papers.

The formulas stand here by hand, with SciPy's log-sigmoid: no line is shared with what is checked.
"""

import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tomli_w
from scipy.special import log_expit

import spec
from backends.reference.losses import TERMS
from spec.errors import SpecError
from spec.phases import Phase
from tests.fuzz.comparison import workload_of

Scores = np.ndarray
SOURCE = Path(spec.__file__).parent / "workloads" / "mlp_square.toml"
LOSSES: dict[str, dict[str, Any]] = {
    "bce": {"loss": "bce", "g_loss": "non_saturating"},
    "minimax": {"loss": "bce", "g_loss": "minimax"},
    "smoothed bce": {"loss": "bce", "g_loss": "non_saturating", "real_target": 0.9},
    "least squares": {"loss": "least_squares"},
    "smoothed least squares": {"loss": "least_squares", "real_target": 0.75},
    "hinge": {"loss": "hinge"},
    "wasserstein": {"loss": "wasserstein"},
}
SCORES = {
    "ordinary": ([0.3, -1.2, 2.0, 0.9], [-0.7, 1.5, 0.1, -2.5]),
    "at the kinks": ([1.0, -1.0, 0.0, 1.0], [-1.0, 1.0, 0.0, -1.0]),
    "tiny": ([1e-300, -1e-12, 0.0, 1e-8], [-1e-300, 1e-12, 1e-8, 0.0]),
    "large": ([800.0, -800.0, 40.0, -40.0], [-800.0, 800.0, 37.0, -37.0]),
}


def real_part(steps: dict[str, Any], real: Scores) -> float:
    """What D loses on real samples."""
    target = steps.get("real_target", 1.0)
    match steps["loss"]:
        case "bce":  # Goodfellow et al. 2014, equation 1; Salimans et al. 2016 for targets
            return -float(np.mean(target * log_expit(real) + (1 - target) * log_expit(-real)))
        case "least_squares":  # Mao et al. 2017, equation 2
            return float(np.mean(np.square(real - target))) / 2
        case "hinge":  # Lim and Ye 2017
            return float(np.mean(np.maximum(0.0, 1.0 - real)))
    return -float(np.mean(real))  # Arjovsky et al. 2017: the critic raises what is real


def fake_part(steps: dict[str, Any], fake: Scores) -> float:
    """What D loses on generated samples."""
    match steps["loss"]:
        case "bce":
            return -float(np.mean(log_expit(-fake)))
        case "least_squares":
            return float(np.mean(np.square(fake))) / 2
        case "hinge":
            return float(np.mean(np.maximum(0.0, 1.0 + fake)))
    return float(np.mean(fake))


def generator_loss(steps: dict[str, Any], fake: Scores) -> float:
    """What G loses."""
    match steps["loss"], steps.get("g_loss"):
        case "bce", "non_saturating":
            return -float(np.mean(log_expit(fake)))
        case "bce", _:
            return float(np.mean(log_expit(-fake)))
        case "least_squares", _:
            return float(np.mean(np.square(fake - 1.0))) / 2
    return -float(np.mean(fake))


def phases_of(steps: dict[str, Any], update: str) -> dict[str, Phase]:
    """The phases that a file with these steps has, by name."""
    raw = tomllib.loads(SOURCE.read_text(encoding="utf-8"))
    rest = {key: raw["steps"][key] for key in ("d_steps", "g_steps", "g_noise")}
    raw["steps"] = rest | {"d_update": update} | steps
    del raw["stopping"]  # beliefs of which other losses have none
    return {phase.name: phase for phase in workload_of(raw).phases}


def value(phase: Phase, real: Scores, fake: Scores) -> float:
    """A phase's loss, as the reference adds it up."""
    outputs = {"real_logits": real, "fake_logits": fake}
    return float(sum(TERMS[term.kind](term, outputs) for term in phase.losses))


@pytest.mark.parametrize("scores", SCORES)
@pytest.mark.parametrize("name", LOSSES)
def test_losses_are_the_papers(name: str, scores: str) -> None:
    steps, (real, fake) = LOSSES[name], (np.array(part) for part in SCORES[scores])
    parts = real_part(steps, real), fake_part(steps, fake)
    close = lambda x: pytest.approx(x, rel=1e-13, abs=1e-300)  # noqa: E731
    one = phases_of(steps, "sum_of_means")
    assert value(one["d"], real, fake) == close(sum(parts))
    assert value(one["g"], real, fake) == close(generator_loss(steps, fake))
    half = phases_of(steps, "concatenated")
    assert value(half["d"], real, fake) == close(sum(parts) / 2)
    assert value(half["g"], real, fake) == close(generator_loss(steps, fake))
    two = phases_of(steps, "sequential")
    assert value(two["d_real"], real, fake) == close(parts[0])
    assert value(two["d_fake"], real, fake) == close(parts[1])
    assert value(two["g"], real, fake) == close(generator_loss(steps, fake))


def test_losses_by_hand() -> None:
    """Of one score each, worked out on paper."""
    real, fake, ln2 = np.array([0.0]), np.array([0.5]), 0.6931471805599453
    expected = {
        "bce": (ln2, 0.9740769841801067, 0.4740769841801067),
        "minimax": (ln2, 0.9740769841801067, -0.9740769841801067),
        "smoothed bce": (ln2, 0.9740769841801067, 0.4740769841801067),
        "least squares": (0.5, 0.125, 0.125),
        "smoothed least squares": (0.28125, 0.125, 0.125),
        "hinge": (1.0, 1.5, -0.5),
        "wasserstein": (0.0, 0.5, -0.5),
    }
    for name, numbers in expected.items():
        phases = phases_of(LOSSES[name], "sequential")
        found = tuple(value(phases[key], real, fake) for key in ("d_real", "d_fake", "g"))
        assert found == pytest.approx(numbers, rel=1e-14), name


@pytest.mark.parametrize(
    ("update", "forwards"),
    [
        ("sum_of_means", [("discriminator", ("x",)), ("discriminator", ("fake",))]),
        ("concatenated", [("discriminator", ("x", "fake"))]),
    ],
)
def test_what_a_discriminator_is_shown(update: str, forwards: list[Any]) -> None:
    """G makes its fakes from noise without a gradient, in the mode that the file names."""
    for mode in ("train", "eval"):
        phase = phases_of({**LOSSES["bce"], "d_fakes": mode}, update)["d"]
        judged = [(f.network, f.inputs) for f in phase.forwards if f.network == "discriminator"]
        (made,) = (f for f in phase.forwards if f.network == "generator")
        assert judged == forwards
        assert (made.inputs, made.outputs, made.mode, made.detach) == (
            ("z",),
            ("fake",),
            mode,
            True,
        )
        assert not any(f.detach for f in phase.forwards if f is not made)
        assert phase.metrics == {"d_x": "real_logits", "d_g_z": "fake_logits"}
        assert (phase.updates, phase.optimizer) == (("discriminator",), "discriminator")


def test_what_a_generator_is_shown() -> None:
    phase = phases_of(LOSSES["hinge"], "sum_of_means")["g"]
    shown = [(f.network, f.inputs, f.outputs, f.mode, f.detach) for f in phase.forwards]
    assert shown == [
        ("generator", ("z",), ("fake",), "train", False),
        ("discriminator", ("fake",), ("fake_logits",), "train", False),
    ]
    assert (phase.updates, phase.optimizer, phase.draws) == (("generator",), "generator", ("z",))
    assert phase.metrics == {}


@pytest.mark.parametrize("when", ["before_step", "after_step"])
@pytest.mark.parametrize("update", ["sum_of_means", "concatenated", "sequential"])
def test_only_the_discriminator_is_clipped(update: str, when: str) -> None:
    clip = {"limit": 0.01, "when": when}
    phases = phases_of({**LOSSES["wasserstein"], "clip": clip}, update)
    for name, phase in phases.items():
        found = phase.clip and (phase.clip.limit, phase.clip.when)
        assert found == (None if name == "g" else (0.01, when)), name


@pytest.mark.parametrize(
    ("loss", "targets"),
    [
        ({"loss": "bce", "g_loss": "non_saturating"}, (0.9, 0.1, 0.8)),
        ({"loss": "bce", "g_loss": "minimax"}, (0.9, 0.2, 1.0)),
        ({"loss": "least_squares"}, (1.0, -1.0, 0.0)),
    ],
)
def test_targets_for_real_for_fake_and_for_g(
    loss: dict[str, Any], targets: tuple[float, float, float]
) -> None:
    names = ("real_target", "fake_target", "g_target")
    phases = phases_of(loss | dict(zip(names, targets, strict=True)), "sum_of_means")
    real, fake = np.array([0.3, -1.2]), np.array([0.7, 2.0])

    def of(x: Scores, target: float) -> float:
        if loss["loss"] == "least_squares":
            return float(np.mean((x - target) ** 2)) / 2
        return -float(np.mean(target * log_expit(x) + (1 - target) * log_expit(-x)))

    assert value(phases["d"], real, fake) == pytest.approx(
        of(real, targets[0]) + of(fake, targets[1])
    )
    own = -of(fake, targets[1]) if loss.get("g_loss") == "minimax" else of(fake, targets[2])
    assert value(phases["g"], real, fake) == pytest.approx(own)


@pytest.mark.parametrize("update", ["sum_of_means", "concatenated", "sequential"])
@pytest.mark.parametrize("first", ["discriminator", "generator"])
def test_who_is_first_and_whose_fakes(update: str, first: str) -> None:
    """Fakes of D's own and of G's own; or one batch of them, which the second one takes."""
    loss = {"loss": "hinge", "first": first}
    fresh = phases_of(loss, update)
    names = ["d_real", "d_fake"] if update == "sequential" else ["d"]
    ordered = [*names, "g"] if first == "discriminator" else ["g", *names]
    assert list(fresh) == ordered
    assert all(not phase.reuse for phase in fresh.values())
    one = phases_of(loss | {"g_noise": "reused"}, update)
    assert list(one) == ordered
    makes = names[-1] if first == "discriminator" else "g"
    takes = "g" if first == "discriminator" else names[-1]
    for name, phase in one.items():
        generates = any(forward.network == "generator" for forward in phase.forwards)
        assert generates == (name == makes)
        assert ("z" in phase.draws) == (name == makes)
        assert phase.losses == fresh[name].losses
    (reuse,) = one[takes].reuse.values()
    form = "graph" if first == "discriminator" else "value"
    assert (reuse.phase, reuse.output, reuse.form) == (makes, "fake", form)


@pytest.mark.parametrize(
    ("steps", "says"),
    [
        ({"g_steps": 2}, "steps.g_steps: given 2; g_noise = 'reused' has g_steps = 1"),
        ({"d_steps": 3}, "steps.d_steps: given 3; g_noise = 'reused' has d_steps = 1"),
        (
            {"loss": "bce", "g_loss": "minimax", "g_target": 0.9},
            "steps.g_target: given 0.9; minimax is D's own term for generated samples",
        ),
        (
            {"fake_target": 0.1},
            "steps.fake_target: given 0.1; it means nothing to the loss 'hinge', leave it out",
        ),
        (
            {"loss": "bce", "g_loss": "non_saturating", "fake_target": -1.0},
            "steps.fake_target: given -1.0; a target of bce is a number from 0 to 1",
        ),
    ],
)
def test_what_the_short_form_refuses(steps: dict[str, Any], says: str, tmp_path: Path) -> None:
    raw = tomllib.loads(SOURCE.read_text(encoding="utf-8"))
    rest = {"d_steps": 1, "g_steps": 1, "g_noise": "reused", "d_update": "sum_of_means"}
    raw["steps"] = rest | {"loss": "hinge"} | steps
    del raw["stopping"]
    path = tmp_path / "gan.toml"
    path.write_text(tomli_w.dumps(raw), encoding="utf-8")
    with pytest.raises(SpecError) as refused:
        spec.load(str(path))
    assert str(refused.value).startswith(f"{path}: {says}")
