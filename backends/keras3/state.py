"""Canonical state <-> Keras tensors: a table of names and transpositions, both ways.

A state's tensors are keyed by their canonical names, in Keras's layouts.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
from keras import ops

from backends.keras3.networks import Network
from backends.protocol import Array, Arrays
from spec.state import is_count
from spec.workload import Workload

Tensor = Any

# canonical kernel -> Keras kernel, by kind of layer, where they differ:
# (h, w, in, out) -> (h, w, out, in) for the transposed convolution.
AXES = {"conv_transpose": (0, 1, 3, 2)}
# canonical name -> attribute of a Keras BatchNormalization; elsewhere the names are the same.
NAMES = {"scale": "gamma", "bias": "beta", "mean": "moving_mean", "variance": "moving_variance"}


@dataclass(eq=False)
class State:
    """Parameters, statistics, moments and counters by canonical key; and the iteration.

    On TensorFlow one state at a time has its tensors in the program's variables instead of here:
    the one that was trained last (engine_tensorflow.hold).
    """

    values: dict[str, Tensor]
    iteration: int


def import_state(workload: Workload, arrays: Mapping[str, Array], dtype: str) -> State:
    """New tensors with a copy of the arrays."""
    tensors = {key: array for key, array in arrays.items() if key != "iteration"}
    return State(from_arrays(workload, tensors, dtype), int(arrays["iteration"]))


def export_state(workload: Workload, state: State) -> Arrays:
    """The canonical arrays; the inverse of `import_state`."""
    iteration = np.array(state.iteration, np.int64)
    return to_arrays(workload, state.values) | {"iteration": iteration}


def to_arrays(workload: Workload, tensors: Mapping[str, Tensor]) -> Arrays:
    """Tensors by key (a state's, or gradients) as canonical arrays."""
    axes = _axes(workload)

    def array(key: str, tensor: Tensor) -> Array:
        values = ops.convert_to_numpy(tensor)
        if is_count(key):
            return np.array(values, np.int64)
        # A copy: the next step writes over a tensor's memory.
        return np.array(np.transpose(values, np.argsort(axes[_parameter(key)])), order="C")

    return {key: array(key, tensor) for key, tensor in tensors.items()}


def from_arrays(workload: Workload, arrays: Mapping[str, Array], dtype: str) -> dict[str, Tensor]:
    """The inverse of `to_arrays`."""
    axes = _axes(workload)

    def tensor(key: str, array: Array) -> Tensor:
        if is_count(key):
            return ops.convert_to_tensor(array, dtype="int")
        # A copy: on a CPU a tensor may share the array's memory.
        values = np.array(np.transpose(array, axes[_parameter(key)]), dtype, order="C")
        return ops.convert_to_tensor(values, dtype=dtype)

    return {key: tensor(key, array) for key, array in arrays.items()}


def from_canonical(array: Array, dtype: str) -> Tensor:
    """Samples as a tensor; Keras has images as the canonical layout has them.

    Whole numbers stay whole.
    """
    dtype = "int32" if array.dtype.kind == "i" else dtype
    return ops.convert_to_tensor(np.array(array, dtype), dtype=dtype)


def to_canonical(tensor: Tensor) -> Array:
    """The inverse of `from_canonical`."""
    return np.array(ops.convert_to_numpy(tensor))


def moving(networks: dict[str, Network], keys: Iterable[str]) -> list[keras.Variable]:
    """The Keras variables of these parameters or statistics, in order."""
    return [_find(networks, key) for key in keys]


def _axes(workload: Workload) -> dict[str, tuple[int, ...]]:
    """How each parameter's and statistic's canonical axes are ordered in Keras."""
    table = {}
    for name, network in workload.networks.items():
        for layer_name, layer, shape in network.named_layers():
            for key, value in (layer.parameters(shape) | layer.statistics(shape)).items():
                identity = tuple(range(len(value.shape)))
                axes = AXES.get(layer.kind, identity) if key == "kernel" else identity
                table[f"{name}/{layer_name}/{key}"] = axes
    for name, shape in workload.pools().items():
        table[_parameter(f"pool/{name}/samples")] = tuple(range(len(shape)))
    return table


def _parameter(key: str) -> str:
    """`opt_state/<optimizer>/<slot>/<parameter>` -> `<parameter>`; a parameter is its own."""
    return "/".join(key.split("/")[-3:])


def _find(networks: dict[str, Network], key: str) -> keras.Variable:
    network, layer_name, array = key.split("/")
    layer = networks[network].get_layer(layer_name)
    normalises = (keras.layers.BatchNormalization, keras.layers.GroupNormalization)
    names = NAMES if isinstance(layer, normalises) else {}
    return getattr(layer, names.get(array, array))
