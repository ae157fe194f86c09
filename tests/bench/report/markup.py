"""A page taken apart: its elements, their attributes, its text."""

import re
from html.parser import HTMLParser


class Parsed(HTMLParser):
    """Elements and text in order."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []
        self._inside = ""
        self.script = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Keep the element."""
        self.elements.append((tag, dict(attrs)))
        self._inside = tag

    def handle_data(self, data: str) -> None:
        """Keep the text, the script's apart."""
        if self._inside == "script":
            self.script += data
        elif self._inside != "style":
            self.text.append(data)

    def handle_endtag(self, tag: str) -> None:
        """Text after it belongs to what is around it."""
        self._inside = ""

    def attributes(self, name: str) -> list[str]:
        """All values of an attribute."""
        return [of[name] or "" for _, of in self.elements if name in of]

    def count(self, tag: str) -> int:
        """How many elements of a kind there are."""
        return sum(of == tag for of, _ in self.elements)

    @property
    def words(self) -> str:
        """The text with single spaces."""
        return " ".join(" ".join(self.text).split())


def colours_used(page: str) -> set[str]:
    """The names that a page's pictures and style refer to: a line in one that nobody defines is
    not seen."""
    return set(re.findall(r"var\((--[a-z0-9]+)\)", page))


def colours_defined(page: str) -> set[str]:
    """The names that a page's style gives a colour."""
    return set(re.findall(r"(--[a-z0-9]+):", page))
