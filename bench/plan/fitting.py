"""`--check`: one line a workload that says what was understood of it."""

from math import prod

from spec.workload import Network, Workload


def describe(name: str, workload: Workload, batch_sizes: tuple[int, ...]) -> str:
    """Networks with shapes and parameters, and the real samples of an iteration."""
    networks = "; ".join(_network(key, network) for key, network in workload.networks.items())
    one = workload.images_per_iteration // workload.schedule.batch_size
    sizes = batch_sizes or (workload.schedule.batch_size,)
    images = " or ".join(f"{one * size:,}" for size in sizes)
    return f"{name}: fits; {networks}; {images} real samples an iteration"


def _network(name: str, network: Network) -> str:
    count = sum(prod(parameter.shape) for parameter in network.parameters().values())
    shapes = f"{list(network.input)} -> {list(network.output)}"
    return f"{name} {shapes}, {count:,} parameters"
