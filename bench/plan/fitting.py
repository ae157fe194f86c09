"""`--check`: one line a workload that says what was understood of it."""

from math import prod

from spec.network import Network
from spec.workload import Workload


def describe(name: str, workload: Workload, batch_sizes: tuple[int, ...]) -> str:
    """Networks with shapes and parameters, and the real samples of an iteration."""
    networks = "; ".join(_network(key, network) for key, network in workload.networks.items())
    one = workload.images_per_iteration // workload.schedule.batch_size
    sizes = batch_sizes or (workload.schedule.batch_size,)
    images = " or ".join(f"{one * size:,}" for size in sizes)
    return f"{name}: fits; {networks}; {images} real samples an iteration"


def _network(name: str, network: Network) -> str:
    count = sum(prod(parameter.shape) for parameter in network.parameters().values())
    shapes = f"{_shapes(network.taken)} -> {_shapes(network.made)}"
    return f"{name} {shapes}, {count:,} parameters"


def _shapes(ports: dict[str, tuple[int, ...]]) -> str:
    """`[784]` of one, `z [100], label [10]` of several."""
    if len(ports) == 1:
        return str(list(next(iter(ports.values()))))
    return ", ".join(f"{name} {list(shape)}" for name, shape in ports.items())
