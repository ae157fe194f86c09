"""What a backend is: the smallest interface that serves both proof and timing.

Arrays cross this interface as NumPy arrays in the canonical layout (images (n, height, width,
channels), kernels (height, width, in, out), dense kernels (in, out)) and under canonical names.
What a state is inside a framework is its own affair: callers hand it back, once, and never look
into it. A state given to `train_step`, `update` or `run` is never used again by the caller, so
donated buffers and in-place updates both conform.
"""

import tomllib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Literal, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from spec.errors import UnsupportedError
from spec.workload import Workload

Array = NDArray[Any]
Arrays = dict[str, Array]
Mode = Literal["eager", "compiled", "multistep"]
MODES: tuple[Mode, ...] = ("eager", "compiled", "multistep")
PRECISIONS = ("float64", "float32")
DEVICES = ("cpu", "cuda")


class Settings(NamedTuple):
    """How a workload is to be run."""

    mode: Mode
    precision: str
    device: str
    chunk: int
    """Iterations whose draws `run` makes at a time, in blocks counted from iteration 0."""


class Program(Protocol):
    """One workload made ready in one framework, with its settings."""

    optimizer_origin: Literal["native", "own"]
    """Whether the update rule is the framework's own or a short version of ours."""

    def __init__(self, workload: Workload, settings: Settings) -> None: ...

    def import_state(self, arrays: Mapping[str, Array]) -> Any:
        """The framework's state from a canonical one (spec.state), in the settings' precision."""

    def export_state(self, state: Any) -> Arrays:
        """The canonical state; the exact inverse of `import_state`. Does not use the state up."""

    def apply(
        self,
        state: Any,
        network: str,
        inputs: Array | Mapping[str, Array],
        *,
        train: bool,
        masks: Mapping[str, Array] | None = None,
    ) -> Any:
        """Forward pass (batch, *input) -> (batch, *output); the state is left as it was.

        A network with several inputs takes a mapping by their names, one with several outputs gives
        one back (Arrays).
        `masks` holds those of the dropout layers, by name, (batch, *shape); only in train mode.
        """

    def losses_and_gradients(
        self,
        state: Any,
        phase: str,
        draws: Mapping[str, Array],
        reused: Mapping[str, Array] | None = None,
    ) -> tuple[dict[str, float], Arrays]:
        """Metrics of one repetition of a phase, and the gradient of its loss by parameter key.

        `draws` holds what the phase draws (Workload.draw_table), (batch, *shape). The state is left
        as it was.

        What the phase reuses is given in `reused`, (batch, *shape) by its names in the phase, and
        has no gradient then. Where something is missing, or the phase is taken together with the
        one in front of it, `draws` is a whole iteration's, (repeat, batch, *shape), in which all
        phases run: they are gone through from the state given, with their steps, as far as the
        phase; found are metrics and gradients before its own step (of its last repetition).
        """

    def update(self, state: Any, phase: str, gradients: Mapping[str, Array]) -> Any:
        """One step of the phase's optimizer on given gradients."""

    def train_step(
        self, state: Any, draws: Mapping[str, Array], iteration: int = 0
    ) -> tuple[Any, dict[str, float]]:
        """One iteration with the randomness given, arrays (repeat, batch, *shape).

        Its number says which phases run; `draws` holds what these are given, and metrics are
        theirs.
        """

    def run(self, state: Any, data: Any, seed: int, n: int, first: int = 0) -> tuple[Any, Any]:
        """n iterations back to back on draws that the framework makes on the device: what is timed.

        `data` comes from `place`, `first` is the number of the first iteration. Draws are made a
        chunk at a time, outside the compiled step and inside this call; nothing waits for the
        device. Returns the state and the metrics, each an array (n,) on the device, of a phase that
        does not always run with one entry a run, and without what never ran. Full batches of each
        shuffled epoch only.

        Draws depend on the seed, the stream and the iteration alone: a training that is cut has the
        same, bit for bit. So has its state on a CPU, where one dispatch is one iteration or the cut
        lies on the grid of chunks; elsewhere the two agree as closely as a proof asks.
        """

    def chunks(self, data: Any, seed: int, n: int, first: int = 0) -> Iterator[Any]:
        """The chunks that `run` uses, as the framework has them on the device.

        All but the first and the last are a block long, and begin at a multiple of that:
        `Settings.chunk` iterations, rounded up to whole periods of the phases.
        """

    def draws(self, data: Any, seed: int, n: int, first: int = 0) -> Iterator[Arrays]:
        """The same chunks in NumPy, each array (iterations, repeat, batch, *shape).

        Where a phase does not always run, its draws have as many rows as it has runs.
        """

    def place(self, arrays: Mapping[str, NDArray[np.float32]]) -> Any:
        """Real samples, resident on the device."""

    def generate(self, state: Any, network: str, inputs: Array | Mapping[str, Array]) -> Any:
        """Samples from a network in eval mode, through the mode's own (compiled) path, as `apply`.

        With the moving averages of its parameters, where the workload has them.
        """

    def block_until_ready(self, tree: Any) -> None:
        """Waits until all work on everything in the tree is done."""


Stopped = Callable[[], float]
"""Reads a stopwatch that was stopped, in seconds."""


class Device(Protocol):
    """A backend's module `device`."""

    def devices(self) -> tuple[str, ...]:
        """Devices that this process can use."""

    def describe(self) -> dict[str, Any]:
        """Versions, device name, threads, and what numbers depend on, as the framework says.

        `precision` holds that: TF32, float64, and whether algorithms are chosen by trying them.
        """

    def make_deterministic(self) -> None:
        """From now on the same work gives the same bits on a GPU too; slower, and never timed.

        Together with the variables that a deterministic worker is started with (bench.workers).
        """

    def peak_memory_bytes(self) -> int | None:
        """The most that the framework's allocator has given out on a GPU; None on a CPU."""

    def stopwatch(self) -> Callable[[], Stopped] | None:
        """A call that ends what is timed by the device's own clock, from now on.

        What that gives waits for the device and reads the seconds. None where the framework shows
        no such clock.
        """

    def matrix_product(self, size: int, precision: str, device: str) -> Callable[[], None]:
        """A call that multiplies two square matrices and waits."""


class Backend(NamedTuple):
    """A framework, loaded."""

    name: str
    program: type[Program]
    device: Device


class Deviation(NamedTuple):
    """A declared difference: `notimpl` ours, `notyet` upstream's, `never` by design."""

    check: str
    backend: str
    mode: str
    workload: str
    device: str
    kind: Literal["notimpl", "notyet", "never"]
    reason: str
    layers: tuple[str, ...] = ()
    """Where given: only for workloads with a layer of one of these kinds."""

    def matches(self, check: str, mode: str, workload: Workload, device: str) -> bool:
        """Whether it is about this check, mode, workload and device."""
        pattern = (self.check, self.mode, self.workload, self.device)
        place = (check, mode, workload.name, device)
        same = all(p in ("*", actual) for p, actual in zip(pattern, place, strict=True))
        kinds = {layer.kind for n in workload.networks.values() for layer in n.layers}
        return same and (not self.layers or not kinds.isdisjoint(self.layers))


def deviations(row: str) -> tuple[Deviation, ...]:
    """What a row declares in its folder's deviations.toml; `*` matches anything."""
    path = Path(__file__).parent / row.partition("-")[0] / "deviations.toml"
    entries = tomllib.loads(path.read_text(encoding="utf-8")).get("deviation", [])
    declared = tuple(Deviation(**entry) for entry in entries)
    return tuple(d for d in declared if d.backend in ("*", row))


def declared(row: str, check: str, mode: str, workload: Workload, device: str) -> Deviation | None:
    """The row's deviation for this check, mode, workload and device, if it declares one."""
    found = (d for d in deviations(row) if d.matches(check, mode, workload, device))
    return next(found, None)


def absent_mode(row: str, mode: str, workload: Workload, device: str) -> Deviation | None:
    """The declared reason why a row does not have a mode on a device, or None."""
    return declared(row, "mode", mode, workload, device)


COMPUTED_LOSSES = (
    "bce",
    "mean_score",
    "least_squares",
    "hinge",
    "absolute_error",
    "squared_error",
    "cross_entropy",
    "relativistic",
    "log_partition",
)


def require_supported(workload: Workload) -> None:
    """UnsupportedError, in one sentence, for a workload that nobody computes yet."""
    for phase in workload.phases:
        kinds = sorted({term.kind for term in phase.losses} - set(COMPUTED_LOSSES))
        if kinds:
            raise UnsupportedError(
                f"workload {workload.name}, phase {phase.name!r}: no backend computes losses of "
                f"kind {', '.join(kinds)} yet; computed are: {', '.join(COMPUTED_LOSSES)}"
            )
