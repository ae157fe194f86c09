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
    return ({option for model in MODELS for option in _options(model)} | BESIDE) - LONG_ALONE


LONG_ALONE = {"embedding"}
"""Whole numbers are inputs in the long form alone."""
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


def flow() -> set[str]:
    """What only the long form has, by itself and together."""
    losses = {
        *("bce", "least_squares", "hinge", "mean_score", "absolute_error", "squared_error"),
        *("cross_entropy", "relativistic.pairs", "relativistic.average", "log_partition"),
    }
    return losses | {
        *LONG_ALONE,
        *("shared.noise", "shared.batch", "shared.labels", "labels.drawn", "labels.of_samples"),
        *("inputs.several", "outputs.several", "outputs.map", "networks.three", "g.first"),
        *("reuse.value", "reuse.graph", "reuse.graph.fakes", "reuse.graph.score", "together"),
        *("every=2", "every=4", "repeat", "pool", "pool.reused", "batches.joined", "mode.eval"),
        *("reuse.lazy", "shared.lazy", "pool.repeated", "averages", "rates.fall"),
    }


def flow_reached(gan: dict[str, Any]) -> set[str]:
    """Which of these a GAN in the long form has."""
    phases, networks = gan["phases"], gan["networks"]
    reuses = [(p, r) for p in phases for r in p.get("reuse", {}).values()]
    draws = {name for p in phases for name in p["draws"]}
    forwards = [f for p in phases for f in p["forwards"]]
    pools = [p for p in phases if p.get("pools")]
    graphs = [(p, r) for p, r in reuses if r["form"] == "graph"]
    terms = [t for p in phases for t in p["losses"]]
    labelled = [f["inputs"]["label"] for f in forwards if isinstance(f["inputs"], dict)]
    parts = {label for labels in labelled for label in labels}
    holds = {
        "embedding": any(x["kind"] == "embedding" for n in networks.values() for x in n["layers"]),
        "shared.noise": "noise" in draws,
        "shared.batch": "batch" in draws,
        "shared.labels": "wanted" in draws,
        "labels.drawn": any(not str(label).endswith(".label") for label in parts),
        "labels.of_samples": any(str(label).endswith(".label") for label in parts),
        "inputs.several": any("inputs" in n for n in networks.values()),
        "outputs.several": any("outputs" in n for n in networks.values()),
        "outputs.map": networks["d"]["layers"][-1]["kind"] == "conv",
        "networks.three": len(networks) > 2,
        "g.first": phases[0]["name"] == "g_phase",
        "reuse.value": any(r["form"] == "value" for _, r in reuses),
        "reuse.graph": bool(graphs),
        "reuse.graph.fakes": any(r["output"] == "fake" for _, r in graphs),
        "reuse.graph.score": any(r["output"] == "fake_d" for _, r in graphs),
        "reuse.lazy": any(p["every"] > 1 for p, _ in reuses),
        "together": any(p.get("together") for p in phases),
        "every=2": any(p["every"] == 2 for p in phases),
        "every=4": any(p["every"] == 4 for p in phases),
        "repeat": any(p["repeat"] > 1 for p in phases),
        "shared.lazy": any(p["every"] > 1 and set(p["draws"]) & set(gan["shared"]) for p in phases),
        "pool": bool(pools),
        "pool.reused": any("reuse" in p for p in pools),
        "pool.repeated": any(p["repeat"] > 1 for p in pools),
        "batches.joined": any(len(_list(f["inputs"])) > 1 for f in forwards),
        "mode.eval": any(f["mode"] == "eval" for f in forwards),
        "averages": bool(gan["averages"]),
        "rates.fall": gan["schedule"]["learning_rate"] != "constant",
    }
    kinds = {t["kind"] + (f".{t['form']}" if "form" in t else "") for t in terms}
    return {name for name, has in holds.items() if has} | (kinds & flow())


def _list(inputs: Any) -> list[str]:
    return inputs if isinstance(inputs, list) else next(iter(inputs.values()))
