"""`--set PLACE=VALUE`: another value at a place of a file."""

import re
from collections.abc import Mapping
from typing import Any, get_args

from spec.arrays import AnyArray, ArraySource
from spec.errors import SpecError
from spec.places import ABSENT, Spot, kinds_of
from spec.short_form import ShortForm, is_short
from spec.spelling import hint
from spec.workload import Workload

NAME = r"[A-Za-z_][A-Za-z0-9_]*"
INDEX = r"\[(?:0|[1-9][0-9]{0,8})\]"
PLACE = re.compile(rf"{NAME}(?:\.{NAME}|{INDEX})*")
SOURCE_KIND = re.compile(rf"(?:data|sources\.{NAME})\.kind")

ARRAYS: dict[str, type[ArraySource]] = {
    kind: model for model in get_args(AnyArray) for kind in kinds_of(model)
}
USUAL = {"interpolation": "bilinear"}
"""What a source's field has where another kind needs it, and the file's own kind did not."""

TEACHING = ("steps.loss", "steps.real_target", "steps.fake_target")
"""Places that say what D learns to believe."""


def put_all(raw: dict[str, Any], overrides: Mapping[str, Any]) -> None:
    """Put every value at its place; kinds of sources first, so that fields are the new kind's.

    Raises SpecError with the place, without the file.
    """
    for place in sorted(overrides, key=lambda place: not SOURCE_KIND.fullmatch(place)):
        put(raw, place, overrides[place])
    taught = any(place in overrides for place in TEACHING)
    if taught and not any(of.startswith("stopping") for of in overrides):
        _forget_beliefs(raw)


def put(raw: dict[str, Any], place: str, value: Any) -> None:
    """Put a value at `schedule.batch_size` or `generator.layers[0].units`, which must be there.

    Raises SpecError with the place, without the file.
    """
    *parents, last = _parts(place)
    spot = Spot("", ShortForm if is_short(raw) else Workload, raw)
    for part in parents:
        spot = _step(spot, part, place)
    if SOURCE_KIND.fullmatch(place) and isinstance(spot.given, dict):
        _change_kind(spot.given, value)
    if isinstance(spot.given, dict) and (last in spot.keys() or last in spot.given):  # noqa: SIM118
        spot.given[last] = value
    elif isinstance(spot.given, dict) and isinstance(last, str) and not spot.models():
        spot.given[last] = value  # a table of names, such as averages
    else:
        _step(spot, last, place)
        spot.given[last] = value
    if parents == ["data"] and isinstance(last, str):
        _forget_data(spot.given, last)


def _parts(place: str) -> list[int | str]:
    if not PLACE.fullmatch(place):
        raise SpecError(
            f"{place}: not a place; write names with dots between, and [numbers] from 0 for items "
            "of lists, as in generator.layers[0].units"
        )
    found = re.findall(r"\w+", place)
    return [int(word) if word.isdecimal() else word for word in found]


def _step(spot: Spot, part: int | str, place: str) -> Spot:
    """The place inside; SpecError where the file has none, with what it has instead."""
    if isinstance(spot.given, dict):
        spot = spot.of_kind(spot.given.get("kind"))
    inside = spot.inside(part)
    if inside.given is not ABSENT and isinstance(spot.given, list) == isinstance(part, int):
        return inside
    raise SpecError(f"{place}: there is no such field to override; {_instead(spot, part)}")


def _instead(spot: Spot, part: int | str) -> str:
    here = spot.place or "the file"
    if isinstance(spot.given, list):
        return f"{here} is a list of {len(spot.given)}, counted from [0]"
    if not isinstance(spot.given, dict):
        return f"{here} is a single value"
    if isinstance(part, int):
        return f"{here} is a table, no list; its keys: {', '.join(spot.given)}"
    whole = f"{spot.place}.{part}".removeprefix(".")
    if part in spot.keys():  # noqa: SIM118
        return f"the file has no {whole}; put all of it there: --set '{whole}={{...}}'"
    return hint(part, spot.keys() or list(spot.given))


def _change_kind(source: dict[str, Any], kind: Any) -> None:
    """Make way for another kind of array: what only the old one had goes, what is usual comes.

    The count and the checksum were of the old one's samples. A key that is of neither kind stays,
    to be refused; so does all where one of the two kinds is no array.
    """
    old, new = (ARRAYS.get(str(of)) for of in (source.get("kind"), kind))
    if old is None or new is None or old is new:
        return
    gone = [name for name in old.model_fields if name not in new.model_fields]
    for name in (*gone, "count", "sha256"):
        source.pop(name, None)
    for name in USUAL.keys() & new.model_fields.keys():
        source.setdefault(name, USUAL[name])


def _forget_data(data: dict[str, Any], changed: str) -> None:
    """The count and the checksum were of the data before the override."""
    if changed not in ("count", "sha256", "hold_out"):
        data.pop("sha256", None)
        if changed != "range":
            data.pop("count", None)


def _forget_beliefs(raw: dict[str, Any]) -> None:
    """The limits of what D believes were of the loss and targets before the override."""
    if isinstance(raw.get("stopping"), dict):
        raw["stopping"].pop("discriminator_won", None)
