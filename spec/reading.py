"""Reading a workload file: TOML in, a Workload out, or one line that says what is wrong where."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError

from spec.base import Model
from spec.errors import SpecError
from spec.explaining import explain
from spec.overrides import put_all
from spec.parsing import parse
from spec.short_form import NETWORKS, ShortForm, expand, is_short, require_one_form
from spec.workload import Workload

AnyModel = TypeVar("AnyModel", bound=Model)


def read(path: Path, overrides: Mapping[str, Any] | None = None, label: str = "") -> Workload:
    """The workload in the file at `path`, with `overrides` (dotted path -> value) put in first.

    Raises SpecError: file (or `label`, where it has one), place, what was given, what is allowed.
    """
    label = label or str(path)
    raw = parse(path, label)
    try:
        require_one_form(raw)
        put_all(raw, overrides or {})
        if not is_short(raw):
            return _model(Workload, raw)
        return _expanded(_model(ShortForm, raw))
    except SpecError as error:
        raise SpecError(f"{label}: {error}") from None


def _expanded(short: ShortForm) -> Workload:
    """The short form as a workload; an error has the places of the short form."""
    try:
        return _model(Workload, expand(short)).written_short()
    except SpecError as error:
        text = str(error)
        for name in NETWORKS:
            text = text.removeprefix("networks.") if text.startswith(f"networks.{name}.") else text
        raise SpecError(text) from None


def _model(model: type[AnyModel], raw: Any) -> AnyModel:
    try:
        return model.model_validate_json(json.dumps(raw, default=str))
    except ValidationError as error:
        raise SpecError(explain(error, model, raw)) from None
