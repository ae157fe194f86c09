"""What pydantic found, as one line: the place, what was given, what is allowed."""

import json
from typing import Any, get_args

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from spec.base import Beyond, Model, Name, Why
from spec.errors import PlaceError
from spec.places import Spot, allowed, bare, find, marks, takes_one_value
from spec.spelling import cut, meant

OUTSIDE = (
    "literal_error",
    "union_tag_invalid",
    "greater_than",
    "greater_than_equal",
    "less_than",
    "less_than_equal",
)
"""Errors about a value of the right type."""


def explain(error: ValidationError, root: type[Model], raw: Any) -> str:
    """The first thing that is wrong with `raw`, which was read as `root`."""
    found = error.errors()
    # A misspelt key is the cause, and the key that is then missing the effect.
    unknown = [e for e in found if e["type"] == "extra_forbidden"]
    first = [*unknown, *found][0]
    location = first["loc"]
    if first["type"] == "missing" and isinstance(location[-1], int):
        return _wrong(find(root, raw, location[:-1]))  # a list that is too short
    if location[-1:] == ("[key]",):
        spot = find(root, raw, location[:-1])
        return f"{cut(spot.place)}: given {shown(location[-2])}; allowed: {allowed(Name)}"
    spot, parent = find(root, raw, location), find(root, raw, location[:-1])
    return _line(first, spot, parent, found) + _beyond(first, spot, parent)


def shown(value: Any) -> str:
    """A value as the file has it, cut where it is long."""
    return cut(json.dumps(value, default=str, ensure_ascii=False))


def _line(error: ErrorDetails, spot: Spot, parent: Spot, found: list[ErrorDetails]) -> str:
    cause = error.get("ctx", {}).get("error")
    if isinstance(cause, PlaceError):
        return f"{spot.place}.{cause.place}".removeprefix(".") + f": {cause}"
    if cause is not None:
        return f"{spot.place}: given {shown(error['input'])}; {cause}"
    if error["type"] == "extra_forbidden":
        given, keys = str(error["loc"][-1]), parent.keys()
        free = [key for key in keys if key not in parent.given]
        wanted = meant(given, free) or meant(given, keys)
        return f"{cut(spot.place)}: unknown key; {wanted}allowed: {', '.join(keys)}"
    if error["type"] == "missing":
        return f"{spot.place}: missing; {_needed(spot)}{_beside(error, found)}"
    if error["type"] in ("union_tag_invalid", "union_tag_not_found"):
        return _kind(spot)
    return _wrong(spot)


def _beyond(error: ErrorDetails, spot: Spot, parent: Spot) -> str:
    """What the long form has, where the short one refuses a key or a value that it may have."""
    has: list[Beyond | None] = []
    if error["type"] == "extra_forbidden" and not meant(error["loc"][-1], parent.keys()):
        has = [model.beyond for model in parent.models()]
    elif error["type"] in OUTSIDE and isinstance(_given_kind(spot), str | None):
        has = [mark for mark in marks(spot.annotation) if isinstance(mark, Beyond)]
    return "".join(f"; {beyond}" for beyond in has if beyond)


def _wrong(spot: Spot) -> str:
    words = [str(value) for value in get_args(bare(spot.annotation))]
    wanted = _one(spot) or meant(spot.given, words)
    return f"{spot.place}: given {shown(spot.given)}; {wanted}allowed: {allowed(spot.annotation)}"


def _one(spot: Spot) -> str:
    """That it is no list, where one is given for a single value."""
    if not isinstance(spot.given, list) or not takes_one_value(spot.annotation):
        return ""
    why = [mark.text for mark in marks(spot.annotation) if isinstance(mark, Why)]
    return f"it is {(why or ['one value'])[0]}, no list; "


def _needed(spot: Spot) -> str:
    what = allowed(spot.annotation)
    if bare(spot.annotation) in (int, float):
        return f"every number is written, there are no defaults; allowed: {what}"
    if spot.models() and "[" not in spot.place:
        return f"[{spot.place}] is {what}"
    return f"allowed: {what}"


def _beside(error: ErrorDetails, found: list[ErrorDetails]) -> str:
    """What else is missing in the same table."""
    *parent, key = error["loc"]
    others = [e["loc"][-1] for e in found if e["type"] == "missing" and e["loc"][:-1] == (*parent,)]
    rest = ", ".join(str(other) for other in others if other != key)
    return f"; also missing: {rest}" if rest else ""


def _given_kind(spot: Spot) -> Any:
    return spot.given.get("kind") if isinstance(spot.given, dict) else None


def _kind(spot: Spot) -> str:
    kinds, given = spot.kinds(), _given_kind(spot)
    why = [f" ({mark.text})" for mark in marks(spot.annotation) if isinstance(mark, Why)]
    options = f"allowed: {', '.join(kinds)}{''.join(why)}"
    if given is None:
        return f"{spot.place}.kind: missing; {options}"
    return f"{spot.place}.kind: given {shown(given)}; {meant(given, kinds)}{options}"
