"""Which options of the vocabulary the examples reached, out of all that there are."""

import re
from collections.abc import Iterator
from itertools import combinations
from typing import Any, Literal, get_args, get_origin

from spec.base import Model
from spec.layers import AnyLayer
from spec.optimizers import Optimizer
from spec.phases import Clip, Schedule
from spec.short_form import Steps

MODELS: tuple[type[Model], ...] = (
    *get_args(get_args(AnyLayer)[0]),
    *get_args(get_args(Optimizer)[0]),
    Steps,
    Clip,
    Schedule,
)


def universe() -> set[str]:
    """`<kind>.<option>=<value>` for every kind, and every literal, boolean and optional field."""
    return {option for model in MODELS for option in _options(model)} | BESIDE


Pair = tuple[str, str]


def pairs() -> set[Pair]:
    """Options of two fields of one layer, optimizer, clip, schedule or of the steps.

    Some exclude each other, such as a Wasserstein loss and the form of G's cross entropy.
    """
    return {pair for model in MODELS for pair in _across_fields(set(_options(model)))}


def pairs_reached(model: Model) -> Iterator[Pair]:
    """Those that it has together."""
    return _across_fields(set(reached(model)))


def _across_fields(options: set[str]) -> Iterator[Pair]:
    """Of `<kind>.<field>=<value>`, two with different fields."""
    fields = {o: re.split("[=>]", o.partition(".")[2])[0] for o in options if "." in o}
    for one, other in combinations(sorted(fields), 2):
        if fields[one] != fields[other]:
            yield one, other


BESIDE = {"inputs=one", "averages.generator", "averages.discriminator"}
"""Options that are no single field's."""


def reached(model: Model) -> Iterator[str]:
    """The options that a layer, an optimizer or the steps make use of."""
    kind = _kind(type(model))
    yield kind
    for name, value in model:
        if name == "inputs" and value is not None and len(value) == 1:
            yield "inputs=one"
        if name in ("kind", "name", "inputs"):
            continue
        if value is None or isinstance(value, bool | str):
            yield f"{kind}.{name}={value}"
        elif f"{kind}.{name}" in OPTIONAL:
            yield f"{kind}.{name}=given"
        elif f"{kind}.{name}" in SPECIAL:
            yield f"{kind}.{name}{'>0' if value else '=0'}"
        elif f"{kind}.{name}" in BY_SIDE:
            yield f"{kind}.{name}={'list' if isinstance(value, tuple) else 'one'}"


SPECIAL = ("conv_transpose.output_padding", "sgd.momentum", "rmsprop.momentum")
"""Numbers that switch something on where they are not 0."""
BY_SIDE = ("conv.padding", "conv_transpose.padding", "scale.factor", "scale.offset")
"""Numbers, or lists of them."""


def _options(model: type[Model]) -> Iterator[str]:
    kind = _kind(model)
    yield kind
    for name, field in model.model_fields.items():
        if name in ("kind", "name", "inputs"):
            continue
        for value in _values(field.annotation):
            yield f"{kind}.{name}={value}"
        if f"{kind}.{name}" in SPECIAL:
            yield from (f"{kind}.{name}>0", f"{kind}.{name}=0")
        if f"{kind}.{name}" in BY_SIDE:
            yield from (f"{kind}.{name}=list", f"{kind}.{name}=one")


def _values(annotation: Any) -> Iterator[str]:
    """Values of a literal or boolean; None and given of an optional field."""
    if annotation is bool:
        yield from ("True", "False")
    elif get_origin(annotation) is Literal:
        values = get_args(annotation)
        yield from (str(value) for value in values if len(values) > 1)
    elif type(None) in get_args(annotation):
        yield "None"
        literal = [a for a in get_args(annotation) if get_origin(a) is Literal]
        yield from (str(v) for a in literal for v in get_args(a)) if literal else ("given",)


def _kind(model: type[Model]) -> str:
    field = model.model_fields.get("kind")
    return get_args(field.annotation)[0] if field else model.__name__.lower()


OPTIONAL = {
    f"{_kind(model)}.{name}"
    for model in MODELS
    for name, field in model.model_fields.items()
    if "given" in set(_values(field.annotation))
}
