"""One conformance case: a row, a workload at a small size, a mode, a precision; and its oracle."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import numpy as np

import backends
import spec
from backends.protocol import Arrays, Program, Settings
from bench.proof.closeness import Measured
from bench.proof.sensitivity import Moved, limits, rounded
from spec import data, randomness, tolerances
from spec.layers import Convolution
from spec.network import Network
from spec.randomness import whole_periods
from spec.state import init_state
from spec.workload import Workload

SEED = 20
CHUNK = 2
"""Iterations a chunk in `run`, so that a few iterations cross its edges."""


def filters(name: str, share: int) -> dict[str, int]:
    """Overrides that leave a share of a built-in workload's filters, but of those up to eight."""
    own = spec.load(name)
    prefix = "" if own.short else "networks."
    return {
        f"{prefix}{network}.layers[{i}].filters": layer.filters // share
        for network, of in own.networks.items()
        for i, layer in enumerate(of.layers)
        if isinstance(layer, Convolution) and layer.filters > 8
    }


SMALL: dict[str, dict[str, Any]] = {
    "dcgan_32": {
        "schedule.batch_size": 4,
        # A quarter of the filters: XLA's convolutions in float64 are plain loops.
        **filters("dcgan_32", 4),
    },
    "dcgan_64": {"schedule.batch_size": 4, **filters("dcgan_64", 8)},
    "dcgan_28": {
        "schedule.batch_size": 4,
        "networks.generator.layers[0].units": 7 * 7 * 32,
        "networks.generator.layers[3].shape": [7, 7, 32],
        **filters("dcgan_28", 8),
    },
    # Their own batch is one sample.
    "pix2pix_64": {"schedule.batch_size": 2, **filters("pix2pix_64", 8)},
    "cyclegan_64": {"schedule.batch_size": 2, **filters("cyclegan_64", 8)},
    "gaussian": {"schedule.batch_size": 8, "steps.d_steps": 5, "steps.g_steps": 3},
    "gaussian_raw": {
        "schedule.batch_size": 8,
        "steps.d_steps": 1,
        "steps.g_steps": 1,
        # Weights are N(0, 1) and rows raw: 1,000 of them make sums of the order of 1,000, whose
        # rounding, 1e-13, is a good part of a gradient through saturated units.
        "generator.layers[4].units": 20,
        "data.shape": [20],
        "discriminator.input": [20],
    },
}
"""Conformance sizes: the same GAN with fewer samples and numbers, since equality does not depend on
them. At its own size each cell that is timed is proved."""

BATCH = {"schedule.batch_size": 8}
IN_FULL_BATCHES = ("wgan", "cgan", "dcgan_64", "dcgan_28", "pix2pix_64", "cyclegan_64")
"""Workloads whose synthetic epochs have no last, smaller batch: each iteration would be compiled
once more for it, a minute in PyTorch. The others' have one."""


@dataclass
class Case:
    """What a check is given."""

    row: str
    name: str
    mode: str
    precision: str
    device: str
    extra: dict[str, Any] = field(default_factory=dict)
    measured: Measured = field(default_factory=Measured)

    @property
    def workload(self) -> Workload:
        """The workload at its conformance size."""
        return small(self.name)

    @property
    def program(self) -> Program:
        """The row's program, prepared once per worker."""
        return self.prepare(self.workload, self.mode)

    def prepare(self, workload: Workload, mode: str) -> Program:
        """Another workload on the same row."""
        settings = Settings(mode, self.precision, self.device, CHUNK)  # type: ignore[arg-type]
        return prepare_once(self.row, workload, settings)

    @property
    def block(self) -> int:
        """Iterations of a chunk of `run`: whole periods."""
        return whole_periods(CHUNK, self.workload.period)

    @property
    def oracle(self) -> Program:
        """The reference."""
        return oracle(self.workload)

    @property
    def arrays(self) -> data.Arrays:
        """Synthetic samples: no check depends on a file of images."""
        partial = self.name not in IN_FULL_BATCHES
        return data.synthetic(self.workload, SEED, partial=partial)

    @property
    def first(self) -> Arrays:
        """The first state, rounded to the precision so that both sides start from the same."""
        return {key: value.copy() for key, value in _first(self.name, self.precision).items()}

    def reference(self, iterations: int) -> tuple[Arrays, dict[str, float]]:
        """The reference's state and metrics after some iterations from `first`."""
        return self._trajectory.after(iterations, self.draws)

    def limits(
        self, iterations: int, keys: list[str], quantity: tolerances.Quantity
    ) -> dict[str, float]:
        """Each tensor's limit after some iterations, from the reference moved by rounding."""
        expected, _ = self.reference(iterations)
        moved, ways = self._moved
        states = [ways[0].after(iterations, self.draws)[0]]
        if moved.undetermined:
            states.append(ways[1].after(iterations, self.draws)[0])
        return limits(expected, states, keys, quantity, self.precision, moved.undetermined)

    def undetermined(self, iterations: int) -> frozenset[str]:
        """Parameters that have had no gradient but rounding in so many iterations."""
        moved, ways = self._moved
        ways[0].after(iterations, self.draws)
        return moved.undetermined

    @property
    def _trajectory(self) -> "Trajectory":
        key = (self.workload.spec_hash, self.precision)
        if key not in _EXACT:
            _EXACT[key] = Trajectory(self.oracle, self.first)
        return _EXACT[key]

    @property
    def _moved(self) -> tuple[Moved, list["Trajectory"]]:
        key = (self.workload.spec_hash, self.precision)
        if key not in _MOVED:
            moved = Moved(self.workload, self.first, self.precision, SEED)
            _MOVED[key] = moved, [Trajectory(way, moved.first) for way in moved.programs]
        return _MOVED[key]

    def draws(self, iteration: int) -> Arrays:
        """Draws of an iteration, rounded to the precision."""
        return rounded(
            randomness.draws(self.workload, SEED, iteration, self.arrays), self.precision
        )

    def inputs(self, purpose: str, network: Network, samples: int = 6) -> Arrays:
        """Standard normal inputs of a network by name, rounded to the precision."""
        drawn = randomness.inputs(network, f"conformance/{purpose}", samples)
        return rounded(drawn, self.precision)

    def normal(self, purpose: str, shape: tuple[int, ...], samples: int = 6) -> np.ndarray:
        """Standard normal inputs, rounded to the precision."""
        values = randomness.normal(f"conformance/{purpose}", 0, samples, shape)
        return values.astype(self.precision).astype(np.float64)


@lru_cache(maxsize=64)
def small(name: str) -> Workload:
    """A workload, built-in or a file, at its conformance size, with pools of at least a batch."""
    if name in SMALL:
        return spec.load(name, SMALL[name])
    size = BATCH["schedule.batch_size"]
    pools = {
        f"phases[{i}].pools.{pool}.size": size
        for i, phase in enumerate(spec.load(name).phases)
        for pool, of in phase.pools.items()
        if of.size < size
    }
    return spec.load(name, BATCH | pools)


@lru_cache(maxsize=2)
def _first(name: str, precision: str) -> Arrays:
    """The first state of a workload at its conformance size: millions of numbers are drawn once."""
    return rounded(init_state(small(name), SEED), precision)


def oracle(workload: Workload) -> Program:
    """The reference on a workload."""
    settings = Settings("eager", "float64", "cpu", CHUNK)
    return backends.load(backends.ORACLE).program(workload, settings)


class Trajectory:
    """States and metrics of a reference after each iteration, kept once computed."""

    def __init__(self, program: Program, first: Arrays) -> None:
        self._program = program
        self._known: list[tuple[Arrays, dict[str, float]]] = [(program.import_state(first), {})]

    def after(
        self, iterations: int, draws: Callable[[int], Arrays]
    ) -> tuple[Arrays, dict[str, float]]:
        """The state after some iterations on these draws, and the metrics of the last."""
        while len(self._known) <= iterations:
            state, _ = self._known[-1]
            i = len(self._known) - 1
            self._known.append(self._program.train_step(state, draws(i), i))
        return self._known[iterations]


_EXACT: dict[tuple[str, str], Trajectory] = {}
_MOVED: dict[tuple[str, str], tuple[Moved, list[Trajectory]]] = {}
PROGRAMS: dict[Any, Program] = {}


def prepare_once(row: str, workload: Workload, settings: Settings) -> Program:
    """A program, kept for the checks that follow: compiling is most of their time."""
    key = (row, workload.spec_hash, settings)
    if key not in PROGRAMS:
        PROGRAMS[key] = backends.prepare(row, workload, settings)
    return PROGRAMS[key]
