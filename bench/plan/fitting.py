"""`--check`: one line a workload that says what was understood of it."""

from collections.abc import Mapping
from math import prod

from spec.network import Network
from spec.workload import Workload


def describe(name: str, workload: Workload, batch_sizes: tuple[int, ...]) -> str:
    """Networks with shapes and parameters, the real samples of an iteration, and lazy phases."""
    networks = "; ".join(_network(key, network) for key, network in workload.networks.items())
    batches = workload.images_per_iteration / workload.schedule.batch_size
    sizes = batch_sizes or (workload.schedule.batch_size,)
    images = " or ".join(f"{batches * size:,.2f}".removesuffix(".00") for size in sizes)
    parts = [f"{name}: fits", networks, f"{images} real samples an iteration"]
    lazy = [phase for phase in workload.phases if phase.every > 1]
    if lazy:
        parts[-1] += " on average"
        which = ", ".join(f"{phase.name} every {phase.every}" for phase in lazy)
        parts.append(f"not in each iteration: {which}; weights and rates are as written")
    return "; ".join(parts)


def _network(name: str, network: Network) -> str:
    count = sum(prod(parameter.shape) for parameter in network.parameters().values())
    shapes = f"{_shapes(network.taken, network.classes)} -> {_shapes(network.made, {})}"
    return f"{name} {shapes}, {count:,} parameters"


def _shapes(ports: dict[str, tuple[int, ...]], classes: Mapping[str, int]) -> str:
    """`[784]` of one, `z [100], label of 10 classes` of several."""
    if len(ports) == 1:
        return str(list(next(iter(ports.values()))))
    said = {name: f"of {number} classes" for name, number in classes.items()}
    return ", ".join(f"{name} {said.get(name, list(shape))}" for name, shape in ports.items())
