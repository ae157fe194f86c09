"""What each layer makes of a shape, counted by hand, and what it says where it cannot."""

from itertools import product
from math import prod
from typing import Any

import pytest

from spec.layer import ShapeError
from tests.spec.test_layers import AFFINE, NAMES, ONE, made

BARE: dict[str, Any] = {"bias": False, "kernel_init": ONE}
WHOLE: dict[str, Any] = {"bias": True, "kernel_init": ONE, "bias_init": ONE}
CONV = {"filters": 5, "kernel": 3, "stride": 2, "padding": 1}
SHAPES: dict[str, tuple[dict[str, Any], tuple[int, ...], tuple[int, ...]]] = {
    "dense": ({"units": 7, **BARE}, (4,), (7,)),
    "conv": ({**CONV, **BARE}, (7, 10, 3), (4, 5, 5)),
    "conv_transpose": ({**CONV, **BARE, "output_padding": 1}, (4, 5, 3), (8, 10, 5)),
    "batch_norm": (
        {"epsilon": 1e-3, "keep": 0.9, "running_variance": "biased"},
        (4, 5, 3),
        (4, 5, 3),
    ),
    "layer_norm": ({"epsilon": 1e-3}, (4, 5, 3), (4, 5, 3)),
    "instance_norm": ({"epsilon": 1e-3}, (4, 5, 3), (4, 5, 3)),
    "group_norm": ({"epsilon": 1e-3, "groups": 3}, (4, 5, 6), (4, 5, 6)),
    "relu": ({}, (4, 5), (4, 5)),
    "leaky_relu": ({"slope": 0.2}, (4,), (4,)),
    "elu": ({"alpha": 1.0}, (4,), (4,)),
    "gelu": ({"form": "erf"}, (4,), (4,)),
    "tanh": ({}, (4, 5, 6), (4, 5, 6)),
    "sigmoid": ({}, (4,), (4,)),
    "silu": ({}, (4,), (4,)),
    "softplus": ({}, (4,), (4,)),
    "flatten": ({}, (4, 5, 3), (60,)),
    "reshape": ({"shape": (3, 20)}, (4, 5, 3), (3, 20)),
    "upsample": ({"factor": 3}, (4, 5, 2), (12, 15, 2)),
    "average_pool": ({"size": 2}, (5, 8, 2), (2, 4, 2)),
    "moments": ({"epsilon": 1e-3}, (9,), (2,)),
    "dropout": ({"rate": 0.5}, (4, 5), (4, 5)),
    "embedding": ({"classes": 9, "width": 3, "table_init": ONE}, (), (3,)),
    "softmax": ({"temperature": 0.5}, (4,), (4,)),
    "prelu": ({"slopes": "one", "slope": 0.25}, (4, 5, 6), (4, 5, 6)),
    "scale": ({"factor": (1.0, 2.0), "offset": 0.0}, (4, 5, 2), (4, 5, 2)),
    "pad": ({"sides": (1, -2, 3, 0), "mode": "zero"}, (4, 5, 2), (3, 8, 2)),
    "max_pool": ({"size": 3, "stride": 2, "padding": 1}, (5, 8, 2), (3, 4, 2)),
    "pixel_shuffle": ({"factor": 2}, (4, 5, 12), (8, 10, 3)),
    "channel_dropout": ({"rate": 0.5}, (4, 5, 3), (4, 5, 3)),
}


@pytest.mark.parametrize("kind", SHAPES)
def test_output_shape(kind: str) -> None:
    fields, shape, expected = SHAPES[kind]
    layer = made(kind, **fields)
    assert layer.output_shape(shape) == layer.joined_shape([shape]) == expected


def test_every_kind_is_here() -> None:
    assert SHAPES.keys() | {"add", "product", "concatenate"} == NAMES


@pytest.mark.parametrize("kernel", [3, 4, 5])
@pytest.mark.parametrize("stride", [1, 2])
def test_padding_by_side_is_padding_before(kernel: int, stride: int) -> None:
    """And of a transposed convolution it is cut off behind."""
    sides, fields = (1, 0, 2, 1), {"filters": 1, "kernel": kernel, "stride": stride, **BARE}
    padded = made("pad", sides=sides, mode="zero").output_shape((7, 9, 2))
    bare = made("conv", padding=0, **fields).output_shape(padded)
    assert made("conv", padding=sides, **fields).output_shape((7, 9, 2)) == bare
    whole = made("conv_transpose", padding=0, **fields).output_shape((7, 9, 2))
    cut = made("pad", sides=tuple(-side for side in sides), mode="zero").output_shape(whole)
    assert made("conv_transpose", padding=sides, **fields).output_shape((7, 9, 2)) == cut


UNFIT: dict[str, tuple[str, dict[str, Any], tuple[int, ...]]] = {
    "pad takes (height, width, channels), not [4]": (
        "pad",
        {"sides": (1, 1, 1, 1), "mode": "zero"},
        (4,),
    ),
    "a side of 4 pixels has 3 to mirror, not 4": (
        "pad",
        {"sides": (0, 4, 0, 0), "mode": "reflect"},
        (4, 5, 2),
    ),
    "sides [-2, -2, 0, 0] leave nothing of [4, 5, 2]": (
        "pad",
        {"sides": (-2, -2, 0, 0), "mode": "zero"},
        (4, 5, 2),
    ),
    "padding 2 is over half of the size, 3": (
        "max_pool",
        {"size": 3, "stride": 1, "padding": 2},
        (4, 5, 2),
    ),
    "squares of 6 pixels are larger than [3, 5, 2]": (
        "max_pool",
        {"size": 6, "stride": 1, "padding": 1},
        (3, 5, 2),
    ),
    "6 channels are no multiple of 4, the pixels of a square": (
        "pixel_shuffle",
        {"factor": 2},
        (4, 5, 6),
    ),
    "channel_dropout takes (height, width, channels), not [6]": (
        "channel_dropout",
        {"rate": 0.5},
        (6,),
    ),
    "2 numbers in `offset` for 3 channels": (
        "scale",
        {"factor": 1.0, "offset": (0.0, 1.0)},
        (4, 5, 3),
    ),
}


@pytest.mark.parametrize("message", UNFIT)
def test_what_a_layer_says_of_a_shape(message: str) -> None:
    kind, fields, shape = UNFIT[message]
    with pytest.raises(ShapeError) as refused:
        made(kind, **fields).output_shape(shape)
    assert str(refused.value) == message


def test_a_product_repeats_what_has_a_number_a_channel() -> None:
    layer, image = made("product"), (4, 5, 3)
    for other in (image, (1, 1, 3), (3,), (1,)):
        assert layer.joined_shape([image, other]) == image
    assert layer.joined_shape([(3,), (3,), (1,)]) == (3,)
    for wrong in ([image, (4, 5, 1)], [(3,), image], [image, (2,)]):
        with pytest.raises(ShapeError, match="of one shape, or of one number a channel, not"):
            layer.joined_shape(wrong)
    with pytest.raises(ShapeError, match="takes two inputs or more"):
        layer.joined_shape([image])


@pytest.mark.parametrize(
    ("kernel", "stride", "padding"), list(product((1, 2, 3, 5), (1, 2, 3), (0, 1, 2)))
)
def test_a_convolution_has_as_many_places_as_fit(kernel: int, stride: int, padding: int) -> None:
    conv = made("conv", filters=1, kernel=kernel, stride=stride, padding=padding, **BARE)
    for size in range(kernel, 9):
        places = [
            p for p in range(0, size + 2 * padding, stride) if p + kernel <= size + 2 * padding
        ]
        assert conv.side(size, (padding, padding)) == len(places)
        for extra in range(stride):
            own = {"kernel": kernel, "stride": stride, "padding": padding, "filters": 1}
            back = made("conv_transpose", output_padding=extra, **own, **BARE)
            around = (padding, padding)
            large = back.side(len(places), around)
            if large >= 1:
                assert conv.side(large, around) == len(places)  # an inverse of it


PARAMETERS: dict[str, tuple[dict[str, Any], tuple[int, ...], dict[str, tuple[int, ...]]]] = {
    "dense": ({"units": 7, **WHOLE}, (4,), {"kernel": (4, 7), "bias": (7,)}),
    "conv": ({**CONV, **WHOLE}, (7, 10, 2), {"kernel": (3, 3, 2, 5), "bias": (5,)}),
    "conv_transpose": ({**CONV, **WHOLE}, (7, 10, 2), {"kernel": (3, 3, 2, 5), "bias": (5,)}),
    "batch_norm": ({**SHAPES["batch_norm"][0], **AFFINE}, (4, 5, 3), {"scale": (3,), "bias": (3,)}),
    "layer_norm": ({"epsilon": 1e-3, **AFFINE}, (4, 5, 3), {"scale": (3,), "bias": (3,)}),
    "instance_norm": ({"epsilon": 1e-3, **AFFINE}, (4, 5, 3), {"scale": (3,), "bias": (3,)}),
    "group_norm": ({"epsilon": 1, "groups": 2, **AFFINE}, (4, 6), {"scale": (6,), "bias": (6,)}),
    "embedding": (SHAPES["embedding"][0], (), {"table": (9, 3)}),
    "prelu": ({"slopes": "by_channel", "slope": 0.25}, (4, 5, 6), {"slope": (6,)}),
}


@pytest.mark.parametrize("kind", sorted(NAMES))
def test_parameters(kind: str) -> None:
    """Shapes of the trainable arrays; without bias or affine there are fewer or none."""
    fields, shape, expected = PARAMETERS.get(kind, (SHAPES.get(kind, ({}, (4,), ()))[0], (4,), {}))
    found = made(kind, **fields).parameters(shape)
    assert {name: parameter.shape for name, parameter in found.items()} == expected
    if kind == "prelu":
        assert made(kind, **SHAPES[kind][0]).parameters((4, 5, 6))["slope"].shape == (1,)
    elif kind in PARAMETERS and kind != "embedding":
        fields, shape, _ = SHAPES[kind]
        assert list(made(kind, **fields).parameters(shape)) == (
            ["kernel"] if "bias" in fields else []
        )


def test_statistics_are_batch_norm_s_and_start_at_rest() -> None:
    found = made("batch_norm", **SHAPES["batch_norm"][0]).statistics((4, 5, 3))
    starts = {name: (p.shape, p.init.value) for name, p in found.items()}  # type: ignore[union-attr]
    assert starts == {"mean": ((3,), 0.0), "variance": ((3,), 1.0)}
    for kind, (fields, shape, _) in SHAPES.items():
        if kind != "batch_norm":
            assert made(kind, **fields).statistics(shape) == {}


@pytest.mark.parametrize("kind", SHAPES)
def test_multiply_adds(kind: str) -> None:
    """A product for each tap of each output, or of each input where it is transposed."""
    fields, shape, output = SHAPES[kind]
    counts = {
        "dense": 4 * 7,
        "conv": prod(output) * 3 * 9,
        "conv_transpose": prod(shape) * 5 * 9,
    }
    assert made(kind, **fields).multiply_adds(shape) == counts.get(kind, 0)


REFUSED: dict[str, tuple[str, dict[str, Any], list[tuple[int, ...]]]] = {
    "takes one input, not 2; add or concatenate them before": ("relu", {}, [(3,), (3,)]),
    "dense takes a vector, not shape [3, 4]; put a flatten before": (
        "dense",
        {"units": 1, **BARE},
        [(3, 4)],
    ),
    "a convolution takes (height, width, channels), not [3, 4]": ("conv", CONV | BARE, [(3, 4)]),
    "kernel 3, stride 2, padding 0 leave nothing of an input of shape [2, 9, 1]": (
        "conv",
        CONV | BARE | {"padding": 0},
        [(2, 9, 1)],
    ),
    "kernel 3, stride 2, padding 0 leave nothing of an input of shape [9, 2, 1]": (
        "conv",
        CONV | BARE | {"padding": 0},
        [(9, 2, 1)],
    ),
    "kernel 1, stride 1, padding 2 leave nothing of an input of shape [5, 4, 1]": (
        "conv_transpose",
        {"filters": 1, "kernel": 1, "stride": 1, "padding": 2, **BARE},
        [(5, 4, 1)],
    ),
    "[3, 20] has 60 elements, but the layer before gives [4, 5], which has 20": (
        "reshape",
        {"shape": (3, 20)},
        [(4, 5)],
    ),
    "embedding takes a whole number, not shape [3]": (
        "embedding",
        SHAPES["embedding"][0],
        [(3,)],
    ),
    "moments takes a vector, not shape [3, 4]": ("moments", {"epsilon": 1e-3}, [(3, 4)]),
    "upsample takes (height, width, channels), not [9]": ("upsample", {"factor": 2}, [(9,)]),
    "average_pool takes (height, width, channels), not [9]": ("average_pool", {"size": 2}, [(9,)]),
    "squares of 4 pixels are larger than [3, 8, 1]": ("average_pool", {"size": 4}, [(3, 8, 1)]),
    "squares of 4 pixels are larger than [8, 3, 1]": ("average_pool", {"size": 4}, [(8, 3, 1)]),
    "instance_norm takes (height, width, channels), not [3]": (
        "instance_norm",
        {"epsilon": 1e-3},
        [(3,)],
    ),
    "4 channels cannot be parted into 3 groups": (
        "group_norm",
        {"epsilon": 1e-3, "groups": 3},
        [(5, 5, 4)],
    ),
    "add takes two inputs or more; name them in `inputs`": ("add", {}, [(3,)]),
    "add takes inputs of one shape, not [3] and [3] and [4]": ("add", {}, [(3,), (3,), (4,)]),
    "concatenate takes two inputs or more; name them in `inputs`": ("concatenate", {}, [(3,)]),
    "concatenate takes inputs that differ in the last number only, not [3, 1] and [4, 1]": (
        "concatenate",
        {},
        [(3, 1), (4, 1)],
    ),
}


@pytest.mark.parametrize("message", REFUSED)
def test_what_a_layer_cannot_take(message: str) -> None:
    kind, fields, shapes = REFUSED[message]
    with pytest.raises(ShapeError) as refusal:
        made(kind, **fields).joined_shape(shapes)
    assert str(refusal.value) == message


def test_the_smallest_that_layers_take() -> None:
    """One step from what is refused."""
    assert made("conv", **CONV | BARE | {"padding": 0}).output_shape((3, 4, 1)) == (1, 1, 5)
    assert made("average_pool", size=4).output_shape((4, 7, 1)) == (1, 1, 1)
    assert made("add").joined_shape([(3,), (3,), (3,)]) == (3,)
    assert made("concatenate").joined_shape([(2, 1), (2, 4), (2, 2)]) == (2, 7)
    assert made("group_norm", epsilon=1e-3, groups=4).output_shape((1, 2, 4)) == (1, 2, 4)
    assert made("instance_norm", epsilon=1e-3).output_shape((1, 2, 4)) == (1, 2, 4)
    assert made("layer_norm", epsilon=1e-3).output_shape((2,)) == (2,)
