"""Places in a file, and what the models allow there."""

from types import NoneType, UnionType
from typing import Annotated, Any, Literal, NamedTuple, Union, get_args, get_origin

from spec.base import Model, Says

ABSENT = object()
"""What a file has at a place that it does not have."""


MANY_KINDS = 7
"""What a line about something else does not list."""


class Spot(NamedTuple):
    """A place in a file: its name, the type that the models give it, and what the file has."""

    place: str
    annotation: Any
    given: Any

    def models(self) -> tuple[type[Model], ...]:
        """The models that this may be, several by `kind`; none where it is no table of fields."""
        return models_of(self.annotation)

    def keys(self) -> list[str]:
        """The keys that are allowed here, whichever kind it is."""
        return list(dict.fromkeys(key for model in self.models() for key in model.model_fields))

    def kinds(self) -> list[str]:
        """The kinds that are allowed here."""
        return [kind for model in self.models() for kind in kinds_of(model)]

    def of_kind(self, kind: Any) -> "Spot":
        """The same place as one of its kinds, where it has such a kind."""
        chosen = [model for model in self.models() if kind in kinds_of(model)]
        return self._replace(annotation=chosen[0]) if chosen else self

    def inside(self, part: int | str) -> "Spot":
        """The place of a key or of a list's item in this one."""
        name = f"{self.place}[{part}]" if isinstance(part, int) else f"{self.place}.{part}"
        return Spot(name.removeprefix("."), _inside(self.annotation, part), _item(self.given, part))


def find(root: type[Model], raw: Any, location: tuple[int | str, ...]) -> Spot:
    """The place that pydantic's location means; it also names the kind of each table."""
    spot = Spot("", root, raw)
    for part in location:
        if _options(bare(spot.annotation)) and not spot.models():
            return spot  # pydantic names the type that it tried, of several that may stand here
        spot = spot.of_kind(part) if len(spot.models()) > 1 else spot.inside(part)
    return spot


def bare(annotation: Any) -> Any:
    """A type without its constraints, and without None."""
    if get_origin(annotation) is Annotated:
        return bare(get_args(annotation)[0])
    if get_origin(annotation) in (Union, UnionType):
        rest = [option for option in get_args(annotation) if option is not NoneType]
        return bare(rest[0]) if len(rest) == 1 else annotation
    return annotation


def marks(annotation: Any) -> list[Any]:
    """The constraints of a type, those of the one value beside None too."""
    if get_origin(annotation) is Annotated:
        inner, *own = get_args(annotation)
        flat = [m for mark in own for m in getattr(mark, "metadata", [mark])]
        return flat + marks(inner)
    options = _options(annotation)
    return marks(options[0]) if len(options) == 1 else []


def _options(annotation: Any) -> list[Any]:
    """The types that a union is of, without None; none of what is no union."""
    if get_origin(annotation) not in (Union, UnionType):
        return []
    return [option for option in get_args(annotation) if option is not NoneType]


def models_of(annotation: Any) -> tuple[type[Model], ...]:
    """The models that a type takes, several by `kind`; none where it takes no table of fields."""
    plain = bare(annotation)
    options = get_args(plain) if get_origin(plain) in (Union, UnionType) else (plain,)
    return tuple(o for o in options if isinstance(o, type) and issubclass(o, Model))


def takes_one_value(annotation: Any) -> bool:
    """Whether a type takes a number, a word, a text or a truth value: neither list nor table."""
    plain = bare(annotation)
    return get_origin(plain) is Literal or plain in (int, float, bool, str)


def kinds_of(model: type[Model]) -> tuple[str, ...]:
    """The kinds that a model describes."""
    kind = model.model_fields.get("kind")
    return get_args(kind.annotation) if kind else ()


def allowed(annotation: Any) -> str:
    """What a place takes, in words."""
    plain, said = bare(annotation), [m.text for m in marks(annotation) if isinstance(m, Says)]
    if said:
        return str(said[0])
    if models_of(plain):
        return _table(models_of(plain))
    if get_origin(plain) is Literal:
        return ", ".join(str(value) for value in get_args(plain))
    if options := _options(plain):
        return ", or ".join(dict.fromkeys(map(allowed, options)))
    if get_origin(plain) is dict:
        return f"a table of names, each {allowed(get_args(plain)[1])}"
    if get_origin(plain) is tuple:
        some = any(getattr(mark, "min_length", 0) for mark in marks(annotation))
        return f"a list{' of one or more' if some else ''}, each {allowed(get_args(plain)[0])}"
    if plain in (int, float):
        return f"a {'whole number' if plain is int else 'number'}{_range(marks(annotation))}"
    return {bool: "true or false", str: "text in quotes"}.get(plain, "a table")


def _table(models: tuple[type[Model], ...]) -> str:
    kinds = [kind for model in models for kind in kinds_of(model)]
    if len(kinds) > MANY_KINDS:
        return "a table with a kind and its fields"
    if kinds:
        return f"a table with a kind ({', '.join(kinds)}) and its fields"
    needed = [name for name, field in models[0].model_fields.items() if field.is_required()]
    return f"a table with {', '.join(needed)}"


def _range(constraints: list[Any]) -> str:
    """` from 1 to 1,000`, or as much of it as there is."""
    words = {"ge": " from", "gt": " above", "le": " to", "lt": " to below"}
    parts = {
        name: f"{words[name]} {getattr(mark, name):,.12g}"
        for name in words
        for mark in constraints
        if getattr(mark, name, None) is not None
    }
    text = "".join(parts.values())
    if "ge" in parts:
        return text
    return text.replace(" to below ", " and below ").replace(" to ", " and at most ")


def _inside(annotation: Any, part: int | str) -> Any:
    plain, models = bare(annotation), models_of(annotation)
    for model in models:
        field = model.model_fields.get(str(part))
        if field is not None:
            return Annotated[(field.annotation, field)]
    options = get_args(plain)
    if get_origin(plain) is dict:
        return options[1]
    if get_origin(plain) is tuple and isinstance(part, int):
        return options[0] if options[-1] is Ellipsis else options[min(part, len(options) - 1)]
    return Any


def _item(given: Any, part: int | str) -> Any:
    if isinstance(given, dict):
        return given.get(part, ABSENT)
    if isinstance(given, list) and isinstance(part, int) and part < len(given):
        return given[part]
    return ABSENT
