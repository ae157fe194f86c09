"""Every layer of the reference by loops over single numbers, and its derivatives by differences.

The formulas stand here by hand, with Python's and SciPy's functions: no line is shared with what is
checked. Convolutions, batch norm and dropout are in test_reference.py.
"""

from collections.abc import Callable, Iterator
from itertools import product
from math import erf, exp, expm1, log1p, sqrt, tanh
from statistics import fmean, pvariance
from typing import Any, get_args

import autograd.numpy as anp
import numpy as np
import pytest
from autograd import grad
from pydantic import TypeAdapter
from scipy.special import softmax

from backends.reference.networks import LAYERS
from spec.layers import AnyLayer

KINDS = {kind.model_fields["kind"].annotation for kind in get_args(get_args(AnyLayer)[0])}
NAMES = {get_args(kind)[0] for kind in KINDS}

IMAGES, SHORT = (2, 5, 4, 6), (3, 7)
"""Not square, and as many channels as groups can part."""
ONE = {"kind": "constant", "value": 1.0}
AFFINE = {"scale_init": ONE, "bias_init": ONE}
Layer = Any
KIND: Any = AnyLayer
LAYER: TypeAdapter[Any] = TypeAdapter(KIND)
Arrays = dict[str, np.ndarray]


def made(kind: str, **fields: Any) -> Layer:
    """A layer of the vocabulary."""
    return LAYER.validate_python({"kind": kind, **fields})


def numbers(shape: tuple[int, ...], seed: int = 0) -> np.ndarray:
    """Ordinary numbers, none within 0.01 of zero, where some layers have a kink."""
    drawn = np.random.default_rng(seed).normal(size=shape) * 1.5
    return np.where(np.abs(drawn) < 0.01, 0.5, drawn)


def of_kind(kind: str, own: Arrays, x: Any, train: bool = True, **fields: Any) -> Any:
    """What the reference makes of it."""
    return LAYERS[kind](made(kind, **fields), own, x, train)[0]


def softplus(x: float) -> float:
    return max(x, 0.0) + log1p(exp(-abs(x)))


def logistic(x: float) -> float:
    return 1 / (1 + exp(-x)) if x >= 0 else exp(x) / (1 + exp(x))


ACTIVATIONS: dict[str, tuple[dict[str, Any], Callable[[float], float]]] = {
    "relu": ({}, lambda x: max(x, 0.0)),
    "leaky_relu": ({"slope": 0.2}, lambda x: x if x > 0 else 0.2 * x),
    "elu": ({"alpha": 0.7}, lambda x: x if x > 0 else 0.7 * expm1(x)),
    "tanh": ({}, tanh),
    "sigmoid": ({}, logistic),
    "silu": ({}, lambda x: x * logistic(x)),
    "softplus": ({}, softplus),
    "gelu": ({"form": "erf"}, lambda x: x * (1 + erf(x / sqrt(2))) / 2),
    "gelu by tanh": (
        {"form": "tanh"},
        lambda x: x / 2 * (1 + tanh(0.7978845608028654 * (x + 0.044715 * x * x * x))),
    ),
}
AT = [-700.0, -30.0, -3.0, -1.0, -1e-3, -1e-9, 1e-9, 1e-3, 0.5, 1.0, 3.0, 30.0, 700.0]


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activation(name: str) -> None:
    fields, function = ACTIVATIONS[name]
    y = of_kind(name.split()[0], {}, np.array(AT), **fields)
    np.testing.assert_allclose(y, [function(x) for x in AT], rtol=1e-14, atol=1e-300)


def statistics_of(x: np.ndarray, of: Callable[[tuple[int, ...]], Any]) -> np.ndarray:
    """Each number less the mean, over the root of variance and 1e-3, of those that belong to it."""
    together: dict[Any, list[tuple[int, ...]]] = {}
    for place in product(*map(range, x.shape)):
        together.setdefault(of(place), []).append(place)
    y = np.empty(x.shape)
    for places in together.values():
        values = [float(x[place]) for place in places]
        for place, value in zip(places, values, strict=True):
            y[place] = (value - fmean(values)) / sqrt(pvariance(values) + 1e-3)
    return y


BELONGS: dict[str, tuple[dict[str, Any], tuple[int, ...], Callable[[Any], Any]]] = {
    "layer_norm": ({}, IMAGES, lambda p: p[0]),
    "layer_norm of vectors": ({}, SHORT, lambda p: p[0]),
    "instance_norm": ({}, IMAGES, lambda p: (p[0], p[3])),
    "group_norm": ({"groups": 3}, IMAGES, lambda p: (p[0], p[3] // 2)),
    "group_norm of vectors": ({"groups": 2}, (3, 8), lambda p: (p[0], p[1] // 4)),
}


@pytest.mark.parametrize("affine", [False, True])
@pytest.mark.parametrize("name", BELONGS)
def test_normalisation(name: str, affine: bool) -> None:
    fields, shape, of = BELONGS[name]
    x, own = numbers(shape), {}
    expected = statistics_of(x, of)
    if affine:
        own = {"scale": numbers(shape[-1:], 1), "bias": numbers(shape[-1:], 2)}
        expected = expected * own["scale"] + own["bias"]
        fields = fields | AFFINE
    y = of_kind(name.split()[0], own, x, epsilon=1e-3, **fields)
    np.testing.assert_allclose(y, expected, rtol=1e-11, atol=1e-13)


def test_dense() -> None:
    x, own = numbers((2, 3)), {"kernel": numbers((3, 4), 1), "bias": numbers((4,), 2)}
    y = of_kind("dense", own, x, units=4, bias=True, kernel_init=ONE, bias_init=ONE)
    for n, o in product(range(2), range(4)):
        products = [float(x[n, i] * own["kernel"][i, o]) for i in range(3)]
        assert y[n, o] == pytest.approx(sum(products) + own["bias"][o], rel=1e-14)


def test_upsample() -> None:
    x = numbers(IMAGES)
    y = of_kind("upsample", {}, x, factor=3)
    assert y.shape == (2, 15, 12, 6)
    for place in product(*map(range, y.shape)):
        n, i, j, c = place
        assert y[place] == x[n, i // 3, j // 3, c]


def test_average_pool_drops_what_is_left_over() -> None:
    x = numbers((2, 5, 7, 3))
    y = of_kind("average_pool", {}, x, size=2)
    assert y.shape == (2, 2, 3, 3)
    for n, i, j, c in product(*map(range, y.shape)):
        square = [float(x[n, 2 * i + a, 2 * j + b, c]) for a in (0, 1) for b in (0, 1)]
        assert y[n, i, j, c] == pytest.approx(fmean(square), rel=1e-14)


def test_upsample_bilinear() -> None:
    """Between the two nearest in each direction, by how near they are; held at the edges."""
    x = numbers((2, 4, 3, 2))
    for factor in (2, 3):
        y = of_kind("upsample", {}, x, factor=factor, interpolation="bilinear")
        for n, i, j, c in product(*map(range, y.shape)):
            total = 0.0
            for a, b in product(range(4), range(3)):
                row = min(max((i + 0.5) / factor - 0.5, 0), 3)
                column = min(max((j + 0.5) / factor - 0.5, 0), 2)
                near = max(0.0, 1 - abs(row - a)) * max(0.0, 1 - abs(column - b))
                total += near * x[n, a, b, c]
            assert y[n, i, j, c] == pytest.approx(total, rel=1e-12, abs=1e-14)


@pytest.mark.parametrize("mode", ["zero", "reflect"])
@pytest.mark.parametrize("sides", [(1, 2, 0, 3), (-1, 0, 2, -1), (0, -2, -1, 0), (3, -4, 0, 1)])
def test_pad(sides: tuple[int, int, int, int], mode: str) -> None:
    """NumPy's own padding, cut where a number is negative."""
    x = numbers(IMAGES)
    top, bottom, left, right = sides
    added = [(0, 0), (max(top, 0), max(bottom, 0)), (max(left, 0), max(right, 0)), (0, 0)]
    expected = np.pad(x, added, mode="constant" if mode == "zero" else "reflect")
    rows = slice(max(-top, 0), expected.shape[1] - max(-bottom, 0))
    columns = slice(max(-left, 0), expected.shape[2] - max(-right, 0))
    y = of_kind("pad", {}, x, sides=sides, mode=mode)
    np.testing.assert_array_equal(y, expected[:, rows, columns])


@pytest.mark.parametrize(
    ("size", "stride", "padding"), [(2, 2, 0), (3, 1, 1), (3, 2, 0), (2, 1, 1)]
)
def test_max_pool(size: int, stride: int, padding: int) -> None:
    x = numbers(IMAGES) - 3.0  # negative: padding with zeros would be seen
    y = of_kind("max_pool", {}, x, size=size, stride=stride, padding=padding)
    for n, i, j, c in product(*map(range, y.shape)):
        square = [
            float(x[n, a, b, c])
            for a in range(i * stride - padding, i * stride - padding + size)
            for b in range(j * stride - padding, j * stride - padding + size)
            if 0 <= a < x.shape[1] and 0 <= b < x.shape[2]
        ]
        assert y[n, i, j, c] == max(square)


def test_of_several_largest_the_first_has_the_gradient() -> None:
    x = np.array([[1.0, 5.0, 5.0], [5.0, 5.0, 0.0], [0.0, 0.0, 0.0]]).reshape(1, 3, 3, 1)
    layer = made("max_pool", size=2, stride=1, padding=0)
    found = grad(lambda x: anp.sum(LAYERS["max_pool"](layer, {}, x, True)[0]))(x)
    assert found.reshape(3, 3).tolist() == [[0, 2, 0], [1, 1, 0], [0, 0, 0]]


def test_pixel_shuffle() -> None:
    x, r = numbers((2, 3, 4, 18)), 3
    y = of_kind("pixel_shuffle", {}, x, factor=r)
    assert y.shape == (2, 9, 12, 2)
    for n, i, j, c in product(*map(range, y.shape)):
        channel = c * r * r + i % r * r + j % r
        assert y[n, i, j, c] == x[n, i // r, j // r, channel]


def test_softmax() -> None:
    x = numbers(IMAGES) * 300.0
    y = of_kind("softmax", {}, x, temperature=0.5)
    np.testing.assert_allclose(y, softmax(x / 0.5, axis=-1), rtol=1e-13, atol=1e-300)


def test_prelu_and_scale() -> None:
    x, slopes = numbers(IMAGES), numbers((6,), 1)
    many: dict[str, Any] = {"slopes": "by_channel", "slope": 0.25}
    y = of_kind("prelu", {"slope": slopes}, x, **many)
    one = of_kind("prelu", {"slope": slopes[:1]}, x, slopes="one", slope=0.25)
    scaled = of_kind("scale", {}, x, factor=tuple(slopes), offset=-0.5)
    moved = of_kind("scale", {}, x, factor=2.0, offset=tuple(slopes))
    for place in product(*map(range, x.shape)):
        number, slope = float(x[place]), float(slopes[place[-1]])
        assert y[place] == (number if number > 0 else slope * number)
        assert one[place] == (number if number > 0 else slopes[0] * number)
        assert scaled[place] == slope * number - 0.5
        assert moved[place] == 2.0 * number + slope


def test_dropout_of_channels() -> None:
    x, mask = numbers(IMAGES), np.arange(12.0).reshape(2, 6) % 2
    y = of_kind("channel_dropout", {"mask": mask}, x, rate=0.75)
    for n, i, j, c in product(*map(range, x.shape)):
        assert y[n, i, j, c] == x[n, i, j, c] * mask[n, c] * 4
    assert of_kind("channel_dropout", {}, x, train=False, rate=0.75) is x


def test_moments() -> None:
    x = numbers(SHORT)
    y = of_kind("moments", {}, x, epsilon=1e-3)
    assert y.shape == (3, 2)
    for row, (mean, deviation) in zip(x, y, strict=True):
        assert mean == pytest.approx(fmean(row), rel=1e-13)
        assert deviation == pytest.approx(sqrt(pvariance(map(float, row)) + 1e-3), rel=1e-13)


def test_embedding() -> None:
    """A row for each number; its gradient is what comes to that row, however often it is there."""
    table, labels = numbers((5, 3), 1), np.array([4, 0, 4, 1], np.int32)
    fields: dict[str, Any] = {"classes": 5, "width": 3, "table_init": ONE}
    assert np.array_equal(of_kind("embedding", {"table": table}, labels, **fields), table[labels])
    layer, weights = made("embedding", **fields), numbers((4, 3), 2)

    def total(table: Any) -> Any:
        return anp.sum(weights * LAYERS["embedding"](layer, {"table": table}, labels, True)[0])

    expected = np.array([weights[1], weights[3], [0] * 3, [0] * 3, weights[0] + weights[2]])
    np.testing.assert_allclose(grad(total)(table), expected, rtol=1e-14)


def test_shapes() -> None:
    x = numbers(IMAGES)
    flat = of_kind("flatten", {}, x)
    assert [list(row) for row in flat] == [list(image.flat) for image in x]
    back = of_kind("reshape", {}, flat, shape=(4, 5, 6))
    assert back.shape == (2, 4, 5, 6)
    assert list(back.flat) == list(x.flat)


def test_joining() -> None:
    one, two, three = (numbers(IMAGES, seed) for seed in (1, 2, 3))
    y = of_kind("add", {}, [one, two, three])
    assert list(y.flat) == [
        a + b + c for a, b, c in zip(one.flat, two.flat, three.flat, strict=True)
    ]
    y = of_kind("product", {}, [one, two, three])
    assert list(y.flat) == [
        a * b * c for a, b, c in zip(one.flat, two.flat, three.flat, strict=True)
    ]
    by_channel, by_sample = numbers((2, 6), 4), numbers((2, 1), 5)
    y = of_kind("product", {}, [one, by_channel, by_sample])
    for n, i, j, c in product(*map(range, one.shape)):
        assert y[n, i, j, c] == one[n, i, j, c] * by_channel[n, c] * by_sample[n, 0]
    pixel = by_channel.reshape(2, 1, 1, 6)
    np.testing.assert_array_equal(of_kind("product", {}, [one, pixel, by_sample]), y)
    y = of_kind("concatenate", {}, [one, two])
    for n, i, j in product(range(2), range(5), range(4)):
        assert list(y[n, i, j]) == [*one[n, i, j], *two[n, i, j]]


ZEROS_AND_ONES = np.arange(12.0).reshape(2, 6) % 2


def derivatives() -> Iterator[tuple[str, Layer, Arrays, tuple[int, ...]]]:
    """(name, layer, parameters, shape of the input) of every layer that computes."""
    for name, (fields, _) in ACTIVATIONS.items():
        yield name, made(name.split()[0], **fields), {}, SHORT
    for name, (fields, shape, _) in BELONGS.items():
        own = {"scale": numbers(shape[-1:], 1), "bias": numbers(shape[-1:], 2)}
        yield name, made(name.split()[0], epsilon=1e-3, **fields, **AFFINE), own, shape
    batch = made("batch_norm", epsilon=1e-3, keep=0.9, running_variance="biased", **AFFINE)
    own = {"scale": numbers((6,), 1), "bias": numbers((6,), 2)}
    yield "batch_norm", batch, own | {"mean": np.zeros(6), "variance": np.ones(6)}, IMAGES
    rest: dict[str, Any] = {"bias": True, "kernel_init": ONE, "bias_init": ONE}
    own = {"kernel": numbers((7, 4), 1), "bias": numbers((4,), 2)}
    yield "dense", made("dense", units=4, **rest), own, SHORT
    conv = {"filters": 2, "kernel": 3, "stride": 2, "padding": 1} | rest
    own = {"kernel": numbers((3, 3, 6, 2), 1), "bias": numbers((2,), 2)}
    yield "conv", made("conv", **conv), own, IMAGES
    yield "conv_transpose", made("conv_transpose", output_padding=1, **conv), own, IMAGES
    yield "upsample", made("upsample", factor=2), {}, IMAGES
    yield "average_pool", made("average_pool", size=2), {}, IMAGES
    yield "upsample bilinear", made("upsample", factor=2, interpolation="bilinear"), {}, IMAGES
    for mode in ("zero", "reflect"):
        yield f"pad {mode}", made("pad", sides=(2, -1, 1, 0), mode=mode), {}, IMAGES
    yield "max_pool", made("max_pool", size=3, stride=2, padding=1), {}, IMAGES
    yield "pixel_shuffle", made("pixel_shuffle", factor=2), {}, (2, 2, 3, 8)
    yield "softmax", made("softmax", temperature=0.7), {}, IMAGES
    own = {"slope": numbers((6,), 1)}
    yield "prelu", made("prelu", slopes="by_channel", slope=0.25), own, IMAGES
    own = {"slope": numbers((1,), 1)}
    yield "prelu of one", made("prelu", slopes="one", slope=0.25), own, IMAGES
    yield "scale", made("scale", factor=(1.0, 2.0, 3.0, 4.0, 5.0, 6.0), offset=0.5), {}, IMAGES
    conv |= {"padding": (0, 1, 2, 0)}
    own = {"kernel": numbers((3, 3, 6, 2), 1), "bias": numbers((2,), 2)}
    yield "conv by side", made("conv", **conv), own, IMAGES
    yield "conv_transpose by side", made("conv_transpose", output_padding=1, **conv), own, IMAGES
    yield "channel_dropout", made("channel_dropout", rate=0.25), {"mask": ZEROS_AND_ONES}, IMAGES
    yield "moments", made("moments", epsilon=1e-3), {}, SHORT
    yield "dropout", made("dropout", rate=0.25), {"mask": numbers(SHORT, 3) > 0}, SHORT
    yield "flatten", made("flatten"), {}, IMAGES
    yield "reshape", made("reshape", shape=(7, 1, 1)), {}, SHORT


DERIVATIVES = {name: rest for name, *rest in derivatives()}


@pytest.mark.parametrize("name", DERIVATIVES)
def test_derivatives(name: str) -> None:
    """Of the input and of each parameter, by central differences of every number."""
    layer, own, shape = DERIVATIVES[name]
    run = LAYERS[layer.kind]
    given: dict[str, Any] = own | {"x": numbers(shape)}
    weights = numbers(run(layer, own, given["x"], True)[0].shape, 4)

    def total(key: str, value: Any) -> Any:
        arrays = given | {key: value}
        return anp.sum(weights * run(layer, arrays, arrays["x"], True)[0])

    for key in [key for key in given if key not in ("mask", "mean", "variance")]:
        exact = grad(lambda value, key=key: total(key, value))(given[key])
        for place in product(*map(range, given[key].shape)):
            step = np.zeros(given[key].shape)
            step[place] = 1e-6
            up, down = total(key, given[key] + step), total(key, given[key] - step)
            difference = (up - down) / 2e-6
            assert difference == pytest.approx(exact[place], rel=1e-6, abs=1e-7), (key, place)


def test_no_layer_is_left_out() -> None:
    elsewhere = {"conv", "conv_transpose", "batch_norm", "dropout"}
    whole = {"embedding"}
    joined = {"add", "product", "concatenate"}
    here = {name.split()[0] for name in (*ACTIVATIONS, *BELONGS)}
    plain = {"dense", "upsample", "average_pool", "moments", "flatten", "reshape", "pad"}
    plain |= {"max_pool", "pixel_shuffle", "softmax", "prelu", "scale", "channel_dropout"}
    assert here | plain | joined | elsewhere | whole == NAMES == set(LAYERS)
    assert {layer.kind for layer, _, _ in DERIVATIVES.values()} | joined | whole == NAMES


@pytest.mark.parametrize("output_padding", [0, 1])
def test_padding_by_side(output_padding: int) -> None:
    """A convolution has it before; a transposed one has so much cut off behind."""
    x, sides = numbers(IMAGES), (1, 0, 2, 1)
    own = {"kernel": numbers((3, 3, 6, 2), 1), "bias": numbers((2,), 2)}
    fields: dict[str, Any] = {"filters": 2, "kernel": 3, "stride": 2, "bias": True}
    fields |= {"kernel_init": ONE, "bias_init": ONE}
    padded = of_kind("pad", {}, x, sides=sides, mode="zero")
    np.testing.assert_allclose(
        of_kind("conv", own, x, padding=sides, **fields),
        of_kind("conv", own, padded, padding=0, **fields),
        rtol=1e-13,
    )
    fields |= {"output_padding": output_padding}
    whole = of_kind("conv_transpose", own, x, padding=0, **fields)
    cut = of_kind("pad", {}, whole, sides=tuple(-side for side in sides), mode="zero")
    found = of_kind("conv_transpose", own, x, padding=sides, **fields)
    np.testing.assert_allclose(found, cut, rtol=1e-13)
