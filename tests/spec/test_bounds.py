"""The ends of every range, as the vocabulary promises them: the end itself, and one step beyond."""

from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

import spec
from spec import arrays, base
from spec.errors import SpecError

TINY = 5e-324
BOUNDS: dict[str, tuple[Any, list[Any], list[Any]]] = {
    "Size": (base.Size, [1, 2**31], [0, 2**31 + 1, 1.5, "1"]),
    "Repeats": (base.Repeats, [1, 1000], [0, 1001]),
    "Number": (base.Number, [-1e6, 0.0, 1e6], [-1000000.1, 1000000.1, float("nan")]),
    "Positive": (base.Positive, [TINY, 1e6], [0.0, -1.0, 1000000.1]),
    "NotNegative": (base.NotNegative, [0.0, 1e6], [-TINY, 1000000.1]),
    "Rate": (base.Rate, [TINY, 10.0], [0.0, 10.000001]),
    "Share": (base.Share, [TINY, 0.9999999], [0.0, 1.0]),
    "Fraction": (base.Fraction, [0.0, 0.9999999], [-TINY, 1.0]),
    "Shape": (base.Shape, [(1,), (1, 2, 3)], [(), (1, 2, 3, 4), (0,)]),
    "Image": (base.Image, [(1, 1, 1)], [(1, 1), (1, 1, 1, 1), (1, 0, 1)]),
    "Name": (base.Name, ["a", "a_1", "a" * 64], ["", "A", "1a", "_a", "a-b", "a" * 65]),
    "Range": (arrays.Range, [(0.0, 1.0), (-1.0, -0.5)], [(1.0, 0.0), (0.5, 0.5)]),
}


@pytest.mark.parametrize("name", BOUNDS)
def test_bounds(name: str) -> None:
    kind, good, bad = BOUNDS[name]
    adapter: TypeAdapter[Any] = TypeAdapter(kind)
    for value in good:
        assert adapter.validate_python(value) == value
    for value in bad:
        with pytest.raises(ValidationError):
            adapter.validate_python(value, strict=True)


SCHEDULE = "schedule.batch_size"
PLACES: dict[str, tuple[Any, Any]] = {
    SCHEDULE: (1797, 2**20 + 1),
    "schedule.length": (2**31, 2**31 + 1),
    "steps.d_steps": (1000, 1001),
    "optimizers.generator.learning_rate": (10.0, 10.5),
    "optimizers.generator.beta_1": (0.0, 1.0),
    "optimizers.generator.epsilon": (1e-300, 0.0),
    "generator.layers[0].units": (1, 0),
    "steps.real_target": (0.0, -1e-9),
    "steps.fake_target": (1.0, 1.0000001),
    "steps.g_target": (0.0, -1e-9),
}


@pytest.mark.parametrize("place", PLACES)
def test_places_of_a_file(place: str) -> None:
    good, bad = PLACES[place]
    if place != "generator.layers[0].units":  # the next layer takes what there is
        spec.load("mlp_square", {place: good})
    with pytest.raises(SpecError, match="given"):
        spec.load("mlp_square", {place: bad})


def nested(levels: int) -> list[Any]:
    value: list[Any] = []
    for _ in range(levels - 1):
        value = [value]
    return value


def test_twenty_levels_are_read_and_one_more_is_refused(tmp_path: Any) -> None:
    path = tmp_path / "gan.toml"
    for levels, words in ((19, "missing"), (20, "nested too deeply, more than 20 times")):
        path.write_text(f"x = {nested(levels)}", encoding="utf-8")  # the file is a level itself
        with pytest.raises(SpecError) as refusal:
            spec.load(str(path))
        assert ("nested" in str(refusal.value)) == (levels == 20)
        assert levels == 19 or words in str(refusal.value)


def test_linear_rates_may_end_at_zero_and_exponential_ones_may_not() -> None:
    for kind in ("linear", "exponential"):
        put = {"schedule": {**SCHEDULED, "learning_rate": kind, "decay_factor": 0.0}}
        if kind == "linear":
            assert spec.load("mlp_square", put).schedule.decay == (0.0, 10)
        else:
            with pytest.raises(SpecError, match="an exponential rate never reaches 0"):
                spec.load("mlp_square", put)


SCHEDULED = {"batch_size": 64, "length": 200, "unit": "epochs", "decay_iterations": 10}
