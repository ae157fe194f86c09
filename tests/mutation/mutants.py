"""All mutants of some files, and a random sample of them, spread over files by their lines."""

import difflib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import cosmic_ray.plugins
from cosmic_ray.ast import ast_nodes, get_ast
from cosmic_ray.mutating import mutate_code
from parso.python.tree import search_ancestor

from tests.mutation import operators

OWN = {
    one.__name__: one
    for one in (operators.RemovedStatement, operators.ReturnedNone, operators.NoneForArgument)
}
THEIRS = (
    "Add_Sub",
    "Sub_Add",
    "Mul_Div",
    "Div_Mul",
    "Div_FloorDiv",
    "FloorDiv_Div",
    "Mod_FloorDiv",
    "Pow_Mul",
    "BitOr_BitAnd",
    "BitAnd_BitOr",
    "Operator_Eq_",
    "Operator_NotEq_",
    "Operator_Lt_",
    "Operator_LtE_",
    "Operator_Gt_",
    "Operator_GtE_",
    "Operator_Is_",
    "Operator_In_",
    "UnaryOperator",
    "NumberReplacer",
    "AddNot",
    "ReplaceTrueWithFalse",
    "ReplaceFalseWithTrue",
    "ReplaceAndWithOr",
    "ReplaceOrWithAnd",
    "ZeroIterationForLoop",
    "ReplaceBreakWithContinue",
    "ReplaceContinueWithBreak",
)
"""Of cosmic-ray's, by a part of the name: slips of a pen. A sum as a shift of bits is none, and is
noticed by whatever runs the line."""
LINTED = ("Operator_Eq_Is", "Operator_NotEq_Is")
"""`is` beside a text or a number is refused by ruff (F632), and else an error of no pen."""


@dataclass(frozen=True)
class Mutant:
    """One change of one file."""

    path: str
    """From the root of the project."""
    line: int
    operator: str
    occurrence: int

    def code(self, source: str) -> str:
        """The file with the change in it."""
        found: str = mutate_code(source, operator_of(self.operator), self.occurrence)
        return found

    def change(self, source: str) -> str:
        """What it takes away and what it puts there: `old -> new`."""
        lines = difflib.ndiff(source.splitlines(), self.code(source).splitlines())
        parts: dict[str, list[str]] = {"-": [], "+": []}
        for line in lines:
            if line[0] in parts:
                parts[line[0]].append(line[2:].strip())
        return f"{' '.join(parts['-'])} -> {' '.join(parts['+'])}"


def operator_of(name: str) -> Any:
    """The operator of this name, ours or cosmic-ray's."""
    own = OWN.get(name)
    return own() if own else cosmic_ray.plugins.get_operator(name)()


def operator_names() -> list[str]:
    """All that are tried."""
    theirs = [
        name
        for name in cosmic_ray.plugins.operator_names()
        if any(part in name for part in THEIRS)
        and not any(part in name for part in LINTED)
        and not cosmic_ray.plugins.get_operator(name).arguments()
    ]
    return sorted([*theirs, *OWN])


def all_mutants(path: str, source: str) -> Iterator[Mutant]:
    """Every mutant of a file, but of annotations and messages."""
    tree = get_ast(source)
    nodes = list(ast_nodes(tree))
    for name in operator_names():
        occurrence = 0
        for node in nodes:
            for start, _ in operator_of(name).mutation_positions(node):
                if not _is_left_out(node):
                    yield Mutant(path, start[0], name, occurrence)
                occurrence += 1


def sample(root: Path, paths: Sequence[str], size: int, seed: int) -> list[Mutant]:
    """So many mutants: a file for each by its lines, at least one in every file, none twice."""
    random = Random(seed)
    sources = {path: (root / path).read_text(encoding="utf-8") for path in sorted(paths)}
    found = {path: list(all_mutants(path, source)) for path, source in sources.items()}
    for mutants in found.values():
        random.shuffle(mutants)
    files = [path for path in sources if found[path]]
    lines = [sources[path].count("\n") for path in files]
    chosen = [found[path].pop() for path in random.sample(files, min(size, len(files)))]
    while len(chosen) < size and any(found.values()):
        path = random.choices(files, lines)[0]
        if found[path]:
            chosen.append(found[path].pop())
    return chosen


def _is_left_out(node: Any) -> bool:
    """Types are for readers and mypy, the words of a message are nobody's result, and whether a
    module is a program is Python's own phrase."""
    if search_ancestor(node, "tfpdef", "fstring", "raise_stmt", "import_from"):
        return True
    if node.type == "operator" and node.parent.type in ("parameters", "lambdef"):
        return True  # a star between parameters is no product
    condition = search_ancestor(node, "if_stmt")
    if condition and condition.children[1].get_code().strip().startswith("__name__"):
        return bool(node.start_pos < condition.children[1].end_pos)
    assigned, function = search_ancestor(node, "annassign"), search_ancestor(node, "funcdef")
    types = [assigned.children[1] if assigned else None, function.annotation if function else None]
    return any(of and of.start_pos <= node.start_pos < of.end_pos for of in types)
