"""The name that was meant, where one is so close to what was given that it is a slip."""

import re
from collections.abc import Sequence
from difflib import SequenceMatcher
from typing import Any

CLOSE = 0.75
"""How alike, of 1, a word and its misspelling are."""


def cut(text: str) -> str:
    """As much of it as a line has room for."""
    return text if len(text) <= 80 else f"{text[:77]}..."


def hint(given: str, names: Sequence[str]) -> str:
    """All that is allowed, after the name that was meant."""
    return f"{meant(given, names)}allowed: {', '.join(names)}"


def meant(given: Any, names: Sequence[str]) -> str:
    """The question whether one of the names was meant; nothing where none is close."""
    found = near(given, names) if isinstance(given, str) else None
    return f"did you mean {found}?; " if found else ""


def near(given: str, names: Sequence[str]) -> str | None:
    """The one name that differs from `given` by a slip; another number, float16, is no slip."""
    numbers = re.findall(r"\d+", given)
    alike = {
        name: SequenceMatcher(None, name, given).ratio()
        for name in names
        if re.findall(r"\d+", name) == numbers
    }
    best = max(alike.values(), default=0.0)
    found = [name for name, share in alike.items() if share == best]
    return found[0] if best >= CLOSE and len(found) == 1 else None
