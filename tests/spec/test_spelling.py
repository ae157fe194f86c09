"""A name is suggested where it is meant, and not where it only looks alike."""

import pytest

from spec.layers import AnyLayer
from spec.losses import LossTerm
from spec.places import kinds_of, models_of
from spec.spelling import OTHER_NAMES, hint, meant, near

PRECISIONS = ("float32", "float64")
SLIPS = (
    ("mlp_sqare", ("dcgan_32", "mlp_square", "mlp_small"), "mlp_square"),
    ("dcgan32", ("dcgan_32", "gaussian"), "dcgan_32"),
    ("torch", ("keras3-jax", "pytorch"), "pytorch"),
    ("beta1", ("beta_1", "beta_2"), "beta_1"),
    ("flaot32", PRECISIONS, "float32"),
)
OTHERS = (
    ("bfloat16", PRECISIONS),
    ("float16", PRECISIONS),
    ("float", ("float_a", "float_b")),
    ("keras", ("keras3-jax", "keras3-tensorflow")),
    ("flax", ("flax_nnx", "pytorch")),
    ("lion", ("adam", "adamw", "rmsprop", "sgd")),
    ("", PRECISIONS),
    ("a", ()),
)


@pytest.mark.parametrize(("given", "names", "wanted"), SLIPS)
def test_a_slip_is_understood(given: str, names: tuple[str, ...], wanted: str) -> None:
    assert near(given, names) == wanted
    assert hint(given, names) == f"did you mean {wanted}?; allowed: {', '.join(names)}"


@pytest.mark.parametrize(("given", "names"), OTHERS)
def test_another_name_is_not_a_slip(given: str, names: tuple[str, ...]) -> None:
    assert near(given, names) is None
    assert hint(given, names) == f"allowed: {', '.join(names)}"


KINDS = [kind for of in (AnyLayer, LossTerm) for model in models_of(of) for kind in kinds_of(model)]


@pytest.mark.parametrize("given", OTHER_NAMES)
def test_a_name_that_others_have_is_understood(given: str) -> None:
    assert set(OTHER_NAMES[given]) <= set(KINDS), "which is the vocabulary's"
    assert given not in KINDS
    assert meant(given, KINDS) == f"did you mean {' or '.join(OTHER_NAMES[given])}?; "
    assert meant(given, ["tanh"]) == "", "only where it is allowed"


def test_of_two_that_may_be_meant_those_are_named_that_are_allowed() -> None:
    assert meant("mse", ["bce", "least_squares"]) == "did you mean least_squares?; "
    assert meant(["mse"], ["least_squares"]) == "", "a list is no name"
