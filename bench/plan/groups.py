"""Groups of comparable cells: in which order they are measured, and which half of their blocks."""

from collections.abc import Iterable
from math import prod

from bench.plan.cells import Cell, Group, Plan
from spec.work import iteration_multiply_adds
from spec.workload import Workload

AN_UPDATE, A_NUMBER = 1e8, 500
"""What an update, and a number that is drawn, take on a CPU beside their products: some 5 ms and
30 ns, where 2e10 multiply-adds take a second."""


def in_order(cells: Iterable[Cell]) -> list[Group]:
    """The groups, those first whose proof takes least: a first number comes within minutes."""
    cost: dict[Group, float] = {}
    for cell in cells:
        if cell.group not in cost:
            cost[cell.group] = _cost(cell.load())
    return sorted(cost, key=lambda group: cost[group])


def _cost(workload: Workload) -> float:
    """About how much a proof is, in multiply-adds: small updates and numbers drawn cost more."""
    drawn = workload.draw_table().values()
    numbers = sum(draw.repeat * prod(draw.source.shape) for draw in drawn)
    an_iteration = (
        iteration_multiply_adds(workload)
        + AN_UPDATE * workload.updates_per_iteration
        + A_NUMBER * numbers * workload.schedule.batch_size
    )
    return (workload.chunk_iterations() + 1) * an_iteration


def halves(blocks: int) -> tuple[range, range]:
    """The blocks that are timed at once after a group's proof, and those after all groups'."""
    middle = -(-blocks // 2)
    return range(middle), range(middle, blocks)


def name(group: Group) -> str:
    """A group in the names of records."""
    label, precision, batch_size = group
    return f"{label}-{precision}-b{batch_size}"


def of_group(plan: Plan, group: Group) -> tuple[Cell, ...]:
    """The cells of a group, in the plan's order."""
    return tuple(cell for cell in plan.cells if cell.group == group)
