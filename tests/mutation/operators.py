"""Mutations that cosmic-ray has not: statements, arguments and return values taken away."""

from abc import abstractmethod
from collections.abc import Iterator
from typing import Any

import parso
from cosmic_ray.operators.operator import Operator

Node = Any
Place = tuple[tuple[int, int], tuple[int, int]]


def _code(text: str, like: Node) -> Node:
    """A node that is this text, with the white space that stood before the old one."""
    node = parso.parse(text).children[0]
    first = like.get_first_leaf()
    node.get_first_leaf().prefix = first.prefix
    return node


class Own(Operator):  # type: ignore[misc]
    """One mutation of each node of some kind."""

    @abstractmethod
    def fits(self, node: Node) -> bool:
        """Whether the node is of the kind."""

    def mutation_positions(self, node: Node) -> Iterator[Place]:
        """Where the node can be changed: once, or nowhere."""
        if self.fits(node):
            yield node.start_pos, node.end_pos

    @classmethod
    def examples(cls) -> tuple[()]:
        """None; cosmic-ray asks for them."""
        return ()


class RemovedStatement(Own):
    """An assignment or a call for its own sake becomes `pass`."""

    def fits(self, node: Node) -> bool:
        """A statement of one line, in a function."""
        inside = node.parent is not None and node.parent.type == "simple_stmt"
        kinds = ("expr_stmt", "atom_expr", "del_stmt", "assert_stmt", "raise_stmt")
        in_function = parso.python.tree.search_ancestor(node, "funcdef") is not None
        return inside and in_function and node.type in kinds

    def mutate(self, node: Node, index: int) -> Node:
        """Nothing, in its place."""
        return _code("pass", node)


class ReturnedNone(Own):
    """`return x` becomes `return None`."""

    def fits(self, node: Node) -> bool:
        """It gives something back."""
        return node.type == "return_stmt" and node.children[1].get_code().strip() != "None"

    def mutate(self, node: Node, index: int) -> Node:
        """Without what it gave back."""
        return _code("return None", node)


class NoneForArgument(Own):
    """One argument of a call becomes None."""

    def fits(self, node: Node) -> bool:
        """It is a whole argument, with its name where it has one."""
        given = node.parent is not None and node.parent.type == "arglist"
        alone = node.parent is not None and node.parent.type == "trailer"
        called = alone and node.parent.children[0] == "(" and node is node.parent.children[1]
        is_value = node.type not in ("operator", "comp_for", "sync_comp_for", "argument", "arglist")
        named = (given or called) and node.type == "argument" and node.children[1] == "="
        return named or ((given or called) and is_value and node.get_code().strip() != "None")

    def mutate(self, node: Node, index: int) -> Node:
        """The name stays."""
        named = node.type == "argument"
        return _code(f"{node.children[0].value}=None" if named else "None", node)
