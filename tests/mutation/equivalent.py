"""Mutants that change nothing that anybody could notice, each with its reason."""

import tomllib
from dataclasses import dataclass
from pathlib import Path

FILE = Path(__file__).parent / "equivalent.toml"


@dataclass(frozen=True)
class Equivalent:
    """One such change; it expires when the line's text changes."""

    path: str
    change: str
    """`old -> new`, as `nox -s mutate` prints it."""
    why: str

    @property
    def line(self) -> str:
        """What the change takes away."""
        return self.change.partition(" -> ")[0]


def equivalents() -> list[Equivalent]:
    """Those that are committed."""
    known = tomllib.loads(FILE.read_text(encoding="utf-8"))
    return [Equivalent(**entry) for entry in known.get("equivalent", [])]
