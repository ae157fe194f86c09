"""A name is suggested where it is meant, and not where it only looks alike."""

import pytest

from spec.spelling import hint, near

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
