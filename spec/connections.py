"""Whether a workload's phases connect: every name is known, and shapes fit."""

from collections.abc import Iterable
from math import prod
from typing import TYPE_CHECKING, NamedTuple

from spec.arrays import ArraySource
from spec.base import Model
from spec.errors import PlaceError
from spec.flow import is_detached, makers
from spec.losses import (
    AbsoluteError,
    BinaryCrossEntropy,
    CrossEntropy,
    Relativistic,
    SquaredError,
)
from spec.network import INPUT, OUTPUT, Network
from spec.phases import Forward, Phase
from spec.sources import parts_of

if TYPE_CHECKING:
    from spec.workload import Workload

SHARED = "shared"
"""What keys of shared draws begin with, where others have their phase's name."""
LARGEST_POOL = 2**28
"""Numbers: a GiB in float32."""
WHAT = "draw, reused value or output"


class Seen(NamedTuple):
    """A value in a phase: its shape, and of a whole number how many classes there are."""

    shape: tuple[int, ...]
    classes: int | None = None

    def __str__(self) -> str:
        return str(list(self.shape)) if self.classes is None else f"{self.classes} classes"

    @property
    def said(self) -> str:
        """What it has, in an error."""
        return f"shape {self}" if self.classes is None else str(self)


def check_batch_norms(workload: "Workload") -> None:
    """A batch of one value has no variance."""
    for name, network in workload.networks.items():
        for i, (_, layer, shape) in enumerate(network.named_layers()):
            if layer.kind == "batch_norm" and workload.schedule.batch_size * prod(shape[:-1]) < 2:
                raise PlaceError(
                    f"networks.{name}.layers[{i}]",
                    f"batch_norm on one value in each channel (batch size 1, shape {list(shape)}) "
                    "has no variance; take a larger schedule.batch_size",
                )


def check_names(workload: "Workload") -> None:
    """No two phases, and no two metrics, have one name."""
    phases = [phase.name for phase in workload.phases]
    metrics = [f"{name}_loss" for name in phases]
    for i, phase in enumerate(workload.phases):
        if phase.name == SHARED:
            message = f"given {SHARED!r}, which is what draws are called that phases share"
            raise PlaceError(f"phases[{i}].name", message)
        if phase.name in phases[:i]:
            raise PlaceError(f"phases[{i}].name", f"an earlier phase is called {phase.name!r} too")
        for name in phase.metrics:
            if name in metrics:
                raise PlaceError(f"phases[{i}].metrics.{name}", "another metric has this name")
        metrics += phase.metrics


def check_shared(workload: "Workload") -> None:
    """Each shared draw has a source, a name of its own, and a phase that draws it."""
    named = {draw for phase in workload.phases for draw in phase.draws}
    for name, source in workload.shared.items():
        among(f"shared.{name}", source, workload.sources, "source")
        if name in workload.sources:
            raise PlaceError(f"shared.{name}", "a source has this name; take another")
        if name not in named:
            raise PlaceError(f"shared.{name}", "no phase draws it: name it in a phase's draws")


def check_phase(
    workload: "Workload", place: str, phase: Phase, earlier: dict[str, dict[str, Seen]]
) -> dict[str, Seen]:
    """What the phase knows in the end, by name."""
    known = _check_draws(workload, place, phase)
    known |= _check_reuse(place, phase, earlier, known)
    made_later = [name for forward in phase.forwards for name in forward.writes]
    for name, pool in phase.pools.items():
        among(f"{place}.pools.{name}.of", pool.of, [*known, *made_later], WHAT)
    known |= _check_pools(workload, place, phase, known, known)
    for i, forward in enumerate(phase.forwards):
        here = f"{place}.forwards[{i}]"
        among(f"{here}.network", forward.network, workload.networks, "network")
        network = workload.networks[forward.network]
        made = _check_forward(network, phase.name, here, forward, known)
        _check_new(f"{here}.outputs", forward, known)
        known |= made
        known |= _check_pools(workload, place, phase, made, known)
    for i, term in enumerate(phase.losses):
        _check_term(workload, f"{place}.losses[{i}]", term, known)
    _check_metrics(place, phase, known)
    _check_updates(workload, place, phase)
    return known


def _check_draws(workload: "Workload", place: str, phase: Phase) -> dict[str, Seen]:
    """What is drawn, and the parts of a sample, by name."""
    known: dict[str, Seen] = {}
    shared = workload.shared
    for i, draw in enumerate(phase.draws):
        what = "source or shared draw" if shared else "source"
        among(f"{place}.draws[{i}]", draw, [*workload.sources, *shared], what)
        source = workload.sources[shared.get(draw, draw)]
        known[draw] = Seen(source.shape, getattr(source, "classes", None))
        if isinstance(source, ArraySource):
            parts = parts_of(source).items()
            known |= {f"{draw}.{name}": Seen(part.shape, part.classes) for name, part in parts}
    return known


def _check_reuse(
    place: str, phase: Phase, earlier: dict[str, dict[str, Seen]], drawn: dict[str, Seen]
) -> dict[str, Seen]:
    """What an earlier phase drew or made, by its name here."""
    found: dict[str, Seen] = {}
    for name, reuse in phase.reuse.items():
        here = f"{place}.reuse.{name}"
        among(f"{here}.phase", reuse.phase, earlier, "earlier phase")
        among(f"{here}.output", reuse.output, earlier[reuse.phase], "draw or output")
        if name in drawn:
            raise PlaceError(here, "a draw has this name; take another")
        found[name] = earlier[reuse.phase][reuse.output]
    return found


def _check_metrics(place: str, phase: Phase, known: dict[str, Seen]) -> None:
    """A metric is of logits."""
    for name, output in phase.metrics.items():
        among(f"{place}.metrics.{name}", output, known, "output")
        if known[output].classes is not None:
            message = (
                f"{output!r} has {known[output].said}; a metric is the mean of sigmoid(logits)"
            )
            raise PlaceError(f"{place}.metrics.{name}", message)


def _check_updates(workload: "Workload", place: str, phase: Phase) -> None:
    """There is such an optimizer, and what it moves has parameters."""
    among(f"{place}.optimizer", phase.optimizer, workload.optimizers, "optimizer")
    for i, name in enumerate(phase.updates):
        among(f"{place}.updates[{i}]", name, workload.networks, "network")
        if not workload.networks[name].parameters():
            message = f"no layer has parameters, so phase {phase.name!r} has nothing to train"
            raise PlaceError(f"networks.{name}.layers", message)


def check_gradients(workload: "Workload") -> None:
    """Every network that a phase moves has a gradient from one of its losses."""
    by_name = {phase.name: phase for phase in workload.phases}
    for i, phase in enumerate(workload.phases):
        found = {name for term in phase.losses for name in reached(phase, term, by_name)}
        for j, name in enumerate(phase.updates):
            if name not in found:
                raise PlaceError(
                    f"phases[{i}].updates[{j}]",
                    f"given {name!r}, to which no loss of this phase has a gradient: no loss names "
                    "what it makes, or a forward on the way has detach = true, or the phase reuses "
                    "it in the form value",
                )


def reached(phase: Phase, term: Model, by_name: dict[str, Phase]) -> set[str]:
    """The networks that a term has a gradient to."""
    fields = term.model_dump(exclude={"kind", "form", "weight"})
    values = [v for of in fields.values() for v in (of if isinstance(of, tuple) else (of,))]
    names = [v for v in values if isinstance(v, str) and not is_detached(phase, v)]
    own = {fields["network"]} if "network" in fields else set()
    return own.union(*(makers(phase, name, by_name) for name in names))


def _check_new(place: str, forward: Forward, known: dict[str, Seen]) -> None:
    """What comes out has names of its own."""
    for i, name in enumerate(forward.writes):
        if name in known or name in forward.writes[:i]:
            message = f"{name!r} is already a draw or an earlier output; take another name"
            raise PlaceError(place, message)


def _check_pools(
    workload: "Workload",
    place: str,
    phase: Phase,
    made: dict[str, Seen],
    known: dict[str, Seen],
) -> dict[str, Seen]:
    """The mixtures of what was just made, by name."""
    found: dict[str, Seen] = {}
    for name, pool in phase.mixed(made).items():
        here, batch = f"{place}.pools.{name}", workload.schedule.batch_size
        if name in known:
            raise PlaceError(here, "a draw or an earlier output has this name; take another")
        if pool.size < batch:
            raise PlaceError(
                f"{here}.size",
                f"given {pool.size}, but each of the {batch} samples of a batch has a slot of its "
                f"own; take {batch} or more",
            )
        if made[pool.of].classes is not None:
            raise PlaceError(f"{here}.of", f"{pool.of!r} has {made[pool.of]}; take real numbers")
        if pool.size * prod(made[pool.of].shape) > LARGEST_POOL:
            raise PlaceError(
                f"{here}.size",
                f"given {pool.size}, with samples of shape {made[pool.of]} more than "
                f"{LARGEST_POOL:,} numbers; take fewer",
            )
        found[name] = made[pool.of]
    return found


def _check_forward(
    network: Network,
    phase: str,
    here: str,
    forward: Forward,
    known: dict[str, Seen],
) -> dict[str, Seen]:
    """What comes out, by name."""
    for ports, names in (("inputs", network.taken), ("outputs", network.made)):
        _check_ports(here, ports, getattr(forward, ports), names, forward)
    for port, batches in forward.given.items():
        for name in batches:
            among(
                _port(here, "inputs", forward.inputs, port), name, known, "draw or earlier output"
            )
            wanted = Seen(network.taken[port], network.classes.get(port))
            if known[name] != wanted:
                own = "input" if network.input is not None else f"inputs.{port}"
                raise PlaceError(
                    f"networks.{forward.network}.{own}",
                    f"given {wanted}, but {name!r} of phase {phase!r} has {known[name].said}; the "
                    "two must be equal",
                )
    made = network.made
    return {name: Seen(made[port]) for port, batches in forward.made.items() for name in batches}


def _port(here: str, ports: str, given: object, port: str) -> str:
    """The place of an input's or output's batches: a list has no names."""
    return f"{here}.{ports}.{port}" if isinstance(given, dict) else f"{here}.{ports}"


def _check_ports(
    here: str, ports: str, given: object, names: dict[str, tuple[int, ...]], forward: Forward
) -> None:
    """Every input is given, no output that there is not, and each as often as the others."""
    several = set(names) not in ({INPUT}, {OUTPUT})
    if several != isinstance(given, dict):
        wanted = f"a table with {', '.join(names)}" if several else "a list of names"
        what = "several" if several else "one of them"
        raise PlaceError(f"{here}.{ports}", f"the network has {what}; allowed: {wanted}")
    of = forward.given if ports == "inputs" else forward.made
    for port, batches in of.items():
        among(f"{here}.{ports}", port, names, f"{ports.removesuffix('s')} of the network")
        if len(batches) != forward.batches:
            as_many = "as many outputs as inputs are needed"
            same = f"{len(batches)} batches beside {forward.batches} of another input"
            raise PlaceError(
                _port(here, ports, given, port), as_many if ports == "outputs" else same
            )
    missing = [name for name in names if name not in of] if ports == "inputs" else []
    if missing:
        raise PlaceError(f"{here}.inputs", f"missing: {', '.join(missing)}")


def _check_term(workload: "Workload", place: str, term: Model, known: dict[str, Seen]) -> None:
    """Every name is known, and has a shape that the term takes."""
    fields = term.model_dump(exclude={"kind", "form", "weight"})
    for field, value in fields.items():
        if field == "network":
            among(f"{place}.network", value, workload.networks, "network")
            continue
        for name in value if isinstance(value, tuple) else (value,):
            if isinstance(name, str):
                among(f"{place}.{field}", name, known, "draw or output")
                _check_seen(f"{place}.{field}", term, field, name, known)
    if isinstance(term, CrossEntropy):
        _check_classes(place, term, known)
    pairs: dict[type[Model], tuple[str, str]] = {
        AbsoluteError: ("value", "other"),
        SquaredError: ("value", "other"),
        BinaryCrossEntropy: ("logits", "target"),
    }
    if isinstance(term, Relativistic) and term.form == "pairs":
        pairs[Relativistic] = ("scores", "against")
    if type(term) not in pairs:
        return
    one, other = (fields[field] for field in pairs[type(term)])
    if isinstance(other, str) and known[one] != known[other]:
        raise PlaceError(
            f"{place}.{pairs[type(term)][1]}",
            f"{other!r} has {known[other].said}, but {one!r} has {known[one].said}; the two must "
            "be equal",
        )


def _check_seen(place: str, term: Model, field: str, name: str, known: dict[str, Seen]) -> None:
    """A value may stand in this field of a term."""
    seen = known[name]
    if isinstance(term, CrossEntropy):
        return
    if seen.classes is not None:
        raise PlaceError(place, f"{name!r} has {seen.said}; a loss of real numbers takes no labels")
    if field in ("logits", "scores", "against") and seen.shape[-1] != 1:
        what = "logit" if field == "logits" else "score"
        raise PlaceError(
            place,
            f"{name!r} has {seen.said}; a discriminator gives one {what} a sample, [1], or a map "
            "of them, [h, w, 1]",
        )


def _check_classes(place: str, term: CrossEntropy, known: dict[str, Seen]) -> None:
    """There is one logit for each class."""
    logits = known[term.logits]
    if logits.classes is not None or len(logits.shape) != 1:
        message = f"{term.logits!r} has {logits.said}; one logit a class is a vector, [K]"
        raise PlaceError(f"{place}.logits", message)
    (classes,) = logits.shape
    if isinstance(term.label, int):
        if term.label >= classes:
            raise PlaceError(
                f"{place}.label",
                f"given {term.label}, but {term.logits!r} has logits of {classes} classes, which "
                "count from 0",
            )
        return
    label = known[term.label]
    if label.classes is None or label.classes > classes:
        raise PlaceError(
            f"{place}.label",
            f"{term.label!r} has {label.said}, but {term.logits!r} has logits of {classes}; a "
            "label has classes, as many or fewer",
        )


def among(place: str, name: str, allowed: Iterable[str], what: str) -> None:
    """PlaceError where there is no such name, with those that there are."""
    if name not in allowed:
        raise PlaceError(place, f"no {what} is called {name!r}; allowed: {', '.join(allowed)}")
