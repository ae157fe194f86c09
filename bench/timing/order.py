"""The order of a run's items: group by group, half of the blocks at once, the others at the end."""

from collections import defaultdict
from collections.abc import Callable
from random import Random
from typing import Any

import pytest

from bench.plan import groups
from bench.plan.cells import Group, Plan
from bench.plan.folder import control_missing, missing, place_of

Place = tuple[float, ...]
STAGES = ("test_first_step", "test_proof", "test_train_step")
"""Of a group, in this order; controls take turns with its cells."""


def group_of(item: pytest.Item) -> Group:
    """The group that an item belongs to."""
    parameters: dict[str, Any] = item.callspec.params  # type: ignore[attr-defined]
    group: Group = parameters["group"] if "group" in parameters else parameters["cell"].group
    return group


def block_of(item: pytest.Item) -> int | None:
    """The block that an item times a turn of; None for proofs and costs."""
    found: int | None = item.callspec.params.get("block")  # type: ignore[attr-defined]
    return found


def needed(plan: Plan) -> Callable[[pytest.Item], bool]:
    """A run that is taken up again proves and times only what is missing."""
    still = {cell: missing(plan, cell) for cell in plan.cells}

    def is_needed(item: pytest.Item) -> bool:
        parameters = item.callspec.params  # type: ignore[attr-defined]
        if "control" in parameters:
            return control_missing(plan, **parameters)
        cell = parameters["cell"]
        if item.originalname in STAGES[:2]:  # type: ignore[attr-defined]
            return bool(still[cell])
        return place_of(**parameters) in still[cell]

    return is_needed


def place(plan: Plan) -> Callable[[pytest.Item], Place]:
    """What items are sorted by.

    Each group is proved and the first half of its blocks timed, the cheapest group first. The other
    halves follow block by block, groups shuffled in each, so that blocks lie in the whole run. In a
    turn of a block come the group's cells and its controls, shuffled: what drifts hits all alike.
    Costs come last.
    """
    random = Random(plan.seed)
    order: dict[str, float] = defaultdict(random.random)
    shuffled: dict[tuple[int, Group], float] = defaultdict(random.random)
    number = {group: i for i, group in enumerate(groups.in_order(plan.cells))}
    early, _ = groups.halves(plan.blocks)
    cells = {cell: i for i, cell in enumerate(plan.cells)}

    def place_of_item(item: pytest.Item) -> Place:
        parameters, group, block = item.callspec.params, group_of(item), block_of(item)  # type: ignore[attr-defined]
        if block is None:
            stage = item.originalname  # type: ignore[attr-defined]
            if stage in STAGES:
                return (0, number[group], STAGES.index(stage), cells[parameters["cell"]])
            return (2, number[group], cells[parameters["cell"]])
        turn = (parameters["turn"], order[item.nodeid])
        if block in early:
            return (0, number[group], STAGES.index("test_train_step"), block, *turn)
        return (1, block, shuffled[block, group], *turn)

    return place_of_item


def in_early_half(plan: Plan, item: pytest.Item) -> bool:
    """Whether an item belongs to what is done for its group before the next one begins."""
    block = block_of(item)
    if block is None:
        return item.originalname in STAGES  # type: ignore[attr-defined]
    return block in groups.halves(plan.blocks)[0]
