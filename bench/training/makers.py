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


def real_like(workload: Workload, maker: Maker) -> str | None:
    """The source whose samples a maker's are judged beside: some network is given both.

    At the same input, in whatever phase; None where nobody compares them.
    """
    judged = _judging(workload, maker)
    for phase in workload.phases:
        keys = workload.draw_keys(phase)
        for forward in phase.forwards:
            for port, names in forward.given.items():
                real_ones = [n for n in names if n in keys and (forward.network, port) in judged]
                for name in real_ones:
                    return workload.draw_table()[keys[name]].name
    return None


def _judging(workload: Workload, maker: Maker) -> set[tuple[str, str]]:
    """(network, input) that are given what the maker makes."""
    found: set[tuple[str, str]] = set()
    for phase in workload.phases:
        own = {n for f in phase.forwards if f.network == maker.network for n in f.writes}
        reused = {
            name
            for name, reuse in phase.reuse.items()
            if reuse.output in _written(workload, reuse.phase, maker.network)
        }
        mixed = {name for name, pool in phase.pools.items() if pool.of in own | reused}
        for forward in phase.forwards:
            for port, names in forward.given.items():
                if own & set(names) or reused & set(names) or mixed & set(names):
                    found.add((forward.network, port))
    return found


def _written(workload: Workload, phase: str, network: str) -> set[str]:
    """What a network's outputs are called in a phase."""
    (one,) = (p for p in workload.phases if p.name == phase)
    return {name for f in one.forwards if f.network == network for name in f.writes}


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
