"""`--set`: a value goes to the place that is named, or the place is refused with what there is."""

import pytest

import spec
from spec.errors import SpecError

NO_PLACES = (
    "generator.layers[-2].units",
    "generator.layers[0]units",
    "generator..layers[0].units",
    "generator.layers.0.units",
    "generator.layers[ 0 ].units",
    "generator.layers[00].units",
    "generator.layers[0].units.",
    "generator.läyers",
    "[0]",
    "",
)

ABSENT = {
    "schedule.batchsize": "did you mean batch_size?",
    "schedule.beta_1": "allowed: batch_size, length, unit, learning_rate, decay_factor, decay_it",
    "schedule.length.x": "schedule.length is a single value",
    "generator.layers[40].units": "generator.layers is a list of 7, counted from [0]",
    "generator.layers.units": "generator.layers is a list of 7, counted from [0]",
    "generator[0]": "generator is a table, no list; its keys: input, layers",
    "steps.clip.limit": "the file has no steps.clip; put all of it there: --set 'steps.clip={...}'",
    "nose.std": "did you mean noise?",
}


@pytest.mark.parametrize("place", NO_PLACES)
def test_what_is_no_place_is_refused_as_given(place: str) -> None:
    with pytest.raises(SpecError) as error:
        spec.load("mlp_square", {place: 3})
    assert str(error.value).startswith(f"mlp_square: {place}: not a place; ")
    assert "generator.layers[0].units" in str(error.value)


@pytest.mark.parametrize("place", ABSENT)
def test_absent_place_is_refused_with_what_there_is(place: str) -> None:
    with pytest.raises(SpecError) as error:
        spec.load("mlp_square", {place: 3})
    message = str(error.value)
    assert message.startswith(f"mlp_square: {place}: there is no such field to override; ")
    assert ABSENT[place] in message


def test_override_of_a_layer_and_of_data_with_their_checksum() -> None:
    put = {"generator.layers[0].units": 8, "data.range": [0.0, 1.0], "steps.real_target": 0.9}
    workload = spec.load("mlp_square", put)
    assert workload.networks["generator"].named_layers()[1][2] == (8,)
    assert getattr(workload.sources["x"], "sha256", "") is None
    assert workload.phases[0].losses[0].model_dump()["target"] == 0.9


def test_another_kind_comes_with_its_fields_in_any_order() -> None:
    for keys in (("low", "kind"), ("kind", "low")):
        values = {"low": 0.0, "kind": "uniform"}
        with pytest.raises(SpecError, match=r"noise\.mean: unknown key; allowed: kind, low, high"):
            spec.load("mlp_square", {f"noise.{key}": values[key] for key in keys})


def test_a_table_that_the_file_lacks_is_put_whole() -> None:
    assert spec.load("mlp_square", {"averages": {"generator": 0.9}}).averages == {"generator": 0.9}
