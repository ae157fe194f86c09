"""The Workload: one GAN, complete, as every backend, check and measurement sees it."""

import hashlib
import json
from itertools import pairwise
from math import gcd, prod
from typing import Annotated, Literal, NamedTuple

from pydantic import Field, PrivateAttr, model_validator

from spec.arrays import AnyArray, ArraySource
from spec.base import Fraction, Model, Name
from spec.connections import (
    SHARED,
    Seen,
    among,
    check_batch_norms,
    check_gradients,
    check_names,
    check_phase,
    check_shared,
)
from spec.flow import check_flow, period, running
from spec.network import Network, check_layers
from spec.optimizers import Optimizer
from spec.phases import Forward, Phase, Pool, Schedule
from spec.sources import Draw, Drawn, GaussianStream, Mask, PartOf, Slots, Source, parts_of
from spec.stopping import Stopping, check_stopping
from spec.target import AnyTarget

REAL = (ArraySource, GaussianStream)
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
    stopping: Stopping | None = None
    target: AnyTarget | None = None
    """When a training counts as good enough; not part of the spec's hash."""
    provenance: Provenance | None = None
    _short: bool = PrivateAttr(default=False)

    @model_validator(mode="after")
    def _connects(self) -> "Workload":
        for name, network in self.networks.items():
            check_layers(f"networks.{name}", network)
        check_names(self)
        check_shared(self)
        for name in self.averages:
            among(f"averages.{name}", name, self.networks, "network")
        known: dict[str, dict[str, Seen]] = {}
        for i, phase in enumerate(self.phases):
            known[phase.name] = check_phase(self, f"phases[{i}]", phase, known)
        check_flow(self.phases)
        check_gradients(self)
        check_batch_norms(self)
        check_stopping(self)
        return self

    @property
    def spec_hash(self) -> str:
        """sha256 of what is computed: all but the title, provenance, stopping and target.

        Without fields that have their default, so that a file keeps its hash when the vocabulary
        grows.
        """
        left_out = {"title", "provenance", "stopping", "target"}
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
    def arrays(self) -> dict[str, AnyArray]:
        """The sources that are finite arrays of real samples, by name."""
        return {name: s for name, s in self.sources.items() if isinstance(s, ArraySource)}

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
        real = {key: d for key, d in self.draw_table().items() if isinstance(d.source, REAL)}
        batches = sum(draw.repeat * self._seen(key) for key, draw in real.items())
        return self.mean(self.schedule.batch_size * batches)

    def _seen(self, key: str) -> int:
        """In how many iterations of a period a phase is given this draw."""
        named = [phase for phase in self.phases if key in self.draw_keys(phase).values()]
        return sum(bool(running(named, i)) for i in range(self.period))

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
        return Pace.of(tuple(counts))

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
                chosen: dict[str, Drawn] = {
                    pool.swap(phase.name, name): coin,
                    pool.slot(phase.name, name): slots,
                }
                for key, drawn in chosen.items():
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
        if isinstance(source, ArraySource):
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
        names = {key: (key, d.name) for key, d in labels.items() if isinstance(d.source, PartOf)}
        return {of: d.classes or 0 for key, d in labels.items() for of in names.get(key, (key,))}

    def shared_keys(self, phase: Phase) -> list[str]:
        """Keys of what a phase is given that others, or its own repetitions, are given too."""
        return [key for key in self.draw_keys(phase).values() if key.startswith(f"{SHARED}/")]

    def pools(self) -> dict[str, tuple[int, ...]]:
        """`<phase>/<name>` -> (size, *shape) of every pool."""
        found: dict[str, tuple[int, ...]] = {}
        known: dict[str, dict[str, Seen]] = {}
        for i, phase in enumerate(self.phases if any(p.pools for p in self.phases) else ()):
            known[phase.name] = check_phase(self, f"phases[{i}]", phase, known)
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

    def routes(self, phase: Phase) -> tuple["Route", ...]:
        """What goes in and out of a phase's forwards: asked once, since an iteration is timed."""
        masks = self.mask_keys(phase)
        return tuple(
            Route(f, f.given, f.made, f.writes, own, phase.mixed(f.writes))
            for f, own in zip(phase.forwards, masks, strict=True)
        )

    def mixed_before(self, phase: Phase) -> dict[str, Pool]:
        """The pools of what a phase is given, before its first forward."""
        return phase.mixed((*self.draw_keys(phase), *phase.reuse))

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


class Route(NamedTuple):
    """A forward with what a row asks of it in every iteration."""

    forward: Forward
    given: dict[str, tuple[str, ...]]
    made: dict[str, tuple[str, ...]]
    writes: tuple[str, ...]
    masks: dict[str, tuple[str, ...]]
    """Dropout layer -> keys of its masks, in the order of the inputs."""
    mixed: dict[str, Pool]
    """The pools of what comes out."""


class Pace(NamedTuple):
    """Which iterations an optimizer's steps belong to; fields, since a step asks for them."""

    counts: tuple[int, ...]
    """Its steps in each iteration of a period."""
    steps: int
    """Of a whole period."""
    period: int
    """Iterations after which the counts repeat."""
    gaps: tuple[tuple[int, int], ...]
    """(steps of the period before it, iterations since the last) of each iteration with steps but
    the first: step s of a period belongs to the sum of what it has reached."""

    @classmethod
    def of(cls, counts: tuple[int, ...]) -> "Pace":
        """From its steps in each iteration of a period."""
        own = [i for i, count in enumerate(counts) if count]
        gaps = tuple((sum(counts[:i]), i - last) for last, i in pairwise(own))
        return cls(counts, sum(counts), len(counts), gaps)

    def before(self, iteration: int) -> int:
        """Its steps before this iteration."""
        whole, place = divmod(iteration, self.period)
        return whole * self.steps + sum(self.counts[:place])
