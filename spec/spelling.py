"""The name that was meant, where one is so close to what was given that it is a slip."""

import re
from collections.abc import Sequence
from difflib import SequenceMatcher
from typing import Any

CLOSE = 0.75
"""How alike, of 1, a word and its misspelling are."""

OTHER_NAMES = {
    "l1": ("absolute_error",),
    "mae": ("absolute_error",),
    "l2": ("squared_error", "least_squares"),
    "mse": ("squared_error", "least_squares"),
    "binary_cross_entropy": ("bce",),
    "swish": ("silu",),
    "linear": ("dense",),
}
"""What others call a thing of the vocabulary, which does not look alike."""


def cut(text: str) -> str:
    """As much of it as a line has room for."""
    return text if len(text) <= 80 else f"{text[:77]}..."


def hint(given: str, names: Sequence[str]) -> str:
    """All that is allowed, after the name that was meant."""
    return f"{meant(given, names)}allowed: {', '.join(names)}"


def meant(given: Any, names: Sequence[str]) -> str:
    """The question whether one of the names was meant; nothing where none is close."""
    if not isinstance(given, str):
        return ""
    known = [name for name in OTHER_NAMES.get(given, ()) if name in names]
    found = " or ".join(known) or near(given, names)
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
