"""The Workload: one GAN, complete, as every backend, check and measurement sees it."""

import hashlib
import json
from collections.abc import Iterable
from itertools import count
from math import prod
from typing import Annotated, Literal

from pydantic import Field, model_validator

from spec.base import Model, Name, Shape
from spec.layers import AnyLayer, Parameter, ShapeError
from spec.optimizers import Optimizer
from spec.phases import Phase, Schedule
from spec.sources import ARRAYS, Source


class PlaceError(ValueError):
    """An error between fields, with the place in the file where a person should look."""

    def __init__(self, place: str, message: str) -> None:
        super().__init__(message)
        self.place = place


class Network(Model):
    """Layers in a row, each fed by the one before it."""

    input: Shape
    layers: Annotated[tuple[AnyLayer, ...], Field(min_length=1)]

    def named_layers(self) -> list[tuple[str, AnyLayer, tuple[int, ...]]]:
        """(canonical name, layer, input shape) in order; names count up within a kind."""
        counters: dict[str, count[int]] = {}
        shape, rows = self.input, []
        for layer in self.layers:
            number = next(counters.setdefault(layer.kind, count()))
            rows.append((layer.name or f"{layer.kind}_{number}", layer, shape))
            shape = layer.output_shape(shape)
        return rows

    @property
    def output(self) -> tuple[int, ...]:
        """Shape of one output sample."""
        _, layer, shape = self.named_layers()[-1]
        return layer.output_shape(shape)

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
    provenance: Provenance | None = None

    @model_validator(mode="after")
    def _connects(self) -> "Workload":
        for name, network in self.networks.items():
            _check_layers(f"networks.{name}", network)
        _check_names(self)
        for i, phase in enumerate(self.phases):
            _check_phase(self, f"phases[{i}]", phase)
        return self

    @property
    def spec_hash(self) -> str:
        """sha256 of everything that is computed: all fields but the title and the provenance."""
        fields = self.model_dump(mode="json", exclude={"title", "provenance"})
        return hashlib.sha256(json.dumps(fields, sort_keys=True).encode()).hexdigest()

    @property
    def arrays(self) -> dict[str, Source]:
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

    def draw_table(self) -> dict[str, tuple[int, Source]]:
        """What one iteration draws: `<phase>/<source>` -> (repeat, source)."""
        return {
            f"{phase.name}/{draw}": (phase.repeat, self.sources[draw])
            for phase in self.phases
            for draw in phase.draws
        }

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


def _check_layers(place: str, network: Network) -> None:
    shape = network.input
    for i, layer in enumerate(network.layers):
        try:
            layer.parameters(shape)
            shape = layer.output_shape(shape)
        except ShapeError as error:
            raise PlaceError(f"{place}.layers[{i}]", str(error)) from None
    names = [name for name, _, _ in network.named_layers()]
    for i, name in enumerate(names):
        if name in names[:i]:
            raise PlaceError(f"{place}.layers[{i}]", f"an earlier layer is called {name!r} too")


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
    logits = getattr(term, "logits", None)
    if logits is not None and known[logits] != (1,):
        raise PlaceError(
            f"{place}.logits",
            f"{logits!r} has shape {list(known[logits])}; a discriminator gives one logit, [1]",
        )


def _among(place: str, name: str, allowed: Iterable[str], what: str) -> None:
    if name not in allowed:
        raise PlaceError(place, f"no {what} is called {name!r}; allowed: {', '.join(allowed)}")
