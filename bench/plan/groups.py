"""Groups of comparable cells: in which order they are measured, and which half of their blocks."""

from collections.abc import Iterable

from bench.plan.cells import Cell, Group, Plan
from spec.work import iteration_multiply_adds


def in_order(cells: Iterable[Cell]) -> list[Group]:
    """The groups, those first whose proof takes least: a first number comes within minutes."""
    cost: dict[Group, float] = {}
    for cell in cells:
        if cell.group not in cost:
            workload = cell.load()
            iterations = workload.chunk_iterations() + 1
            cost[cell.group] = iterations * iteration_multiply_adds(workload)
    return sorted(cost, key=lambda group: cost[group])


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
