"""The Workload: one GAN, complete, as every backend, check and measurement sees it."""

import hashlib
import json
from collections.abc import Iterable
from itertools import pairwise
from math import gcd, prod
from typing import Annotated, Literal, NamedTuple

from pydantic import Field, PrivateAttr, model_validator

from spec.base import Fraction, Model, Name
from spec.errors import PlaceError
from spec.flow import check_flow, period, running
from spec.network import INPUT, OUTPUT, Network, check_layers
from spec.optimizers import Optimizer
from spec.phases import Forward, Phase, Schedule
from spec.sources import (
    Digits,
    Draw,
    Drawn,
    GaussianStream,
    Mask,
    Photos,
    Slots,
    Source,
    parts_of,
)

SHARED = "shared"
"""What keys of shared draws begin with, where others have their phase's name."""
LARGEST_POOL = 2**28
"""Numbers: a GiB in float32."""
WHAT = "draw, reused value or output"
REAL = (Digits, Photos, GaussianStream)
"""Sources of real samples."""


class ProvenanceField(Model):
    """What the document says of one field, or where the number was taken from."""

    field: str
    status: Literal["document", "open", "wrong"]
    says: str
    taken: str | None = None
    """For `open` and `wrong`: the value used here, where it is from, and why."""


class Provenance(Model):
    """Where the workload comes from, field by field; not part of the spec's hash."""

    document: str
    fields: tuple[ProvenanceField, ...] = ()


class Workload(Model):
    """One GAN: networks, sources of draws, phases, optimizers and schedule."""

    name: Name
    title: str
    networks: Annotated[dict[Name, Network], Field(min_length=1)]
    sources: Annotated[dict[Name, Source], Field(min_length=1)]
    phases: Annotated[tuple[Phase, ...], Field(min_length=1)]
    optimizers: Annotated[dict[Name, Optimizer], Field(min_length=1)]
    schedule: Schedule
    shared: dict[Name, Name] = Field(default={})
    """Draws by name, each with its source, that are made once an iteration: all phases that name
    one are given the same samples, and so are all repetitions of a phase."""
    averages: dict[Name, Fraction] = Field(default={})
    """By network, the decay d of a moving average of its parameters: after each iteration
    average = d average + (1 - d) parameter, from the first parameters on. Samples are made with the
    averages and the running statistics."""
    provenance: Provenance | None = None
    _short: bool = PrivateAttr(default=False)

    @model_validator(mode="after")
    def _connects(self) -> "Workload":
        for name, network in self.networks.items():
            check_layers(f"networks.{name}", network)
        _check_names(self)
        _check_shared(self)
        for name in self.averages:
            _among(f"averages.{name}", name, self.networks, "network")
        known: dict[str, dict[str, Seen]] = {}
        for i, phase in enumerate(self.phases):
            known[phase.name] = _check_phase(self, f"phases[{i}]", phase, known)
        check_flow(self.phases)
        _check_batch_norms(self)
        return self

    @property
    def spec_hash(self) -> str:
        """sha256 of everything that is computed: all fields but the title and the provenance.

        Without fields that have their default, so that a file keeps its hash when the vocabulary
        grows.
        """
        left_out = {"title", "provenance"}
        fields = self.model_dump(mode="json", exclude=left_out, exclude_defaults=True)
        return hashlib.sha256(json.dumps(fields, sort_keys=True).encode()).hexdigest()

    @property
    def short(self) -> bool:
        """Whether its file is in the short form, whose places have names of their own."""
        return self._short

    def written_short(self) -> "Workload":
        """The same workload of a file in the short form."""
        copy = self.model_copy()
        copy._short = True
        return copy

    @property
    def arrays(self) -> dict[str, Digits | Photos]:
        """The sources that are finite arrays of real samples, by name."""
        return {name: s for name, s in self.sources.items() if isinstance(s, Digits | Photos)}

    @property
    def period(self) -> int:
        """After how many iterations the same phases run again."""
        return period(self.phases)

    @property
    def updates_per_iteration(self) -> int | float:
        """Optimizer steps in an iteration; their mean where not all phases run in each."""
        return self.mean(sum(self.runs_of(phase) * phase.repeat for phase in self.phases))

    @property
    def images_per_iteration(self) -> int | float:
        """Real samples that an iteration sees; their mean where not all phases run in each."""
        draws = [draw for draw in self.draw_table().values() if isinstance(draw.source, REAL)]
        batches = sum(len(draw.runs(0, self.period)) * draw.repeat for draw in draws)
        return self.mean(self.schedule.batch_size * batches)

    @property
    def reported_every(self) -> dict[str, int]:
        """Every metric, and in every how many iterations it is reported."""
        return {
            name: phase.every
            for phase in self.phases
            for name in (f"{phase.name}_loss", *phase.metrics)
        }

    def runs_of(self, phase: Phase) -> int:
        """How often a phase runs in a period."""
        return self.period // phase.every

    def mean(self, of_a_period: int) -> int | float:
        """An iteration's share of what a period has; whole where it is."""
        whole, rest = divmod(of_a_period, self.period)
        return of_a_period / self.period if rest else whole

    def pace(self, optimizer: str) -> "Pace":
        """Which iterations an optimizer's steps belong to."""
        own = [phase for phase in self.phases if phase.optimizer == optimizer]
        counts = [sum(p.repeat for p in running(own, i)) for i in range(self.period)]
        return Pace(tuple(counts))

    def counts(self, optimizer: str) -> bool:
        """Whether an optimizer's rule depends on the number of its steps, so that it is kept."""
        constant = self.schedule.learning_rate == "constant"
        return bool(self.optimizers[optimizer].slots) or not constant

    def draw_table(self) -> dict[str, Draw]:
        """What one iteration draws: `<phase>/<source>`, or `shared/<name>`.

        And a mask for every dropout that a forward in train mode passes, by input of the forward:
        `<phase>/<forward>.<layer>.<input>`.
        """
        table: dict[str, Draw] = {}
        for name, of in self.shared.items():
            periods = [phase.every for phase in self.phases if name in phase.draws]
            if periods:
                table |= self._drawn_of(f"{SHARED}/{name}", 1, gcd(*periods), of)
        for phase in self.phases:
            for name in phase.draws:
                if name not in self.shared:
                    key = f"{phase.name}/{name}"
                    table |= self._drawn_of(key, phase.repeat, phase.every, name)
            for name, pool in phase.pools.items():
                coin = Mask(kind="mask", rate=0.5, shape=())
                slots = Slots(kind="slots", classes=pool.size)
                of: dict[str, Drawn] = {
                    pool.swap(phase.name, name): coin,
                    pool.slot(phase.name, name): slots,
                }
                for key, drawn in of.items():
                    table[key] = Draw(phase.repeat, drawn, name, key, phase.every)
            for forward, masks in zip(phase.forwards, self.mask_keys(phase), strict=True):
                sources = self.networks[forward.network].masks()
                for layer, keys in masks.items():
                    for key in keys:
                        table[key] = Draw(phase.repeat, sources[layer], layer, key, phase.every)
        return table

    def _drawn_of(self, key: str, repeat: int, every: int, name: str) -> dict[str, Draw]:
        """A source's draw and its parts, which have its order."""
        source = self.sources[name]
        found = {key: Draw(repeat, source, name, key, every)}
        if isinstance(source, Digits | Photos):
            for part, of in parts_of(source).items():
                found[f"{key}.{part}"] = Draw(repeat, of, f"{name}.{part}", key, every)
        return found

    def draw_keys(self, phase: Phase) -> dict[str, str]:
        """What a phase calls its draws -> their keys; masks apart."""
        keys: dict[str, str] = {}
        for draw in phase.draws:
            key = f"{SHARED if draw in self.shared else phase.name}/{draw}"
            source = self.sources[self.shared.get(draw, draw)]
            keys |= {draw: key} | {
                f"{draw}.{p}": f"{key}.{p}" for p in getattr(source, "parts", ())
            }
        return keys

    def drawn(self, phase: Phase) -> list[str]:
        """Keys of everything that a phase draws for itself, masks included."""
        return [key for key in self.draw_table() if key.startswith(f"{phase.name}/")]

    def classes(self) -> dict[str, int]:
        """How many there are of each label: by the key of its draw, and by the array's name."""
        labels = {key: d for key, d in self.draw_table().items() if d.classes is not None}
        return {of: d.classes or 0 for key, d in labels.items() for of in (key, d.name)}

    def shared_keys(self, phase: Phase) -> list[str]:
        """Keys of what a phase is given that others, or its own repetitions, are given too."""
        return [key for key in self.draw_keys(phase).values() if key.startswith(f"{SHARED}/")]

    def pools(self) -> dict[str, tuple[int, ...]]:
        """`<phase>/<name>` -> (size, *shape) of every pool."""
        found: dict[str, tuple[int, ...]] = {}
        known: dict[str, dict[str, Seen]] = {}
        for i, phase in enumerate(self.phases if any(p.pools for p in self.phases) else ()):
            known[phase.name] = _check_phase(self, f"phases[{i}]", phase, known)
            for name, pool in phase.pools.items():
                found[f"{phase.name}/{name}"] = (pool.size, *known[phase.name][name].shape)
        return found

    def mask_keys(self, phase: Phase) -> list[dict[str, tuple[str, ...]]]:
        """For each forward: dropout layer -> keys of its masks, in the order of the inputs."""
        keys = []
        for i, forward in enumerate(phase.forwards):
            network = self.networks[forward.network]
            batches = forward.labels(next(iter(network.taken)))
            layers = network.masks() if forward.mode == "train" else {}
            keys.append(
                {of: tuple(f"{phase.name}/{i}.{of}.{name}" for name in batches) for of in layers}
            )
        return keys

    def chunk_iterations(self) -> int:
        """Iterations whose draws `run` prepares at a time, the same for every backend.

        Bounded by 32 MiB of float32 draws and by 2^35 multiply-adds, as though all phases ran in
        each, so that a dispatch of a whole chunk stays short on a slow device; at most 32. Whole
        periods, at least one.
        """
        batch = self.schedule.batch_size
        drawn = self.draw_table().values()
        numbers = sum(draw.repeat * batch * prod(draw.source.shape) for draw in drawn)
        work = (
            3
            * batch
            * sum(
                phase.repeat * f.batches * self.networks[f.network].multiply_adds()
                for phase in self.phases
                for f in phase.forwards
            )
        )
        fits = min(32, 2**25 // (4 * numbers), 2**35 // max(work, 1))
        return max(1, fits // self.period) * self.period


class Pace(NamedTuple):
    """Which iterations an optimizer's steps belong to."""

    counts: tuple[int, ...]
    """Its steps in each iteration of a period."""

    @property
    def steps(self) -> int:
        """Of a whole period."""
        return sum(self.counts)

    @property
    def period(self) -> int:
        """Iterations after which the counts repeat."""
        return len(self.counts)

    @property
    def gaps(self) -> tuple[tuple[int, int], ...]:
        """(steps of the period before it, iterations since the last) of each iteration with steps
        but the first: step s of a period belongs to the sum of what it has reached."""
        own = [i for i, count in enumerate(self.counts) if count]
        return tuple((sum(self.counts[:i]), i - last) for last, i in pairwise(own))

    def before(self, iteration: int) -> int:
        """Its steps before this iteration."""
        whole, place = divmod(iteration, self.period)
        return whole * self.steps + sum(self.counts[:place])


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


def _check_batch_norms(workload: Workload) -> None:
    """A batch of one value has no variance."""
    for name, network in workload.networks.items():
        for i, (_, layer, shape) in enumerate(network.named_layers()):
            if layer.kind == "batch_norm" and workload.schedule.batch_size * prod(shape[:-1]) < 2:
                raise PlaceError(
                    f"networks.{name}.layers[{i}]",
                    f"batch_norm on one value in each channel (batch size 1, shape {list(shape)}) "
                    "has no variance; take a larger schedule.batch_size",
                )


def _check_names(workload: Workload) -> None:
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


def _check_shared(workload: Workload) -> None:
    named = {draw for phase in workload.phases for draw in phase.draws}
    for name, source in workload.shared.items():
        _among(f"shared.{name}", source, workload.sources, "source")
        if name in workload.sources:
            raise PlaceError(f"shared.{name}", "a source has this name; take another")
        if name not in named:
            raise PlaceError(f"shared.{name}", "no phase draws it: name it in a phase's draws")


def _check_phase(
    workload: Workload, place: str, phase: Phase, earlier: dict[str, dict[str, Seen]]
) -> dict[str, Seen]:
    """What the phase knows in the end, by name."""
    known: dict[str, Seen] = {}
    shared = workload.shared
    for i, draw in enumerate(phase.draws):
        what = "source or shared draw" if shared else "source"
        _among(f"{place}.draws[{i}]", draw, [*workload.sources, *shared], what)
        source = workload.sources[shared.get(draw, draw)]
        known[draw] = Seen(source.shape, getattr(source, "classes", None))
        if isinstance(source, Digits | Photos):
            parts = parts_of(source).items()
            known |= {f"{draw}.{name}": Seen(part.shape, part.classes) for name, part in parts}
    for name, reuse in phase.reuse.items():
        here = f"{place}.reuse.{name}"
        _among(f"{here}.phase", reuse.phase, earlier, "earlier phase")
        _among(f"{here}.output", reuse.output, earlier[reuse.phase], "draw or output")
        if name in known:
            raise PlaceError(here, "a draw has this name; take another")
        known[name] = earlier[reuse.phase][reuse.output]
    known |= _check_pools(workload, place, phase, known, known)
    for i, forward in enumerate(phase.forwards):
        here = f"{place}.forwards[{i}]"
        _among(f"{here}.network", forward.network, workload.networks, "network")
        network = workload.networks[forward.network]
        known |= (made := _check_forward(network, phase.name, here, forward, known))
        known |= _check_pools(workload, place, phase, made, known)
    for name, pool in phase.pools.items():
        _among(f"{place}.pools.{name}.of", pool.of, [n for n in known if n != name], WHAT)
    for i, term in enumerate(phase.losses):
        _check_term(workload, f"{place}.losses[{i}]", term, known)
    for name, output in phase.metrics.items():
        _among(f"{place}.metrics.{name}", output, known, "output")
    _among(f"{place}.optimizer", phase.optimizer, workload.optimizers, "optimizer")
    for i, name in enumerate(phase.updates):
        _among(f"{place}.updates[{i}]", name, workload.networks, "network")
        if not workload.networks[name].parameters():
            message = f"no layer has parameters, so phase {phase.name!r} has nothing to train"
            raise PlaceError(f"networks.{name}.layers", message)
    return known


def _check_pools(
    workload: Workload,
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
            _among(
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
        _among(f"{here}.{ports}", port, names, f"{ports.removesuffix('s')} of the network")
        if len(batches) != forward.batches:
            as_many = "as many outputs as inputs are needed"
            same = f"{len(batches)} batches beside {forward.batches} of another input"
            raise PlaceError(
                _port(here, ports, given, port), as_many if ports == "outputs" else same
            )
    missing = [name for name in names if name not in of] if ports == "inputs" else []
    if missing:
        raise PlaceError(f"{here}.inputs", f"missing: {', '.join(missing)}")


def _check_term(workload: Workload, place: str, term: Model, known: dict[str, Seen]) -> None:
    for field, value in term.model_dump(exclude={"kind"}).items():
        if field == "network":
            _among(f"{place}.network", value, workload.networks, "network")
        elif isinstance(value, str):
            _among(f"{place}.{field}", value, known, "draw or output")
        elif field == "between":
            for name in value:
                _among(f"{place}.between", name, known, "draw or output")
        if field in ("logits", "scores") and known[value] != Seen((1,)):
            raise PlaceError(
                f"{place}.{field}",
                f"{value!r} has {known[value].said}; a discriminator gives one "
                f"{field.removesuffix('s')} a sample, [1]",
            )


def _among(place: str, name: str, allowed: Iterable[str], what: str) -> None:
    if name not in allowed:
        raise PlaceError(place, f"no {what} is called {name!r}; allowed: {', '.join(allowed)}")
