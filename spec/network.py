"""A network: named layers, what each is fed, and what goes in and comes out."""

from collections.abc import Mapping
from itertools import count
from math import prod
from typing import Annotated, Any

from pydantic import Field, model_validator

from spec.base import Classes, Model, Name, Says, Shape
from spec.errors import PlaceError
from spec.initialisers import Parameter
from spec.layer import ShapeError
from spec.layers import AnyLayer, ChannelDropout, Dropout, Embedding
from spec.places import allowed
from spec.sources import Mask

LARGEST_NETWORK = 2**30
"""Parameters: four GiB in float32, and four times that with Adam's moments and gradients."""
INPUT, OUTPUT = "input", "output"
"""What a network's only input and its only output are called."""
NamedLayer = tuple[str, AnyLayer, tuple[int, ...]]
"""(canonical name, layer, shape of its first input)"""


class Whole(Model):
    """A whole number from 0 to classes - 1 for each sample."""

    classes: Classes


Input = Annotated[
    Shape | Whole, Says("a shape, or a table with classes: how many whole numbers there are")
]


class Network(Model):
    """Layers in a row, each fed by the one before it, or by earlier ones that it names."""

    input: Shape | None = None
    """Shape of one sample of a network's only input; the first layer takes it."""
    inputs: dict[Name, Input] = Field(default={})
    """Or several inputs by name, which layers name in their own `inputs`: a shape, or a table
    `{ classes = 10 }` of a whole number from 0 to 9."""
    layers: Annotated[tuple[AnyLayer, ...], Field(min_length=1)]
    outputs: dict[Name, Name] = Field(default={})
    """Several outputs by name, each with the layer that gives it; without them the last layer's is
    the only one."""

    @model_validator(mode="after")
    def _fed(self) -> "Network":
        if (self.input is None) != bool(self.inputs):
            given = "missing" if self.input is None else f"given {list(self.input)} beside inputs"
            more = "" if self.input is None else "a network has input or inputs; "
            raise PlaceError("input", f"{given}; {more}allowed: {allowed(Shape)}")
        return self

    @property
    def taken(self) -> dict[str, tuple[int, ...]]:
        """Shape of one sample of each input, by name; the only one is called `input`."""
        shapes = {n: () if isinstance(i, Whole) else i for n, i in self.inputs.items()}
        return shapes or {INPUT: self.input or ()}

    @property
    def classes(self) -> dict[str, int]:
        """How many there are of each input that is a whole number."""
        return {n: i.classes for n, i in self.inputs.items() if isinstance(i, Whole)}

    @property
    def made(self) -> dict[str, tuple[int, ...]]:
        """Shape of one sample of each output, by name; the only one is called `output`."""
        shapes, last = self._walk()[1:]
        return {name: shapes[of] for name, of in self.outputs.items()} or {OUTPUT: last}

    def named_layers(self) -> list[tuple[str, AnyLayer, tuple[int, ...]]]:
        """(canonical name, layer, input shape) in order; names count up within a kind."""
        return self._walk()[0]

    def wiring(self) -> list[tuple[str | None, ...]]:
        """What each layer is fed: names of earlier layers, None for the one before."""
        return [layer.inputs or (None,) for layer in self.layers]

    def heads(self) -> dict[str, str | None]:
        """The layer that gives each output, by the output's name; None for the last one."""
        return dict(self.outputs) or {OUTPUT: None}

    def named_inputs(self) -> set[str]:
        """Layers and inputs whose values are wanted again later, as outputs too."""
        taken = {name for layer in self.layers for name in layer.inputs or ()}
        return taken.union(self.outputs.values())

    @property
    def output(self) -> tuple[int, ...]:
        """Shape of one sample of the last layer's output."""
        return self._walk()[2]

    def _walk(self) -> tuple[list[NamedLayer], dict[str, tuple[int, ...]], tuple[int, ...]]:
        """(named layers, shapes by name, the last one's). PlaceError where a layer cannot be."""
        counters: dict[str, count[int]] = {}
        shapes, shape, rows = dict(self.taken), self.input or (), []
        for i, layer in enumerate(self.layers):
            number = next(counters.setdefault(layer.kind, count()))
            name = layer.name or f"{layer.kind}_{number}"
            if layer.inputs is None and i == 0 and self.inputs:
                raise PlaceError(
                    "layers[0].inputs",
                    f"missing; the network has several inputs, of which it takes one: "
                    f"{', '.join(self.inputs)}",
                )
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
            # First, since a whole number has no axis that a rule about shapes could speak of.
            self._check_whole(f"layers[{i}]", layer, layer.inputs or ())
            try:
                shape = shapes[name] = layer.joined_shape(given)
                layer.parameters(given[0])  # of a shape that the layer takes
            except ShapeError as error:
                raise PlaceError(f"layers[{i}]", str(error)) from None
            rows.append((name, layer, given[0]))
        return rows, shapes, shape

    def _check_whole(self, place: str, layer: AnyLayer, sources: tuple[str, ...]) -> None:
        """Whole numbers go into an embedding of as many classes, and nothing else does."""
        whole = [name for name in sources if name in self.classes]
        if not isinstance(layer, Embedding):
            if whole:
                message = f"{whole[0]!r} is a whole number, which only an embedding takes"
                raise PlaceError(f"{place}.inputs", message)
            return
        if not whole:
            names = ", ".join(self.classes)
            there = f"; allowed: {names}" if names else ": inputs = { label = { classes = 10 } }"
            message = f"an embedding takes an input of the network that has classes{there}"
            raise PlaceError(f"{place}.inputs", message)
        if layer.classes != self.classes[whole[0]]:
            raise PlaceError(
                f"{place}.classes",
                f"given {layer.classes}, but {whole[0]!r} has {self.classes[whole[0]]}; the two "
                "must be equal",
            )

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
            name: Mask(kind="mask", rate=layer.rate, shape=layer.mask_shape(shape))
            for name, layer, shape in self.named_layers()
            if isinstance(layer, Dropout | ChannelDropout)
        }

    def by_name(self, inputs: Any) -> dict[str, Any]:
        """Inputs as a mapping by name, which a network with one input may do without."""
        return dict(inputs) if isinstance(inputs, Mapping) else {INPUT: inputs}

    def plain(self, outputs: Mapping[str, Any]) -> Any:
        """Outputs as a caller has them: the only one itself, several by name."""
        return dict(outputs) if self.outputs else outputs[OUTPUT]

    def multiply_adds(self) -> int:
        """Multiply-adds of one sample's forward pass."""
        return sum(layer.multiply_adds(shape) for _, layer, shape in self.named_layers())


def check_layers(place: str, network: Network) -> None:
    """Every layer fits the one before, none is lost, and memory can hold them."""
    try:
        rows = network.named_layers()
    except PlaceError as error:
        raise PlaceError(f"{place}.{error.place}", str(error)) from None
    for output, layer in network.outputs.items():
        names = [name for name, _, _ in rows]
        if layer not in names:
            raise PlaceError(
                f"{place}.outputs.{output}",
                f"no layer is called {layer!r}; layers are: {', '.join(names)}",
            )
    wanted = network.named_inputs()
    for name in network.inputs:
        if name not in wanted:
            raise PlaceError(f"{place}.inputs.{name}", "no layer names it in its inputs")
    for i, ((name, _, _), after) in enumerate(zip(rows, network.layers[1:], strict=False)):
        if after.inputs is not None and name not in wanted:
            raise PlaceError(
                f"{place}.layers[{i}]",
                f"the output of {name!r} goes nowhere: the layer behind it takes other inputs, and "
                "none names it",
            )
    if network.outputs and rows[-1][0] not in wanted:
        message = f"the output of {rows[-1][0]!r} goes nowhere: it is none of the outputs"
        raise PlaceError(f"{place}.layers[{len(rows) - 1}]", message)
    count = sum(prod(p.shape) for p in network.parameters().values())
    if count > LARGEST_NETWORK:
        raise PlaceError(
            f"{place}.layers",
            f"{count:,} parameters, {count * 4 / 2**30:,.0f} GiB in float32; at most "
            f"{LARGEST_NETWORK:,} are taken",
        )
