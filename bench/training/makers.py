"""Which networks make samples, and what is put into them."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from backends.protocol import Arrays, Program
from spec import randomness
from spec.phases import Phase
from spec.sources import ARRAYS, GaussianStream
from spec.workload import Workload


class Maker(NamedTuple):
    """A network whose output is passed on."""

    network: str
    inputs: dict[str, str]
    """Its input -> the key of the draw that it is given (Workload.draw_table)."""


def makers(workload: Workload) -> tuple[Maker, ...]:
    """Networks that make something of draws alone which a network is given afterwards.

    A generator, by whatever name: a discriminator's scores go into losses and nowhere else.
    """
    found: dict[str, Maker] = {}
    for phase in workload.phases:
        keys = workload.draw_keys(phase)
        read = _read(workload, phase)
        for forward in phase.forwards:
            given = {name: names[0] for name, names in forward.given.items()}
            made = set(forward.writes)
            others = {network for name in made for network in read.get(name, ())}
            if set(given.values()) <= keys.keys() and others:
                inputs = {name: keys[label] for name, label in given.items()}
                found.setdefault(forward.network, Maker(forward.network, inputs))
    return tuple(found.values())


def inputs_of(
    workload: Workload, maker: Maker, arrays: Mapping[str, NDArray[np.float32]], count: int
) -> Arrays:
    """The same inputs for every row, seed and iteration: what samples are made from, (count, ...).

    Noise and labels are a stream of their own; of arrays they are samples at even distances.
    """
    table = workload.draw_table()
    chosen: Arrays = {}
    for name, key in maker.inputs.items():
        source = table[key].source
        if isinstance(source, ARRAYS):
            own = arrays[table[key].name]
            chosen[name] = own[_even(len(own), count)]
        else:
            stream = f"{workload.name}/samples/{table[key].order}"
            chosen[name] = randomness.sample(source, stream, 0, count)
    return chosen


def made(
    workload: Workload, program: Program, state: Any, arrays: Mapping[str, Any], count: int
) -> Arrays:
    """What each maker makes of the fixed inputs: `<network>`, (count, *output).

    Each of several outputs is `<network>.<output>`.
    """
    found: Arrays = {}
    for maker in makers(workload):
        given = inputs_of(workload, maker, arrays, count)
        own = program.generate(state, maker.network, given)
        parts = own if isinstance(own, dict) else {"": own}
        found |= {f"{maker.network}.{name}".rstrip("."): value for name, value in parts.items()}
    return found


def real(workload: Workload, arrays: Mapping[str, NDArray[np.float32]], count: int) -> Arrays:
    """Real samples by source, (count, *shape): of arrays at even distances."""
    found: Arrays = {}
    for name, source in workload.sources.items():
        if name in arrays:
            found[name] = arrays[name][_even(len(arrays[name]), count)]
        elif isinstance(source, GaussianStream):
            found[name] = randomness.sample(source, f"{workload.name}/samples/{name}", 0, count)
    return found


def _even(size: int, count: int) -> NDArray[np.int64]:
    return np.linspace(0, size - 1, count).astype(np.int64)


def _read(workload: Workload, phase: Phase) -> dict[str, set[str]]:
    """Name in a phase -> the networks that are given it, there or where a later phase reuses it."""
    found = _readers(phase)
    for other in workload.phases:
        readers = _readers(other)
        for name, reuse in other.reuse.items():
            if reuse.phase == phase.name:
                found.setdefault(reuse.output, set()).update(readers.get(name, set()))
    return found


def _readers(phase: Phase) -> dict[str, set[str]]:
    """Name -> the networks that are given it in the phase, mixed with old ones or as it is."""
    found: dict[str, set[str]] = {}
    for forward in phase.forwards:
        for name in forward.reads:
            own = phase.pools[name].of if name in phase.pools else name
            found.setdefault(own, set()).add(forward.network)
    return found
