"""What of the rows is not executed, and the reasons that are committed for it."""

import ast
import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Missing:
    """A line that was not executed, or a branch that was not taken, from its line."""

    path: str
    line: int
    what: Literal["line", "branch"]
    text: str
    function: str
    """With its class; empty outside of all."""

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.what} not executed: {self.text}"


@dataclass(frozen=True)
class Reason:
    """Why something is not executed here: a whole function, or one of its lines."""

    path: str
    function: str
    line: str
    """Its text; empty: all of the function."""
    kind: Literal["cuda", "other"]
    why: str

    def covers(self, missing: Missing) -> bool:
        """Whether it is about this."""
        here = (self.path, self.function) == (missing.path, missing.function)
        return here and self.line in ("", missing.text)

    def holds(self, path: str, line: int) -> bool:
        """Whether a line of the source is among what it is about."""
        if path != self.path or functions(path).get(line, "") != self.function:
            return False
        text = (ROOT / path).read_text(encoding="utf-8").splitlines()[line - 1].strip()
        return self.line in ("", text)


def reasons() -> list[Reason]:
    """Those that are committed."""
    known = tomllib.loads((Path(__file__).parent / "left.toml").read_text(encoding="utf-8"))
    return [Reason(**({"line": ""} | entry)) for entry in known.get("left", [])]


@cache
def functions(path: str) -> dict[int, str]:
    """Line -> the innermost function that it is in, `Class.method`."""
    found: dict[int, str] = {}

    def visit(node: ast.AST, name: str) -> None:
        for child in ast.iter_child_nodes(node):
            inner = name
            if isinstance(child, ast.FunctionDef | ast.ClassDef):
                inner = f"{name}.{child.name}".lstrip(".")
                for line in range(child.lineno, (child.end_lineno or child.lineno) + 1):
                    found[line] = inner
            visit(child, inner)

    visit(ast.parse((ROOT / path).read_text(encoding="utf-8")), "")
    return found
