"""The Workload: one GAN, complete, as every backend, check and measurement sees it."""

import hashlib
import json
from collections.abc import Iterable
from itertools import count
from math import prod
from typing import Annotated, Literal

from pydantic import Field, PrivateAttr, model_validator

from spec.base import Fraction, Model, Name, Shape
from spec.errors import PlaceError
from spec.initialisers import Parameter
from spec.layer import ShapeError
from spec.layers import AnyLayer, Dropout
from spec.optimizers import Optimizer
from spec.phases import Phase, Schedule
from spec.sources import ARRAYS, Digits, Drawn, Mask, Photos, Source

LARGEST_NETWORK = 2**30
"""Parameters: four GiB in float32, and four times that with Adam's moments and gradients."""


class Network(Model):
    """Layers in a row, each fed by the one before it, or by earlier ones that it names."""

    input: Shape
    layers: Annotated[tuple[AnyLayer, ...], Field(min_length=1)]

    def named_layers(self) -> list[tuple[str, AnyLayer, tuple[int, ...]]]:
        """(canonical name, layer, input shape) in order; names count up within a kind."""
        rows, _ = self._walk()
        return rows

    def wiring(self) -> list[tuple[str | None, ...]]:
        """What each layer is fed: names of earlier layers, None for the one before."""
        return [layer.inputs or (None,) for layer in self.layers]

    def named_inputs(self) -> set[str]:
        """Layers, or `input`, whose output is wanted again later."""
        return {name for layer in self.layers for name in layer.inputs or ()}

    @property
    def output(self) -> tuple[int, ...]:
        """Shape of one output sample."""
        return self._walk()[1]

    def _walk(self) -> tuple[list[tuple[str, AnyLayer, tuple[int, ...]]], tuple[int, ...]]:
        """(named layers, output shape). ShapeError with the layer's place where it cannot be."""
        counters: dict[str, count[int]] = {}
        shapes, shape, rows = {"input": self.input}, self.input, []
        for i, layer in enumerate(self.layers):
            number = next(counters.setdefault(layer.kind, count()))
            name = layer.name or f"{layer.kind}_{number}"
            given = [shape] if layer.inputs is None else []
            for source in layer.inputs or ():
                if source not in shapes:
                    raise PlaceError(
                        f"layers[{i}].inputs",
                        f"no earlier layer is called {source!r}; earlier are: {', '.join(shapes)}",
                    )
                given.append(shapes[source])
            if name in shapes:
                raise PlaceError(f"layers[{i}]", f"an earlier layer is called {name!r} too")
            try:
                shape = shapes[name] = layer.joined_shape(given)
                layer.parameters(given[0])  # of a shape that the layer takes
            except ShapeError as error:
                raise PlaceError(f"layers[{i}]", str(error)) from None
            rows.append((name, layer, given[0]))
        return rows, shape

    def parameters(self) -> dict[str, Parameter]:
        """Trainable arrays by `<layer>/<name>`."""
        return {
            f"{name}/{key}": value
            for name, layer, shape in self.named_layers()
            for key, value in layer.parameters(shape).items()
        }

    def statistics(self) -> dict[str, Parameter]:
        """Running statistics by `<layer>/<name>`."""
        return {
            f"{name}/{key}": value
            for name, layer, shape in self.named_layers()
            for key, value in layer.statistics(shape).items()
        }

    def masks(self) -> dict[str, Mask]:
        """What each dropout layer multiplies with in train mode, by the layer's name."""
        return {
            name: Mask(kind="mask", rate=layer.rate, shape=shape)
            for name, layer, shape in self.named_layers()
            if isinstance(layer, Dropout)
        }

    def multiply_adds(self) -> int:
        """Multiply-adds of one sample's forward pass."""
        return sum(layer.multiply_adds(shape) for _, layer, shape in self.named_layers())


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
        for name in self.averages:
            _among(f"averages.{name}", name, self.networks, "network")
        for i, phase in enumerate(self.phases):
            _check_phase(self, f"phases[{i}]", phase)
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
        return {name: s for name, s in self.sources.items() if isinstance(s, ARRAYS)}

    @property
    def updates_per_iteration(self) -> int:
        """Optimizer steps in one pass through the phases."""
        return sum(phase.repeat for phase in self.phases)

    @property
    def images_per_iteration(self) -> int:
        """Real samples seen in one pass through the phases."""
        real = {name for name, s in self.sources.items() if hasattr(s, "sampling")}
        return self.schedule.batch_size * sum(
            phase.repeat * len(real.intersection(phase.draws)) for phase in self.phases
        )

    def updates_of(self, optimizer: str) -> int:
        """Steps that an optimizer makes in one pass through the phases."""
        return sum(phase.repeat for phase in self.phases if phase.optimizer == optimizer)

    def counts(self, optimizer: str) -> bool:
        """Whether an optimizer's rule depends on the number of its steps, so that it is kept."""
        constant = self.schedule.learning_rate == "constant"
        return bool(self.optimizers[optimizer].slots) or not constant

    def draw_table(self) -> dict[str, tuple[int, Drawn]]:
        """What one iteration draws: `<phase>/<source>` -> (repeat, source).

        And a mask for every dropout that a forward in train mode passes, by input of the forward:
        `<phase>/<forward>.<layer>.<input>`.
        """
        table: dict[str, tuple[int, Drawn]] = {}
        for phase in self.phases:
            for draw in phase.draws:
                table[f"{phase.name}/{draw}"] = (phase.repeat, self.sources[draw])
            for forward, masks in zip(phase.forwards, self.mask_keys(phase), strict=True):
                sources = self.networks[forward.network].masks()
                for layer, keys in masks.items():
                    table |= dict.fromkeys(keys, (phase.repeat, sources[layer]))
        return table

    def drawn(self, phase: Phase) -> list[str]:
        """Keys of everything that a phase draws."""
        return [key for key in self.draw_table() if key.startswith(f"{phase.name}/")]

    def mask_keys(self, phase: Phase) -> list[dict[str, tuple[str, ...]]]:
        """For each forward: dropout layer -> keys of its masks, in the order of the inputs."""
        return [
            {
                layer: tuple(f"{phase.name}/{i}.{layer}.{name}" for name in forward.inputs)
                for layer in (
                    self.networks[forward.network].masks() if forward.mode == "train" else ()
                )
            }
            for i, forward in enumerate(phase.forwards)
        ]

    def chunk_iterations(self) -> int:
        """Iterations whose draws `run` prepares at a time, the same for every backend.

        Bounded by 32 MiB of float32 draws and by 2^35 multiply-adds, so that a dispatch of a whole
        chunk stays short on a slow device; at least 1, at most 32.
        """
        batch = self.schedule.batch_size
        numbers = sum(repeat * batch * prod(s.shape) for repeat, s in self.draw_table().values())
        work = (
            3
            * batch
            * sum(
                phase.repeat * len(f.inputs) * self.networks[f.network].multiply_adds()
                for phase in self.phases
                for f in phase.forwards
            )
        )
        return max(1, min(32, 2**25 // (4 * numbers), 2**35 // max(work, 1)))


def check_layers(place: str, network: Network) -> None:
    """Every layer fits the one before, none is lost, and memory can hold them."""
    try:
        rows = network.named_layers()
    except PlaceError as error:
        raise PlaceError(f"{place}.{error.place}", str(error)) from None
    wanted = network.named_inputs()
    for i, ((name, _, _), after) in enumerate(zip(rows, network.layers[1:], strict=False)):
        if after.inputs is not None and name not in wanted:
            raise PlaceError(
                f"{place}.layers[{i}]",
                f"the output of {name!r} goes nowhere: the layer behind it takes other inputs, and "
                "none names it",
            )
    count = sum(prod(p.shape) for p in network.parameters().values())
    if count > LARGEST_NETWORK:
        raise PlaceError(
            f"{place}.layers",
            f"{count:,} parameters, {count * 4 / 2**30:,.0f} GiB in float32; at most "
            f"{LARGEST_NETWORK:,} are taken",
        )


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
        if phase.name in phases[:i]:
            raise PlaceError(f"phases[{i}].name", f"an earlier phase is called {phase.name!r} too")
        for name in phase.metrics:
            if name in metrics:
                raise PlaceError(f"phases[{i}].metrics.{name}", "another metric has this name")
        metrics += phase.metrics


def _check_phase(workload: Workload, place: str, phase: Phase) -> None:
    known: dict[str, tuple[int, ...]] = {}
    for i, draw in enumerate(phase.draws):
        _among(f"{place}.draws[{i}]", draw, workload.sources, "source")
        known[draw] = workload.sources[draw].shape
    for i, forward in enumerate(phase.forwards):
        here = f"{place}.forwards[{i}]"
        _among(f"{here}.network", forward.network, workload.networks, "network")
        network = workload.networks[forward.network]
        for name in forward.inputs:
            _among(f"{here}.inputs", name, known, "draw or earlier output")
            if known[name] != network.input:
                raise PlaceError(
                    f"networks.{forward.network}.input",
                    f"given {list(network.input)}, but {name!r} of phase {phase.name!r} has shape "
                    f"{list(known[name])}; the two must be equal",
                )
        if len(forward.outputs) != len(forward.inputs):
            raise PlaceError(f"{here}.outputs", "as many outputs as inputs are needed")
        known.update(dict.fromkeys(forward.outputs, network.output))
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


def _check_term(
    workload: Workload, place: str, term: Model, known: dict[str, tuple[int, ...]]
) -> None:
    for field, value in term.model_dump(exclude={"kind"}).items():
        if field == "network":
            _among(f"{place}.network", value, workload.networks, "network")
        elif isinstance(value, str):
            _among(f"{place}.{field}", value, known, "draw or output")
        elif field == "between":
            for name in value:
                _among(f"{place}.between", name, known, "draw or output")
        if field in ("logits", "scores") and known[value] != (1,):
            raise PlaceError(
                f"{place}.{field}",
                f"{value!r} has shape {list(known[value])}; a discriminator gives one "
                f"{field.removesuffix('s')} a sample, [1]",
            )


def _among(place: str, name: str, allowed: Iterable[str], what: str) -> None:
    if name not in allowed:
        raise PlaceError(place, f"no {what} is called {name!r}; allowed: {', '.join(allowed)}")
