"""Reading a workload file: TOML in, a Workload out, or one line that says what is wrong where."""

import json
import re
import tomllib
from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from spec.base import Model
from spec.errors import SpecError
from spec.short_form import NETWORKS, ShortForm, expand, is_short
from spec.workload import PlaceError, Workload

LARGEST_FILE_BYTES = 1_000_000


def read(path: Path, overrides: Mapping[str, Any] | None = None) -> Workload:
    """The workload in the file at `path`, with `overrides` (dotted path -> value) put in first.

    Raises SpecError: file, place, what was given, what is allowed.
    """
    raw = _parse(path)
    for place, value in (overrides or {}).items():
        _put(raw, place, value, path)
    short = is_short(raw)
    try:
        if short:
            raw = expand(ShortForm.model_validate_json(json.dumps(raw, default=str)))
        return Workload.model_validate_json(json.dumps(raw, default=str))
    except ValidationError as error:
        errors = error.errors()
        # A misspelt key is the cause, and the key that is then missing the effect.
        unknown = [e for e in errors if e["type"] == "extra_forbidden"]
        raise SpecError(f"{path}: {_explain([*unknown, *errors][0], short)}") from None


def _parse(path: Path) -> dict[str, Any]:
    try:
        content = path.read_bytes()
    except IsADirectoryError:
        raise SpecError(f"{path}: is a folder; give the path of a TOML file") from None
    except OSError as error:
        raise SpecError(f"{path}: cannot be read: {error.strerror}") from None
    if len(content) > LARGEST_FILE_BYTES:
        raise SpecError(f"{path}: {len(content)} bytes; a workload file has at most 1,000,000")
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise SpecError(f"{path}: byte {error.start} is not UTF-8; save it as UTF-8") from None
    if not text.strip():
        raise SpecError(f"{path}: the file is empty; a workload is expected")
    try:
        return tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # also numbers and nesting beyond all bounds
        raise SpecError(f"{path}: not TOML: {error}") from None


def _put(raw: dict[str, Any], place: str, value: Any, path: Path) -> None:
    """Put a value at `schedule.batch_size` or `generator.layers[0].units`."""
    *parents, last = [int(w) if w.isdecimal() else w for w in re.findall(r"\w+", place)] or [""]
    table: Any = raw
    for key in parents:
        inside = key in table if isinstance(table, dict) else isinstance(key, int)
        table = table[key] if inside and (not isinstance(key, int) or key < len(table)) else None
        if not isinstance(table, dict | list):
            raise SpecError(f"{path}: {place}: there is no such field to override")
    if isinstance(table, dict) and isinstance(last, str):
        if last not in table and last not in _known_keys():
            near = get_close_matches(last, [*table, *_known_keys()], n=1)
            hint = f"; did you mean {near[0]}?" if near else ""
            raise SpecError(f"{path}: {place}: there is no such field to override{hint}")
        table[last] = value
        if parents == ["data"] and last not in ("count", "sha256"):
            table.pop("sha256", None)  # it was of the data before the override
            if last != "range":
                table.pop("count", None)
    elif isinstance(table, list) and isinstance(last, int) and last < len(table):
        table[last] = value
    else:
        raise SpecError(f"{path}: {place}: there is no such field to override")


def _known_keys() -> set[str]:
    """Every key that any part of a workload file may have."""
    models, keys = list(Model.__subclasses__()), set()
    while models:
        model = models.pop()
        models += model.__subclasses__()
        keys |= set(model.model_fields)
    return keys


def _explain(error: ErrorDetails, short: bool) -> str:
    cause = error.get("ctx", {}).get("error")
    if isinstance(cause, PlaceError):
        place = cause.place
        if short:
            for name in NETWORKS:
                place = place.replace(f"networks.{name}.", f"{name}.", 1)
            # The short form has no phases: what is wrong with the logits is D's last layer.
            place = re.sub(r"^phases.*\.logits$", "discriminator.layers", place)
        return f"{place}: {cause}"
    place = _place(error["loc"])
    message = error["msg"]
    if error["type"] == "extra_forbidden":
        given = str(error["loc"][-1])
        near = get_close_matches(given, sorted(_known_keys() - {given}), n=1)
        hint = f"did you mean {near[0]}?" if near else "remove it or correct its name"
        return f"{place}: unknown key; {hint}"
    if error["type"] == "missing":
        return f"{place}: missing; every number is written, there are no defaults"
    if error["type"] in ("union_tag_invalid", "union_tag_not_found"):
        return f"{place}.kind: {message}"
    return f"{place}: given {_shown(error['input'])}; {message[0].lower()}{message[1:]}"


def _place(loc: tuple[int | str, ...]) -> str:
    """`generator.layers[3].kernel` from pydantic's location, which also names the union's tag."""
    place = ""
    for i, part in enumerate(loc):
        if isinstance(part, int):
            place += f"[{part}]"
        elif not _is_tag(loc, i):
            place += f".{part}" if place else str(part)
    return place


def _is_tag(loc: tuple[int | str, ...], i: int) -> bool:
    if i == 0 or (i == len(loc) - 1 and loc[i] == "[key]"):
        return False
    before = loc[i - 1]
    in_list = isinstance(before, int) and loc[i - 2] in ("layers", "losses")
    named = i >= 2 and loc[i - 2] in ("sources", "optimizers") and not isinstance(before, int)
    field = before in ("noise", "data", "kernel_init", "bias_init", "scale_init")
    return in_list or named or field


def _shown(value: Any) -> str:
    text = json.dumps(value, default=str)
    return text if len(text) <= 80 else f"{text[:77]}..."
