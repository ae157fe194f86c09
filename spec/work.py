"""How much arithmetic an iteration is: multiply-adds of its products, forward and backward.

Counted are the products of dense layers and convolutions, which nothing can leave out: forward, the
gradient of a kernel where the phase moves it, and the gradient of a layer's input where something
behind it needs that. Element-wise work, normalisation and optimizers are not counted, so a share of
a device's best matrix product is a lower bound of what was done.
"""

from spec.flow import makers
from spec.network import Network
from spec.phases import Forward, Phase
from spec.workload import Workload


def iteration_multiply_adds(workload: Workload) -> int | float:
    """Multiply-adds of an iteration, on full batches; their mean where not all phases run in it."""
    size = workload.schedule.batch_size
    runs = ((workload.runs_of(phase) * phase.repeat, phase) for phase in workload.phases)
    return workload.mean(size * sum(often * _phase(workload, phase) for often, phase in runs))


def _phase(workload: Workload, phase: Phase) -> int:
    """Of one sample of each input."""
    moving, phases = set(phase.updates), {one.name: one for one in workload.phases}
    carrying = {
        name
        for name, reuse in phase.reuse.items()
        if reuse.form == "graph" and makers(phase, name, phases) & moving
    }
    behind = (phase.reuse[name] for name in sorted(carrying))
    total = sum(_way_back(workload, phases[of.phase], of.output, moving) for of in behind)
    for forward in phase.forwards:
        total += forward.batches * _forward(workload, phase, forward, carrying)
        moved = forward.network in phase.updates or carrying.intersection(forward.reads)
        if moved and not forward.detach:
            carrying.update(forward.writes)
    return total


def _way_back(workload: Workload, phase: Phase, output: str, moving: set[str]) -> int:
    """Of the gradients that flow from a reused output to what moves, through its phase's forwards.

    All batches that passed together count: a framework's graph has one product for them.
    """
    phases = {one.name: one for one in workload.phases}
    if output in phase.reuse:
        reuse = phase.reuse[output]
        return _way_back(workload, phases[reuse.phase], reuse.output, moving)
    maker = next((f for f in phase.forwards if output in f.writes), None)
    if maker is None:  # a draw
        return 0
    network = workload.networks[maker.network]
    ahead, total = network.multiply_adds(), 0
    if maker.network in moving:
        total += maker.batches * ahead
    detached = {name for f in phase.forwards if f.detach for name in f.writes}
    fed = [n for n in maker.reads if n not in detached and makers(phase, n, phases) & moving]
    if fed:
        total += maker.batches * ahead
    elif maker.network in moving:
        total += maker.batches * (ahead - _first_product(network))
    return total + sum(_way_back(workload, phase, name, moving) for name in fed)


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
