"""What a page is made of: sections of words, figures and tables."""

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Value:
    """A table's entry: what is shown, and what it is sorted by."""

    text: str
    key: float | str

    @property
    def numeric(self) -> bool:
        """Numbers stand to the right."""
        return not isinstance(self.key, str)


@dataclass(frozen=True)
class Table:
    """Lines of values under headers; sortable in the page."""

    caption: str
    columns: tuple[str, ...]
    lines: list[list[Value]]
    folded: bool = True
    """Shown when asked for: the figures beside it say the same."""
    prose: bool = False
    """Long texts, which may be broken anywhere."""


@dataclass(frozen=True)
class Figure:
    """A drawing with its title; the drawing is SVG that is safe to be put into a page."""

    title: str
    svg: Any


@dataclass(frozen=True)
class Picture:
    """An image that lies in the page itself."""

    uri: str
    """`data:image/png;base64,...`"""
    alt: str
    """It in words."""


@dataclass(frozen=True)
class Pictures:
    """A table of images, whose columns and lines have names."""

    caption: str
    corner: str
    """What the names of lines are of."""
    columns: tuple[str, ...]
    lines: dict[str, list[Picture | None]]
    """Name -> a picture for each column, where there is one."""


@dataclass(frozen=True)
class Section:
    """One question and its answer."""

    name: str
    title: str
    words: list[str] = field(default_factory=list)
    figures: list[Figure] = field(default_factory=list)
    tables: list[Table] = field(default_factory=list)
    pictures: list[Pictures] = field(default_factory=list)


@dataclass(frozen=True)
class Chapter:
    """Sections about one thing, beside those of the results."""

    name: str
    title: str
    heading: str
    """What it and its like are called together, in lower case; so is a page of them alone."""
    words: list[str] = field(default_factory=list)
    sections: list[Section] = field(default_factory=list)


def text(shown: object) -> Value:
    """An entry that is sorted as text."""
    return Value(str(shown), str(shown))


def entry(shown: str, key: float | None) -> Value:
    """An entry that is sorted by a number; what has none comes last."""
    return Value(shown, float("inf") if key is None else key)
