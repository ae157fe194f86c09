"""Workloads that checks make: of one layer, of one network, of a phase that cuts a gradient."""

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

from spec.connections import Seen, check_phase, reached
from spec.layers import AnyLayer, Embedding
from spec.network import Network, Whole
from spec.phases import Forward, Phase
from spec.workload import Workload


def alone(layer: AnyLayer, shape: tuple[int, ...]) -> Network:
    """A network of one layer; what takes a whole number has an input of such."""
    if isinstance(layer, Embedding):
        fed = layer.model_copy(update={"inputs": ("label",)})
        return Network(inputs={"label": Whole(classes=layer.classes)}, layers=(fed,))
    return Network(input=shape, layers=(layer.model_copy(update={"inputs": None}),))


def probe(workload: Workload, network: Network) -> Workload:
    """A workload with one network and nothing to train."""
    return workload.model_copy(
        update={"networks": {"probe": network}, "phases": (), "optimizers": {}, "averages": {}}
    )


def with_a_detached_branch(workload: Workload) -> Workload | None:
    """A phase that passes what it trains a second time, detached, with the same losses on it."""
    found = (
        (phase, made, judged)
        for phase in reversed(workload.phases)
        for made, judged in pairwise(phase.forwards)
        if not phase.reuse  # it would need the phase before it
        and made.network in phase.updates
        and not made.detach
        and not set(made.writes).isdisjoint(judged.reads)
    )
    phase, made, judged = next(found, (None, None, None))
    if phase is None or made is None or judged is None:
        return None
    again = {name: f"{name}_detached" for name in (*made.writes, *judged.writes)}
    detached = _renamed(made, {name: again[name] for name in made.writes})
    forwards = (
        *phase.forwards,
        detached.model_copy(update={"inputs": made.inputs, "detach": True}),
        _renamed(judged, again),
    )
    terms = [
        term.model_copy(update={field: again[v] for field, v in term if v in again})
        for term in phase.losses
        if any(v in judged.writes for _, v in term)
    ]
    both = {"name": "both", "forwards": forwards, "losses": (*phase.losses, *terms), "repeat": 1}
    return workload.model_copy(update={"phases": (phase.model_copy(update=both),)})


def values_of_phases(workload: Workload) -> Iterator[tuple[Phase, dict[str, tuple[int, ...]]]]:
    """Phases that can be given real values for all that they reuse, with the shapes of these."""
    by_name = {phase.name: phase for phase in workload.phases}
    known: dict[str, dict[str, Seen]] = {}
    for i, phase in enumerate(workload.phases):
        known[phase.name] = check_phase(workload, f"phases[{i}]", phase, known)
        of = {name: known[phase.name][name] for name in phase.reuse}
        own = {k: reuse.model_copy(update={"form": "value"}) for k, reuse in phase.reuse.items()}
        alone = phase.model_copy(update={"reuse": own})
        trained = {name for term in phase.losses for name in reached(alone, term, by_name)}
        real = all(seen.classes is None for seen in of.values())
        if of and real and not phase.together and trained.issuperset(phase.updates):
            yield phase, {name: seen.shape for name, seen in of.items()}


def _renamed(forward: Forward, names: dict[str, str]) -> Forward:
    """The forward with other names in its inputs and outputs."""

    def ports(given: Any) -> Any:
        if isinstance(given, dict):
            return {port: ports(batches) for port, batches in given.items()}
        return tuple(names.get(name, name) for name in given)

    of = {"inputs": ports(forward.inputs), "outputs": ports(forward.outputs)}
    return forward.model_copy(update=of)
