"""What pydantic found, as one line: the place, what was given, what is allowed."""

import json
from collections.abc import Sequence
from difflib import get_close_matches
from typing import Any, get_args

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from spec.base import Model, Name, Why
from spec.errors import PlaceError
from spec.places import Spot, allowed, bare, find, marks


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
        return f"{spot.place}: given {shown(location[-2])}; allowed: {allowed(Name)}"
    return _line(first, find(root, raw, location), find(root, raw, location[:-1]), found)


def hint(given: str, names: Sequence[str]) -> str:
    """The name that was meant, or all that are allowed."""
    near = get_close_matches(given, names, n=1)
    return f"did you mean {near[0]}?" if near else f"allowed: {', '.join(names)}"


def shown(value: Any) -> str:
    """A value as the file has it, cut where it is long."""
    text = json.dumps(value, default=str)
    return text if len(text) <= 80 else f"{text[:77]}..."


def _line(error: ErrorDetails, spot: Spot, parent: Spot, found: list[ErrorDetails]) -> str:
    cause = error.get("ctx", {}).get("error")
    if isinstance(cause, PlaceError):
        return f"{spot.place}.{cause.place}".removeprefix(".") + f": {cause}"
    if cause is not None:
        return f"{spot.place}: given {shown(error['input'])}; {cause}"
    if error["type"] == "extra_forbidden":
        given, keys = str(error["loc"][-1]), parent.keys()
        free = [key for key in keys if key not in parent.given]
        near = get_close_matches(given, free, n=1)
        return f"{spot.place}: unknown key; {hint(given, near or keys)}"
    if error["type"] == "missing":
        return f"{spot.place}: missing; {_needed(spot)}{_beside(error, found)}"
    if error["type"] in ("union_tag_invalid", "union_tag_not_found"):
        return _kind(spot)
    return _wrong(spot)


def _wrong(spot: Spot) -> str:
    words = [str(value) for value in get_args(bare(spot.annotation))]
    meant = _meant(spot.given, words)
    return f"{spot.place}: given {shown(spot.given)}; {meant}allowed: {allowed(spot.annotation)}"


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


def _kind(spot: Spot) -> str:
    kinds, given = spot.kinds(), spot.given.get("kind") if isinstance(spot.given, dict) else None
    why = [f" ({mark.text})" for mark in marks(spot.annotation) if isinstance(mark, Why)]
    options = f"allowed: {', '.join(kinds)}{''.join(why)}"
    if given is None:
        return f"{spot.place}.kind: missing; {options}"
    return f"{spot.place}.kind: given {shown(given)}; {_meant(given, kinds)}{options}"


def _meant(given: Any, names: Sequence[str]) -> str:
    near = get_close_matches(given, names, n=1) if isinstance(given, str) else []
    return f"did you mean {near[0]}?; " if near else ""
