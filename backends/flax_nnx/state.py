"""Canonical state <-> plain trees of JAX arrays: a table of names and transpositions, both ways.

The trees have NNX's own nesting (`nnx.to_pure_dict`), but no NNX objects in them: those cost
Python time in every dispatch.
"""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import jax
import numpy as np
from jax import Array as Tensor
from jax import Device

from backends.protocol import Array, Arrays
from spec.state import averages, optimized, parameters, statistics
from spec.workload import Workload

# canonical kernel -> NNX kernel, by kind of layer; only the transposed convolution's differs:
# (h, w, in, out) -> (h, w, out, in).
AXES = {"dense": (0, 1), "conv": (0, 1, 2, 3), "conv_transpose": (0, 1, 3, 2)}
NAMES = {
    "kernel": "kernel",
    "bias": "bias",
    "scale": "scale",
    "mean": "mean",
    "variance": "var",
    "table": "embedding",
    "slope": "slope",
}

Trees = dict[str, dict[str, Any]]
"""network -> {"layers": {number of the layer: {name: array}}}, or {} where it has no arrays"""

Pool = tuple[Tensor, Tensor]
"""Old samples, (size, *shape), and how many places are filled."""

Slots = dict[str, dict[str, Trees]]
"""optimizer -> slot -> trees of the networks that it moves"""


class State(NamedTuple):
    """Everything that an iteration changes, as one pytree that is donated to each step."""

    parameters: Trees
    averages: Trees
    """Of the networks that have them."""
    statistics: Trees
    slots: Slots
    steps: dict[str, Tensor]
    pools: dict[str, Pool]
    iteration: Tensor


def import_state(
    workload: Workload, arrays: Mapping[str, Array], dtype: Any, device: Device
) -> State:
    """New arrays with a copy of those given: no two share a buffer, so that all can be donated."""

    def trees(keys: Iterable[str], prefix: str = "") -> Trees:
        given = {key: arrays[prefix + key] for key in keys}
        return from_arrays(workload, given, dtype, device)

    def counter(key: str) -> Tensor:
        return _put(arrays[key], np.int32, device)

    slots = {
        name: {
            slot: trees(optimized(workload, name), f"opt_state/{name}/{slot}/")
            for slot in optimizer.slots
        }
        for name, optimizer in workload.optimizers.items()
    }
    steps = {
        name: counter(f"opt_state/{name}/step")
        for name in workload.optimizers
        if workload.counts(name)
    }
    pools = {
        name: (_put(arrays[f"pool/{name}/samples"], dtype, device), counter(f"pool/{name}/count"))
        for name in workload.pools()
    }
    averaged = [key.removeprefix("average/") for key in averages(workload)]
    nothing: Trees = {name: {} for name in workload.networks}
    return State(
        nothing | trees(parameters(workload)),
        trees(averaged, "average/"),
        nothing | trees(statistics(workload)),
        slots,
        steps,
        pools,
        counter("iteration"),
    )


def export_state(workload: Workload, state: State) -> Arrays:
    """The canonical arrays; the inverse of `import_state`."""
    exported = to_arrays(workload, state.parameters) | to_arrays(workload, state.statistics)
    for key, array in to_arrays(workload, state.averages).items():
        exported[f"average/{key}"] = array
    for name, slots in state.slots.items():
        for slot, trees in slots.items():
            for key, array in to_arrays(workload, trees).items():
                exported[f"opt_state/{name}/{slot}/{key}"] = array
    for name, step in state.steps.items():
        exported[f"opt_state/{name}/step"] = np.array(step, np.int64)
    for name, (samples, count) in state.pools.items():
        exported[f"pool/{name}/samples"] = to_canonical(samples)
        exported[f"pool/{name}/count"] = np.array(count, np.int64)
    return exported | {"iteration": np.array(state.iteration, np.int64)}


def to_arrays(workload: Workload, trees: Trees) -> Arrays:
    """Trees of tensors (gradients, say) as canonical arrays by parameter key."""
    arrays = {}
    for key, (network, layer, name, axes) in _places(workload).items():
        tensor = trees.get(network, {}).get("layers", {}).get(layer, {}).get(name)
        if tensor is not None:
            arrays[key] = np.transpose(np.asarray(tensor), np.argsort(axes)).copy()
    return arrays


def from_arrays(
    workload: Workload, arrays: Mapping[str, Array], dtype: Any, device: Device
) -> Trees:
    """The inverse of `to_arrays`."""
    places = _places(workload)
    trees: Trees = {}
    for key, array in arrays.items():
        network, layer, name, axes = places[key]
        layers = trees.setdefault(network, {"layers": {}})["layers"]
        layers.setdefault(layer, {})[name] = _put(np.transpose(array, axes), dtype, device)
    return trees


def from_canonical(array: Array, like: Tensor) -> Tensor:
    """Samples as a tensor of its own; images are (..., height, width, channels) here too.

    Whole numbers stay whole.
    """
    return _put(array, np.int32 if array.dtype.kind == "i" else like.dtype, like.device)


def to_canonical(tensor: Tensor) -> Array:
    """The inverse of `from_canonical`."""
    return np.array(tensor)


def moving(trees: Trees, networks: Iterable[str]) -> Trees:
    """The part of the trees that belongs to these networks."""
    return {name: trees[name] for name in networks}


def _put(array: Array, dtype: Any, device: Device) -> Tensor:
    # NumPy copies: on a CPU the tensor may be the array's own memory, jnp.array(copy=True) or not.
    return jax.device_put(np.array(array, dtype, order="C", copy=True), device)


def _places(workload: Workload) -> dict[str, tuple[str, int, str, tuple[int, ...]]]:
    """Parameter or statistic -> (network, number of the layer, NNX's name, order of its axes)."""
    table = {}
    for network_name, network in workload.networks.items():
        for number, (layer_name, layer, shape) in enumerate(network.named_layers()):
            for name, value in (layer.parameters(shape) | layer.statistics(shape)).items():
                identity = tuple(range(len(value.shape)))
                axes = AXES[layer.kind] if name == "kernel" else identity
                key = f"{network_name}/{layer_name}/{name}"
                table[key] = (network_name, number, NAMES[name], axes)
    return table
