"""Loss terms between any outputs: their values by SciPy or by hand, their gradients, and refusals.

What the short form is made of has its papers' formulas in test_losses.py.
"""

import tomllib
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, get_args

import autograd.numpy as anp
import numpy as np
import pytest
import tomli_w
from autograd import grad
from pydantic import TypeAdapter
from scipy.special import log_expit, log_softmax, logsumexp

import spec
from backends.protocol import COMPUTED_LOSSES
from backends.reference.losses import TERMS
from spec.errors import SpecError
from spec.losses import LossTerm

TERM: TypeAdapter[Any] = TypeAdapter(LossTerm)  # type: ignore[arg-type]
LABELS = Path(__file__).parent.parent / "meta" / "workloads" / "labels.toml"


def numbers(shape: tuple[int, ...], seed: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=shape) * 2.0


SCORES, OTHERS = numbers((5, 3, 2, 1), 1), numbers((5, 3, 2, 1), 2)
FEW, LOGITS = numbers((4, 1), 3), numbers((6, 4), 4)
CLASSES = np.array([0, 3, 3, 1, 2, 0], np.int32)
TARGETS = np.random.default_rng(5).uniform(-0.05, 1.05, size=SCORES.shape)
KNOWN: dict[str, Any] = {
    "a": SCORES,
    "b": OTHERS,
    "few": FEW,
    "logits": LOGITS,
    "class": CLASSES,
    "targets": TARGETS,
}


def bce(x: np.ndarray, target: Any) -> float:
    return -float(np.mean(target * log_expit(x) + (1 - target) * log_expit(-x)))


HELD: dict[str, tuple[dict[str, Any], Callable[[], float]]] = {
    "bce of a map": (
        {"kind": "bce", "logits": "a", "target": 0.9, "weight": 2.0},
        lambda: 2.0 * bce(SCORES, 0.9),
    ),
    "bce with targets": (
        {"kind": "bce", "logits": "a", "target": "targets", "weight": 0.5},
        lambda: 0.5 * bce(SCORES, TARGETS),
    ),
    "mean_score of a map": (
        {"kind": "mean_score", "scores": "a", "weight": -1.0},
        lambda: -float(sum(SCORES.flat) / 30),
    ),
    "least_squares of a map": (
        {"kind": "least_squares", "scores": "a", "target": 1.0, "weight": 0.5},
        lambda: float(sum((x - 1.0) ** 2 for x in SCORES.flat)) / 60,
    ),
    "hinge of a map": (
        {"kind": "hinge", "scores": "a", "sign": -1, "weight": 1.0},
        lambda: float(sum(max(0.0, 1.0 + x) for x in SCORES.flat)) / 30,
    ),
    "absolute_error": (
        {"kind": "absolute_error", "value": "a", "other": "b", "weight": 10.0},
        lambda: float(sum(abs(x - y) for x, y in zip(SCORES.flat, OTHERS.flat, strict=True))) / 3,
    ),
    "squared_error": (
        {"kind": "squared_error", "value": "a", "other": "b", "weight": 3.0},
        lambda: (
            float(sum((x - y) ** 2 for x, y in zip(SCORES.flat, OTHERS.flat, strict=True))) / 10
        ),
    ),
    "cross_entropy": (
        {"kind": "cross_entropy", "logits": "logits", "label": "class", "weight": 0.5},
        lambda: -0.5 * float(np.mean(log_softmax(LOGITS, axis=1)[np.arange(6), CLASSES])),
    ),
    "cross_entropy of one class": (
        {"kind": "cross_entropy", "logits": "logits", "label": 2, "weight": 1.0},
        lambda: -float(np.mean(log_softmax(LOGITS, axis=1)[:, 2])),
    ),
    "relativistic in pairs": (
        {"kind": "relativistic", "scores": "a", "against": "b", "form": "pairs"}
        | {"target": 1.0, "weight": 1.0},
        lambda: bce(SCORES - OTHERS, 1.0),
    ),
    "relativistic, on average": (
        {"kind": "relativistic", "scores": "few", "against": "a", "form": "average"}
        | {"target": 0.25, "weight": 0.5},
        lambda: 0.5 * bce(FEW - sum(SCORES.flat) / 30, 0.25),
    ),
    "log_partition": (
        {"kind": "log_partition", "scores": ("a", "few"), "epsilon": 0.0, "weight": 1.5},
        lambda: 1.5 * float(logsumexp(-np.concatenate([SCORES.ravel(), FEW.ravel()]))),
    ),
    "log_partition with epsilon": (
        {"kind": "log_partition", "scores": ("few",), "epsilon": 0.7, "weight": 1.0},
        lambda: float(np.log(sum(np.exp(-x) for x in FEW.flat) + 0.7)),
    ),
}


def value(fields: dict[str, Any], known: dict[str, Any]) -> Any:
    term = TERM.validate_python(fields)
    return TERMS[term.kind](term, known)


@pytest.mark.parametrize("name", HELD)
def test_values(name: str) -> None:
    fields, expected = HELD[name]
    assert float(value(fields, KNOWN)) == pytest.approx(expected(), rel=1e-13)


@pytest.mark.parametrize("name", HELD)
def test_gradients_are_slopes(name: str) -> None:
    """Of everything that a term names and that is no label, by central differences."""
    fields, _ = HELD[name]
    named = {n for f in fields.values() for n in (f if isinstance(f, tuple) else (f,))} & {*KNOWN}
    for key in sorted(named - {"class"}):
        exact = grad(lambda x, key=key: value(fields, KNOWN | {key: x}))(KNOWN[key])
        for place in np.ndindex(KNOWN[key].shape):
            step = np.zeros(KNOWN[key].shape)
            step[place] = 1e-6
            up, down = (value(fields, KNOWN | {key: KNOWN[key] + s * step}) for s in (1, -1))
            assert (up - down) / 2e-6 == pytest.approx(exact[place], rel=1e-6, abs=1e-8), key


def test_an_error_of_nothing_has_no_gradient() -> None:
    """Where the two are equal the derivative of |x| is 0."""
    fields = {"kind": "absolute_error", "value": "a", "other": "b", "weight": 1.0}
    exact = grad(lambda x: value(fields, {"a": x, "b": anp.zeros(3)}))(np.array([0.0, 2.0, -1.0]))
    assert list(exact) == [0.0, pytest.approx(1 / 3), pytest.approx(-1 / 3)]


def test_large_logits_neither_overflow_nor_vanish() -> None:
    fields = {"kind": "cross_entropy", "logits": "x", "label": 0, "weight": 1.0}
    assert value(fields, {"x": np.array([[1000.0, 0.0], [0.0, 1000.0]])}) == 500.0


def test_every_term_that_is_computed_is_here_or_in_the_short_form() -> None:
    here = {fields["kind"] for fields, _ in HELD.values()}
    assert here == set(TERMS) == set(COMPUTED_LOSSES)
    kinds = {
        get_args(m.model_fields["kind"].annotation)[0] for m in get_args(get_args(LossTerm)[0])
    }
    assert kinds - set(COMPUTED_LOSSES) == {"gradient_penalty", "r1_penalty"}


PAIR = {"kind": "absolute_error", "value": "x", "other": "made", "weight": 1.0}
ONE = {"kind": "cross_entropy", "logits": "fake", "label": "wanted", "weight": 1.0}
REFUSED: dict[str, dict[str, Any]] = {
    "phases[1].losses[0].other: 'fake' has shape [1], but 'x' has shape [8, 8, 1]; the two must be "
    "equal": PAIR | {"other": "fake"},
    "phases[1].losses[0].value: 'x.label' has 10 classes; a loss of real numbers takes no "
    "labels": PAIR | {"value": "x.label"},
    "phases[1].losses[0].scores: 'noise' has shape [12]; a discriminator gives one score a sample, "
    "[1], or a map of them, [h, w, 1]": {"kind": "mean_score", "scores": "noise", "weight": 1.0},
    "phases[1].losses[0].target: 'made' has shape [8, 8, 1], but 'fake' has shape [1]; the two "
    "must be equal": {"kind": "bce", "logits": "fake", "target": "made", "weight": 1.0},
    "phases[1].losses[0].target: no draw or output is called 'soft'; allowed: x, x.label, noise, "
    "wanted, made, real, fake": {"kind": "bce", "logits": "fake", "target": "soft", "weight": 1.0},
    "phases[1].losses[0].label: 'wanted' has 10 classes, but 'fake' has logits of 1; a label has "
    "classes, as many or fewer": ONE,
    "phases[1].losses[0].label: 'made' has shape [8, 8, 1], but 'noise' has logits of 12; a label "
    "has classes, as many or fewer": ONE | {"logits": "noise", "label": "made"},
    "phases[1].losses[0].label: given 12, but 'noise' has logits of 12 classes, which count from "
    "0": ONE | {"logits": "noise", "label": 12},
    "phases[1].losses[0].logits: 'made' has shape [8, 8, 1]; one logit a class is a vector, "
    "[K]": ONE | {"logits": "made"},
    "phases[1].losses[0].against: no draw or output is called 'old'; allowed: x, x.label, noise, "
    "wanted, made, real, fake": {"kind": "relativistic", "scores": "fake", "against": "old"}
    | {"form": "pairs", "target": 1.0, "weight": 1.0},
    "phases[1].losses[0].scores: no draw or output is called 'old'; allowed: x, x.label, noise, "
    "wanted, made, real, fake": {"kind": "log_partition", "scores": ["fake", "old"]}
    | {"epsilon": 0.0, "weight": 1.0},
}


@pytest.mark.parametrize("message", REFUSED)
def test_refused_in_one_line(message: str) -> None:
    raw = tomllib.loads(LABELS.read_text(encoding="utf-8"))
    raw["phases"][1]["losses"][0] = REFUSED[message]
    with TemporaryDirectory() as folder:
        path = Path(folder, "changed.toml")
        path.write_bytes(tomli_w.dumps(raw).encode())
        with pytest.raises(SpecError) as refused:
            spec.load(str(path))
    assert str(refused.value) == f"{path}: {message}"
