"""Canonical state <-> torch modules and tensors: a table of names and transpositions, both ways."""

import copy
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from backends.protocol import Array, Arrays
from backends.pytorch.networks import Network
from spec.state import averages as averages_of
from spec.state import optimized, parameters, statistics
from spec.workload import Workload

# canonical kernel -> torch weight, by kind of layer: (in, out) -> (out, in),
# (h, w, in, out) -> (out, in, h, w), and (in, out, h, w) for the transposed convolution.
AXES = {"dense": (1, 0), "conv": (3, 2, 0, 1), "conv_transpose": (2, 3, 0, 1)}
NAMES = {
    "kernel": "weight",
    "bias": "bias",
    "scale": "weight",
    "mean": "running_mean",
    "variance": "running_var",
    "table": "weight",
    "slope": "weight",
}

Pool = tuple[Tensor, Tensor]
"""Old samples, (size, *shape), and how many places are filled."""

Slots = dict[str, dict[str, dict[str, Tensor]]]
"""optimizer -> slot -> parameter key -> tensor"""


@dataclass
class State:
    """Networks, optimizers' moments and counters, pools, updated in place; and the iteration.

    `averages` are networks of averaged parameters, whose running statistics are the live ones.
    """

    networks: dict[str, Network]
    averages: dict[str, Network]
    slots: Slots
    steps: dict[str, Tensor]
    pools: dict[str, Pool]
    iteration: int


def import_state(
    workload: Workload, arrays: Mapping[str, Array], dtype: torch.dtype, device: str
) -> State:
    """New modules and tensors with a copy of the arrays."""
    axes, like = _axes(workload), torch.empty((), dtype=dtype, device=device)
    # Images and kernels of a CPU are channels-last: its convolutions copy less then; on
    # a GPU without TF32 contiguous ones are faster (docs/adr/0013).
    layout = torch.channels_last if device == "cpu" else torch.contiguous_format

    def tensor(key: str, parameter: str) -> Tensor:
        array = np.array(np.transpose(arrays[key], axes[parameter]), order="C")
        moved = torch.as_tensor(array, device=device).to(dtype)
        return moved.contiguous(memory_format=layout) if moved.dim() == 4 else moved

    networks = {
        name: Network(n).to(device, dtype).to(memory_format=layout)
        for name, n in workload.networks.items()
    }
    with torch.no_grad():
        for key in [*parameters(workload), *statistics(workload)]:
            _find(networks, key).copy_(tensor(key, key))
    averages = {name: _averaged(networks[name]) for name in workload.averages}
    for key in _averaged_keys(workload):
        _find(averages, key).copy_(tensor(f"average/{key}", key))
    slots = {
        name: {
            slot: {
                key: tensor(f"opt_state/{name}/{slot}/{key}", key)
                for key in optimized(workload, name)
            }
            for slot in optimizer.slots
        }
        for name, optimizer in workload.optimizers.items()
    }
    # int64: torch.compile loses in-place changes of a float64 scalar on a CPU.
    steps = {
        name: torch.tensor(int(arrays[f"opt_state/{name}/step"]), dtype=torch.int64, device=device)
        for name in workload.optimizers
        if workload.counts(name)
    }
    pools = {
        name: (
            from_canonical(arrays[f"pool/{name}/samples"], shape[1:], like).clone(),
            torch.tensor(int(arrays[f"pool/{name}/count"]), dtype=torch.int64, device=device),
        )
        for name, shape in workload.pools().items()
    }
    return State(networks, averages, slots, steps, pools, int(arrays["iteration"]))


def export_state(workload: Workload, state: State) -> Arrays:
    """The canonical arrays; the inverse of `import_state`."""
    axes = _axes(workload)

    def array(tensor: Tensor, parameter: str) -> Array:
        values = tensor.detach().cpu().numpy()
        return np.transpose(values, np.argsort(axes[parameter])).copy()

    exported: Arrays = {
        key: array(_find(state.networks, key), key)
        for key in [*parameters(workload), *statistics(workload)]
    }
    for key in _averaged_keys(workload):
        exported[f"average/{key}"] = array(_find(state.averages, key), key)
    for name, slots in state.slots.items():
        for slot, tensors in slots.items():
            for key, tensor in tensors.items():
                exported[f"opt_state/{name}/{slot}/{key}"] = array(tensor, key)
    for name, step in state.steps.items():
        exported[f"opt_state/{name}/step"] = np.array(int(step), np.int64)
    for name, shape in workload.pools().items():
        samples, count = state.pools[name]
        exported[f"pool/{name}/samples"] = to_canonical(samples, shape[1:]).copy()
        exported[f"pool/{name}/count"] = np.array(int(count), np.int64)
    return exported | {"iteration": np.array(state.iteration, np.int64)}


def to_arrays(workload: Workload, tensors: Mapping[str, Tensor]) -> Arrays:
    """Tensors by parameter key (gradients, say) as canonical arrays."""
    axes = _axes(workload)
    return {
        key: np.transpose(tensor.detach().cpu().numpy(), np.argsort(axes[key])).copy()
        for key, tensor in tensors.items()
    }


def from_arrays(
    workload: Workload, arrays: Mapping[str, Array], dtype: torch.dtype, device: str
) -> dict[str, Tensor]:
    """The inverse of `to_arrays`."""
    axes = _axes(workload)
    return {
        key: torch.as_tensor(np.transpose(array, axes[key]).copy(), device=device).to(dtype)
        for key, array in arrays.items()
    }


def from_canonical(array: Array, sample: tuple[int, ...], like: Tensor) -> Tensor:
    """Samples (..., *sample) as a tensor; images get their channels before height and width.

    In memory the channels stay last on a CPU. Whole numbers stay whole.
    """
    dtype = torch.int32 if array.dtype.kind == "i" else like.dtype
    tensor = torch.as_tensor(array, device=like.device).to(dtype)
    if len(sample) != 3:
        return tensor
    tensor = tensor.movedim(-1, -3)
    return tensor if tensor.is_cpu else tensor.contiguous()


def to_canonical(tensor: Tensor, sample: tuple[int, ...]) -> Array:
    """The inverse of `from_canonical`."""
    tensor = tensor.movedim(-3, -1) if len(sample) == 3 else tensor
    return tensor.cpu().numpy()


def moving(networks: dict[str, Network], keys: Iterable[str]) -> list[Tensor]:
    """The live tensors of these parameters, in order."""
    return [_find(networks, key) for key in keys]


def _averaged(network: Network) -> Network:
    """A copy that is not trained and shares the running statistics."""
    buffers = {id(buffer): buffer for buffer in network.buffers()}
    return copy.deepcopy(network, buffers).requires_grad_(False)  # type: ignore[arg-type]


def _averaged_keys(workload: Workload) -> list[str]:
    """The parameters that have moving averages."""
    return [key.removeprefix("average/") for key in averages_of(workload)]


def _axes(workload: Workload) -> dict[str, tuple[int, ...]]:
    """How each parameter's and statistic's canonical axes are ordered in torch."""
    table = {}
    for name, network in workload.networks.items():
        for layer_name, layer, shape in network.named_layers():
            for key, value in (layer.parameters(shape) | layer.statistics(shape)).items():
                identity = tuple(range(len(value.shape)))
                axes = AXES[layer.kind] if key == "kernel" else identity
                table[f"{name}/{layer_name}/{key}"] = axes
    return table


def _find(networks: dict[str, Network], key: str) -> Tensor:
    network, layer, array = key.split("/")
    module = networks[network]
    return getattr(module.layers[module.places[layer]], NAMES[array])
