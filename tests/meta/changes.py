"""What planted faults make of a workload or of a phase: a program is built from that instead."""

from collections.abc import Callable
from typing import Any


def changed_terms(kind: str, **update: Any) -> Callable[[Any], dict[str, Any]]:
    """Every loss term of a kind has other numbers."""

    def change(workload: Any) -> dict[str, Any]:
        def changed(term: Any) -> Any:
            return term.model_copy(update=update) if term.kind == kind else term

        phases = [
            p.model_copy(update={"losses": tuple(map(changed, p.losses))}) for p in workload.phases
        ]
        return {"phases": tuple(phases)}

    return change


def changed_clip(**update: Any) -> Callable[[Any], dict[str, Any]]:
    """Parameters are cut at another place, or not at all."""

    def change(workload: Any) -> dict[str, Any]:
        phases = [
            p.model_copy(update={"clip": p.clip and p.clip.model_copy(update=update)})
            for p in workload.phases
        ]
        return {"phases": tuple(phases)}

    return change


def fakes_in_train_mode(workload: Any) -> dict[str, Any]:
    """Every forward runs in train mode."""
    phases = [
        p.model_copy(
            update={"forwards": tuple(f.model_copy(update={"mode": "train"}) for f in p.forwards)}
        )
        for p in workload.phases
    ]
    return {"phases": tuple(phases)}


def rewired(kind: str, change: Callable[[Any], Any]) -> Callable[[Any], dict[str, Any]]:
    """Sums or concatenations take their inputs from elsewhere."""

    return _layers_of(kind, lambda layer: {"inputs": change(layer.inputs)})


def all_layers(kind: str, **update: Any) -> Callable[[Any], dict[str, Any]]:
    """Every layer of a kind has other numbers, wherever they are used."""
    return _layers_of(kind, lambda layer: update)


def _layers_of(
    kind: str, update: Callable[[Any], dict[str, Any]]
) -> Callable[[Any], dict[str, Any]]:
    def changed(workload: Any) -> dict[str, Any]:
        networks = {}
        for name, network in workload.networks.items():
            layers = tuple(
                layer.model_copy(update=update(layer)) if layer.kind == kind else layer
                for layer in network.layers
            )
            networks[name] = network.model_copy(update={"layers": layers})
        return {"networks": networks}

    return changed


def exponential(workload: Any) -> dict[str, Any]:
    """Learning rates fall by a factor, not by a difference."""
    return {"schedule": workload.schedule.model_copy(update={"learning_rate": "exponential"})}


def unsorted(workload: Any) -> dict[str, Any]:
    """Streams that should be sorted are not."""
    sources = {
        name: s.model_copy(update={"sorted": False}) if hasattr(s, "sorted") else s
        for name, s in workload.sources.items()
    }
    return {"sources": sources}


def betas_swapped(workload: Any) -> dict[str, Any]:
    """Adam's betas, each in the other's place."""
    swapped = {
        name: o.model_copy(update={"beta_1": o.beta_2, "beta_2": o.beta_1})
        for name, o in workload.optimizers.items()
    }
    return {"optimizers": swapped}


def lighter_ones(workload: Any) -> dict[str, Any]:
    """In every phase the terms with target 1 weigh 1 % less."""

    def lighter(term: Any) -> Any:
        return term.model_copy(update={"weight": (0.99 if term.target == 1.0 else 1.0)})

    phases = tuple(
        p.model_copy(update={"losses": tuple(map(lighter, p.losses))}) for p in workload.phases
    )
    return {"phases": phases}


def nothing_detached(phase: Any) -> dict[str, Any]:
    """Gradients flow through every forward."""
    forwards = tuple(f.model_copy(update={"detach": False}) for f in phase.forwards)
    return {"forwards": forwards}


def fake_before_real(phase: Any) -> dict[str, Any]:
    """D sees the fakes first, so its running statistics come in another order."""
    if len(phase.forwards) < 3:
        return {}
    real, generate, fake = phase.forwards
    return {"forwards": (generate, fake, real)}


def heads_exchanged(workload: Any) -> dict[str, Any]:
    """Each of two outputs comes from the other's layer."""
    networks = {}
    for name, network in workload.networks.items():
        names, layers = list(network.outputs), list(network.outputs.values())
        swapped = dict(zip(names, layers[::-1], strict=True))
        networks[name] = network.model_copy(update={"outputs": swapped})
    return {"networks": networks}
