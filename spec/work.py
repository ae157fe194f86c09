"""How much arithmetic an iteration is: multiply-adds of its products, forward and backward.

Counted are the products of dense layers and convolutions, which nothing can leave out: forward, the
gradient of a kernel where the phase moves it, and the gradient of a layer's input where something
behind it needs that. Element-wise work, normalisation and optimizers are not counted, so a share of
a device's best matrix product is a lower bound of what was done.
"""

from spec.network import Network
from spec.phases import Forward, Phase
from spec.workload import Workload


def iteration_multiply_adds(workload: Workload) -> int:
    """Multiply-adds of one pass through the phases, on full batches."""
    size = workload.schedule.batch_size
    return size * sum(phase.repeat * _phase(workload, phase) for phase in workload.phases)


def _phase(workload: Workload, phase: Phase) -> int:
    """Of one sample of each input."""
    carrying: set[str] = set()
    total = 0
    for forward in phase.forwards:
        total += forward.batches * _forward(workload, phase, forward, carrying)
        moved = forward.network in phase.updates or carrying.intersection(forward.reads)
        if moved and not forward.detach:
            carrying.update(forward.writes)
    return total


def _forward(workload: Workload, phase: Phase, forward: Forward, carrying: set[str]) -> int:
    network = workload.networks[forward.network]
    ahead = network.multiply_adds()
    moves, fed = forward.network in phase.updates, bool(carrying.intersection(forward.reads))
    if forward.detach or not (moves or fed):
        return ahead
    kernels = ahead if moves else 0
    # Nothing asks for the gradient of noise or data: the first product has none for its input.
    inputs = ahead if fed else ahead - _first_product(network)
    return ahead + kernels + inputs


def _first_product(network: Network) -> int:
    products = (layer.multiply_adds(shape) for _, layer, shape in network.named_layers())
    return next((count for count in products if count), 0)
