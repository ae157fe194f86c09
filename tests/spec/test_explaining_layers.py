"""What a layer's field is given, and which layers have nothing to normalise or take no class."""

import json
import tomllib
from typing import Any

import pytest

import spec
from spec.errors import SpecError
from tests.spec.test_layers import NAMES
from tests.spec.test_reading import GOOD
from tests.spec.test_shapes import SHAPES

SIDES = {
    "kernel": "from 1 to 2,147,483,648",
    "stride": "from 1 to 2,147,483,648",
    "output_padding": "from 0 to 32,768",
}


@pytest.mark.parametrize("field", SIDES)
def test_a_list_of_two_sides(field: str) -> None:
    with pytest.raises(SpecError) as error:
        spec.load("dcgan_32", {f"generator.layers[4].{field}": [1, 2]})
    assert str(error.value) == (
        f"dcgan_32: generator.layers[4].{field}: given [1, 2]; it is one number for all sides, no "
        f"list; allowed: a whole number {SIDES[field]}"
    )


@pytest.mark.parametrize("given", [[1, 2], [1, 2, 0, -1], "all", 1.5, True, [1, 2, 3, 4, 5]])
def test_padding_is_one_number_or_four(given: object) -> None:
    """One line, whichever of the two it was meant to be."""
    with pytest.raises(SpecError) as error:
        spec.load("dcgan_32", {"generator.layers[4].padding": given})
    assert str(error.value).startswith("dcgan_32: generator.layers[4].padding: given ")
    assert str(error.value).endswith(
        "; allowed: a whole number, or a list of four: top, bottom, left, right"
    )


@pytest.mark.parametrize(
    ("layer", "field"),
    [("upsample", "factor"), ("average_pool", "size")],
)
def test_a_list_of_two_sides_that_are_scaled(layer: str, field: str) -> None:
    put = {"generator.layers[1]": {"kind": layer, field: [2, 2]}}
    with pytest.raises(
        SpecError, match=rf"{field}: given \[2, 2\]; it is one number for all sides"
    ):
        spec.load("dcgan_32", put)


ONE_NUMBER: dict[str, tuple[list[int], dict[str, Any]]] = {
    "instance_norm on shape [1, 1, 8]": ([1, 1, 8], {"kind": "instance_norm"}),
    "group_norm on shape [1, 1, 8]": ([1, 1, 8], {"kind": "group_norm", "groups": 8}),
    "group_norm on shape [8]": ([8], {"kind": "group_norm", "groups": 8}),
    "layer_norm on shape [1]": ([1], {"kind": "layer_norm"}),
    "layer_norm on shape [1, 1, 1]": ([1, 1, 1], {"kind": "layer_norm"}),
}


@pytest.mark.parametrize("what", ONE_NUMBER)
def test_one_number_has_no_variance(what: str) -> None:
    """Whatever the layer is called that would take it."""
    shape, layer = ONE_NUMBER[what]
    layers = [{**layer, "epsilon": 1e-5}, {"kind": "flatten"}, *_layers("generator")]
    put = {"noise.shape": shape, "generator.input": shape, "generator.layers": layers}
    with pytest.raises(SpecError) as error:
        spec.load("mlp_square", put)
    assert str(error.value) == (
        f"mlp_square: generator.layers[0]: {what} is over one number, which has no variance: it "
        "gives 0 whatever that is; leave the layer out"
    )


@pytest.mark.parametrize("kind", ["instance_norm", "group_norm", "layer_norm"])
def test_two_numbers_have_a_variance(kind: str) -> None:
    own: dict[str, Any] = {"groups": 8} if kind == "group_norm" else {}
    layers = [{"kind": kind, "epsilon": 1e-5, **own}, {"kind": "flatten"}, *_layers("generator")]
    put = {"noise.shape": [2, 1, 8], "generator.input": [2, 1, 8], "generator.layers": layers}
    assert spec.load("mlp_square", put)


def _refusal(layer: dict[str, Any]) -> str:
    """Of a layer in the place of a conditional generator's second."""
    with pytest.raises(SpecError) as error:
        spec.load("cgan", {"networks.generator.layers[1]": layer})
    return str(error.value).removeprefix("cgan: networks.generator.layers[1].")


@pytest.mark.parametrize("kind", sorted(NAMES - {"embedding"}))
@pytest.mark.parametrize("inputs", [["label"], ["z", "label"], ["label", "z"], ["label"] * 2])
def test_a_class_goes_into_an_embedding_alone(kind: str, inputs: list[str]) -> None:
    """Every other layer says so, whatever its own rule about shapes is."""
    fields = json.loads(json.dumps(SHAPES.get(kind, ({},))[0]))
    assert _refusal({"kind": kind, **fields, "inputs": inputs}) == (
        "inputs: 'label' is a whole number, which only an embedding takes"
    )


def test_a_slope_for_each_channel_of_a_class() -> None:
    fields = {"kind": "prelu", "slopes": "by_channel", "slope": 0.25, "inputs": ["label"]}
    assert _refusal(fields).startswith("inputs: 'label' is a whole number")


EMBEDDING = {"kind": "embedding", "classes": 10, "width": 3}
EMBEDDING |= {"table_init": {"kind": "constant", "value": 1.0}}
NO_CLASS = "inputs: an embedding takes an input of the network that has classes"


def test_what_an_embedding_takes() -> None:
    assert _refusal(EMBEDDING | {"inputs": ["z"]}) == f"{NO_CLASS}; allowed: label"
    assert _refusal(EMBEDDING) == f"{NO_CLASS}; allowed: label", (
        "what the layer before gives is none"
    )
    assert _refusal(EMBEDDING | {"inputs": ["label"], "classes": 9}) == (
        "classes: given 9, but 'label' has 10; the two must be equal"
    )
    with pytest.raises(SpecError, match="takes one input, not 2; add or concatenate"):
        spec.load("cgan", {"networks.generator.layers[1]": EMBEDDING | {"inputs": ["label", "z"]}})


def test_an_embedding_where_there_is_no_class() -> None:
    with pytest.raises(SpecError) as error:
        spec.load("mlp_square", {"generator.layers[1]": EMBEDDING})
    assert str(error.value) == (
        f"mlp_square: generator.layers[1].{NO_CLASS}: inputs = {{ label = {{ classes = 10 }} }}"
    )


def _layers(network: str) -> list[dict[str, Any]]:
    return list(tomllib.loads(GOOD)[network]["layers"])
