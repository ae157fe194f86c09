"""An iteration is an ordered list of phases; everything after the spec sees phases only."""

from collections.abc import Iterable
from typing import Annotated, Literal

from pydantic import Field, model_validator

from spec.base import Model, Name, NotNegative, Positive, Repeats, Says, Size, Value
from spec.errors import PlaceError
from spec.losses import LossTerm
from spec.network import INPUT, OUTPUT

Batches = Annotated[
    tuple[Value, ...],
    Field(min_length=1),
    Says("a list of one or more names: batches that pass together, one after the other"),
]
Ports = Annotated[
    Batches | Annotated[dict[Name, Batches], Field(min_length=1)],
    Says("a list of names, or a table of such lists where the network has several by name"),
]


class Forward(Model):
    """One forward pass of one or more batches, which are joined for it and split again after.

    A network with one input and one output is given lists: `inputs = ["x", "fake"]` passes two
    batches at once. One with several has tables of lists, as long as each other:
    `inputs = { image = ["x", "fake"], label = ["x.label", "drawn"] }`. So it is with outputs by
    name: `outputs = { score = ["s"], label = ["l"] }`, where `outputs = { score = ["s"] }` leaves
    label out.
    """

    network: Name
    inputs: Ports
    """What is passed: draws and earlier outputs of the phase."""
    outputs: Ports
    """What comes out is called, one name for each batch. Of a network with several outputs those
    may be left out that nobody wants."""
    mode: Literal["train", "eval"]
    """train normalises with batch statistics and keeps them; eval uses the running ones, and drops
    nothing. A phase may move a network in either."""
    detach: bool
    """No gradient flows back through this pass."""

    @property
    def given(self) -> dict[str, tuple[str, ...]]:
        """The batches of each input, by the input's name."""
        return dict(self.inputs) if isinstance(self.inputs, dict) else {INPUT: self.inputs}

    @property
    def made(self) -> dict[str, tuple[str, ...]]:
        """What the batches of each output are called, by the output's name."""
        return dict(self.outputs) if isinstance(self.outputs, dict) else {OUTPUT: self.outputs}

    @property
    def batches(self) -> int:
        """How many batches pass together."""
        return len(next(iter(self.given.values())))

    @property
    def reads(self) -> tuple[str, ...]:
        """Every name that is passed."""
        return tuple(name for names in self.given.values() for name in names)

    @property
    def writes(self) -> tuple[str, ...]:
        """Every name that comes out."""
        return tuple(name for names in self.made.values() for name in names)

    def labels(self, first: str) -> tuple[str, ...]:
        """A name for each batch: what the network's first input is given, or where two are alike
        what its first output is called."""
        names = self.given[first]
        return names if len(set(names)) == len(names) else next(iter(self.made.values()))


class Clip(Model):
    """Every parameter that the phase moves is cut to [-limit, limit] (arXiv 1701.07875)."""

    limit: Positive
    when: Literal["before_step", "after_step"]


class Reuse(Model):
    """An output of an earlier phase of the same iteration, made with the parameters of then."""

    phase: Name
    output: Name
    form: Literal["value", "graph"]
    """value: a number like any draw. graph: its gradient goes on to the networks that made it, and
    which have not moved since; of a forward that is detached too, where it is reused itself."""


class Pool(Model):
    """Samples of earlier iterations, which some of a batch are exchanged for (arXiv 1612.07828,
    section 2.3).

    Until `size` samples are in it each is put there and passed on. From then on each, with
    probability 1/2, is exchanged for the one in a slot that is drawn, and that one is passed on in
    its place; or it is passed on and not kept. The samples of a batch have slots of their own:
    programs that go through a batch one by one may take a slot twice. What is passed on has no
    gradient.
    """

    of: Value
    """What is mixed: a draw, what is reused, or an output of the phase."""
    size: Annotated[int, Field(ge=1, le=2**20)]

    def swap(self, phase: str, name: str) -> str:
        """The key of the draw that says which are exchanged: 1 or 0."""
        return f"{phase}/{name}.swap"

    def slot(self, phase: str, name: str) -> str:
        """The key of the draw of slots."""
        return f"{phase}/{name}.slot"


class Phase(Model):
    """One kind of update: draws, forwards, the loss, and whose parameters move by which optimizer.

    Its loss is reported as `<name>_loss`; `metrics` reports mean(sigmoid(output)) by name, of
    scores or logits. A phase that repeats reports its last repetition.
    """

    name: Name
    draws: tuple[Name, ...]
    forwards: tuple[Forward, ...]
    losses: Annotated[tuple[LossTerm, ...], Field(min_length=1)]
    updates: Annotated[tuple[Name, ...], Field(min_length=1)]
    """The networks whose parameters move. Each needs a gradient from one of the losses."""
    optimizer: Name
    repeat: Repeats
    every: Size
    """The phase runs in iterations 0, every, 2 every, and so on; nothing is scaled for that. A
    phase cannot begin or end at an iteration."""
    metrics: dict[Name, Name]
    clip: Clip | None = None
    reuse: dict[Name, Reuse] = Field(default={})
    """Outputs of earlier phases, by the name that they have here."""
    pools: dict[Name, Pool] = Field(default={})
    """Old samples mixed with new ones, by the name that the mixture has here."""
    together: bool = False
    """Gradients are taken before the phase in front of this one makes its step: both networks see
    each other's old parameters. The steps follow, in the order of the phases."""

    def mixed(self, known: Iterable[str]) -> dict[str, Pool]:
        """The pools of what has just become known."""
        names = set(known)
        return {name: pool for name, pool in self.pools.items() if pool.of in names}


class Schedule(Model):
    """Batch size and length of training, whose unit is the document's own; and the learning rates.

    In iteration i, from 0, every optimizer's rate is multiplied by 1 (constant), by
    1 + (decay_factor - 1) min(i / decay_iterations, 1) (linear), or by
    decay_factor^(i / decay_iterations) (exponential). All updates of an iteration have one rate.
    Linear and exponential rates change from iteration 0 on: there is no constant stretch first.
    Where a document has one, say so in `[provenance]`.
    """

    batch_size: Annotated[int, Field(ge=1, le=2**20)]
    length: Size
    unit: Literal["iterations", "rounds", "epochs"]
    """An iteration, which some documents call a round, is one pass through the steps; an epoch is
    as many as take the number of real samples once, with replacement too. The length is a record of
    the document: what is proved and timed does not depend on it."""
    learning_rate: Literal["constant", "linear", "exponential"]
    decay_factor: NotNegative | None = None
    """What the rates have been multiplied by after `decay_iterations`; not with constant."""
    decay_iterations: Size | None = None
    """Iterations until then; linear rates stay there, exponential ones go on."""

    @property
    def decay(self) -> tuple[float, int]:
        """(decay_factor, decay_iterations); ones where the rates are constant."""
        return 1.0 if self.decay_factor is None else self.decay_factor, self.decay_iterations or 1

    @model_validator(mode="after")
    def _decays(self) -> "Schedule":
        fields = ("decay_factor", "decay_iterations")
        given = [name for name in fields if getattr(self, name) is not None]
        if self.learning_rate == "constant" and given:
            raise PlaceError(
                given[0],
                "given, but learning_rate = 'constant' has no decay_factor and no "
                "decay_iterations; leave them out, or take linear or exponential",
            )
        if self.learning_rate != "constant" and len(given) < 2:
            raise PlaceError(
                next(name for name in fields if name not in given),
                f"missing; learning_rate = {self.learning_rate!r} needs a decay_factor and "
                "decay_iterations",
            )
        if self.learning_rate == "exponential" and not self.decay_factor:
            message = "given 0.0, but an exponential rate never reaches 0; take one above 0"
            raise PlaceError("decay_factor", message)
        return self
