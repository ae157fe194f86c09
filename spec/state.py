"""The canonical state: names, shapes, first values, and files.

A state is a flat mapping of NumPy arrays:
    `<network>/<layer>/<array>`                        parameters and running statistics
    `opt_state/<optimizer>/<slot>/<parameter key>`     an optimizer's moments, from zero
    `opt_state/<optimizer>/step`                       updates made, where the rule depends on them
    `average/<network>/<layer>/<array>`                moving averages of parameters
    `pool/<phase>/<name>/samples`                      a pool's places (size, *shape), from zero
    `pool/<phase>/<name>/count`                        how many of them are filled
    `iteration`                                        iterations completed
"""

from collections.abc import Callable, Mapping
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import numpy as safetensors

from spec import randomness
from spec.initialisers import Constant, Normal, Parameter, Scaled, TorchUniform
from spec.optimizers import RmsProp
from spec.workload import Workload

State = dict[str, NDArray[Any]]


def parameters(workload: Workload, networks: tuple[str, ...] = ()) -> dict[str, Parameter]:
    """Trainable arrays of the networks named (all by default), by canonical key."""
    return {
        f"{network}/{key}": value
        for network in networks or tuple(workload.networks)
        for key, value in workload.networks[network].parameters().items()
    }


def statistics(workload: Workload) -> dict[str, Parameter]:
    """Running statistics of all networks, by canonical key."""
    return {
        f"{name}/{key}": value
        for name, network in workload.networks.items()
        for key, value in network.statistics().items()
    }


def optimized(workload: Workload, optimizer: str) -> dict[str, Parameter]:
    """The parameters that an optimizer moves, by canonical key."""
    networks = {n: None for p in workload.phases if p.optimizer == optimizer for n in p.updates}
    return parameters(workload, tuple(networks)) if networks else {}


def averages(workload: Workload) -> dict[str, Parameter]:
    """Moving averages of parameters, by canonical key."""
    averaged = parameters(workload, tuple(workload.averages)) if workload.averages else {}
    return {f"average/{key}": value for key, value in averaged.items()}


def pools(workload: Workload) -> dict[str, tuple[int, ...]]:
    """Arrays of pools and their shapes, by canonical key."""
    found: dict[str, tuple[int, ...]] = {}
    for name, shape in workload.pools().items():
        found |= {f"pool/{name}/samples": shape, f"pool/{name}/count": ()}
    return found


def is_count(key: str) -> bool:
    """Whether a key's array is a whole number, int64."""
    return key == "iteration" or key.endswith(("/step", "/count"))


def shapes(workload: Workload) -> dict[str, tuple[int, ...]]:
    """Every key of the state with the shape of its array."""
    all_shapes = {key: p.shape for key, p in parameters(workload).items()}
    all_shapes |= {key: p.shape for key, p in statistics(workload).items()}
    for name, optimizer in workload.optimizers.items():
        for slot in optimizer.slots:
            for key, parameter in optimized(workload, name).items():
                all_shapes[f"opt_state/{name}/{slot}/{key}"] = parameter.shape
        if workload.counts(name):
            all_shapes[f"opt_state/{name}/step"] = ()
    all_shapes |= {key: p.shape for key, p in averages(workload).items()}
    all_shapes |= pools(workload)
    return all_shapes | {"iteration": ()}


def init_state(workload: Workload, seed: int) -> State:
    """The first state: parameters from their initialisers, all else at its start. float64."""
    state: State = {}
    for key, shape in shapes(workload).items():
        state[key] = np.zeros(shape, np.int64 if is_count(key) else np.float64)
    for name, optimizer in workload.optimizers.items():
        if isinstance(optimizer, RmsProp):
            for key in optimized(workload, name):
                state[f"opt_state/{name}/second_moment/{key}"] += optimizer.initial_accumulator
    for key, parameter in (parameters(workload) | statistics(workload)).items():
        state[key] = _initial(parameter, f"{workload.name}/{seed}/init/{key}")
    for key in averages(workload):
        state[key] = state[key.removeprefix("average/")].copy()
    return state


def with_pools(workload: Workload, state: State, count: Callable[[int], int]) -> State:
    """The state with old samples in its pools: so many as `count` says of a pool's size."""
    filled = dict(state)
    for name, shape in workload.pools().items():
        old = count(shape[0])
        samples = np.zeros(shape)
        samples[:old] = 0.5 * randomness.normal(f"{workload.name}/pool/{name}", 0, old, shape[1:])
        filled[f"pool/{name}/samples"] = samples
        filled[f"pool/{name}/count"] = np.array(old, np.int64)
    return filled


def proof_state(workload: Workload, seed: int, first: int = 0) -> State:
    """What a proof starts from: the first state, with room for one batch in every pool.

    A pool that was empty would make its first choice after the proof has ended. The counts are
    those of a training that has reached iteration `first`.
    """
    batch = workload.schedule.batch_size
    state = with_pools(workload, init_state(workload, seed), lambda size: max(size - batch, 0))
    counts = {
        f"opt_state/{name}/step": workload.pace(name).before(first)
        for name in workload.optimizers
        if workload.counts(name)
    }
    return state | {k: np.array(v, np.int64) for k, v in (counts | {"iteration": first}).items()}


def _initial(parameter: Parameter, key: str) -> NDArray[np.float64]:
    shape, init, torch_fan, fans = parameter
    flat = (prod(shape), ())
    match init:
        case TorchUniform():
            values = (2 * randomness.uniform(key, 0, *flat) - 1) / np.sqrt(torch_fan)
        case Normal(mean=mean, std=std):
            values = mean + std * randomness.normal(key, 0, *flat)
        case Constant(value=value):
            values = np.full(flat[0], value)
        case Scaled(distribution="normal"):
            values = np.sqrt(init.variance(*fans)) * randomness.normal(key, 0, *flat)
        case Scaled():
            bound = np.sqrt(3 * init.variance(*fans))
            values = bound * (2 * randomness.uniform(key, 0, *flat) - 1)
    return values.reshape(shape)


def parameter_count(workload: Workload, network: str, state: Mapping[str, NDArray[Any]]) -> int:
    """Trainable numbers of a network, counted in the arrays of a state."""
    return sum(state[key].size for key in parameters(workload, (network,)))


def save(state: Mapping[str, NDArray[Any]], path: Path) -> None:
    """Write a state to a safetensors file."""
    arrays = {key: np.ascontiguousarray(value) for key, value in state.items()}
    # ascontiguousarray makes a counter one-dimensional; its shape is put back.
    safetensors.save_file({k: v.reshape(state[k].shape) for k, v in arrays.items()}, path)


def read(path: Path) -> State:
    """Read a state from a safetensors file."""
    return dict(safetensors.load_file(path))
