"""Every layer alone over a grid of its options and shapes: dozens side by side in one network.

Workloads and random GANs take few combinations. Here each layer has its own branch from the input
and its own part of the output, so that one call holds them all and still says which one differs.
"""

from collections.abc import Iterator
from dataclasses import replace
from itertools import product
from math import prod
from typing import Any, NamedTuple

import numpy as np
from pydantic import TypeAdapter

from bench.proof.closeness import relative_error
from spec import randomness, tolerances
from spec.errors import PlaceError
from spec.layer import ShapeError
from spec.layers import AnyLayer
from spec.workload import Workload
from tests.conformance.cases import Case, oracle
from tests.conformance.checks import random_state
from tests.fuzz.comparison import workload_of

LAYER: TypeAdapter[Any] = TypeAdapter(AnyLayer)  # type: ignore[arg-type]
KERNELS, STRIDES, LARGEST_SIDE = (1, 2, 3, 4), (1, 2, 3), 20
ALONG = 60
"""Branches of a network: compiling more of them at once takes longer than twice."""


class Place(NamedTuple):
    """What the layers are fed: a shape that no two axes of are alike, and a batch."""

    shape: tuple[int, ...]
    batch: int


IMAGES = (Place((5, 4, 3), 2), Place((1, 6, 2), 1), Place((7, 3, 1), 2), Place((2, 1, 4), 3))
"""Odd, even and one; neither square; batches of one and more."""
VECTORS = (Place((6,), 2), Place((1,), 3))
ON_JAX = ("flax_nnx", "keras3-jax")
ABORTED_BY_XLA = (
    IMAGES[2],
    {"kind": "conv_transpose", "kernel": 4, "stride": 2, "padding": 3, "output_padding": 0},
)
"""XLA ends the process when it compiles the gradients of this (jaxlib 0.10.2 on a CPU: a check of
its algebraic simplifier, "Window dimensions do not match RHS shape"), so a row on JAX cannot have
it at all (docs/adr/0005-random-gans.md)."""
NORMAL = {"kind": "normal", "mean": 0.1, "std": 0.5}
AFFINE = {"scale_init": NORMAL, "bias_init": NORMAL}


def options(place: Place) -> list[dict[str, Any]]:
    """The layers that fit the place, each with a combination of its options."""
    if len(place.shape) == 3:  # every second convolution, and the others elsewhere
        own = [*_images(), *list(_convolutions())[IMAGES.index(place) % 2 :: 2]]
    else:
        own = list(_vectors())
    kinds = ("dropout", "channel_dropout")
    dropouts = [{"kind": kind, "rate": rate} for kind in kinds for rate in (0.2, 0.5)]
    some = [*activations(), *_along_the_last_axis(place), *dropouts, *own]
    return [layer for layer in some if _fits(layer, place)] + normalisations(place)


def normalisations(place: Place) -> list[dict[str, Any]]:
    """The norms that fit the place."""
    return [layer for layer in _norms() if _fits(layer, place)]


def grid(place: Place, layers: list[dict[str, Any]]) -> Workload:
    """A GAN whose D is these layers side by side, and whose one phase trains G and D."""
    judged = [
        part
        for i, layer in enumerate(layers)
        for part in (
            {**layer, "name": f"branch_{i}", "inputs": ["input"]},
            {"kind": "flatten", "name": f"flat_{i}", "inputs": [f"branch_{i}"]},
        )
    ]
    flat = [f"flat_{i}" for i in range(len(layers))]
    judged.append({"kind": "concatenate", "name": "all", "inputs": flat})
    one = {"kind": "dense", "units": 1, "bias": False, "kernel_init": NORMAL}
    made = {"kind": "dense", "units": prod(place.shape), "bias": True}
    made |= {"kernel_init": NORMAL, "bias_init": NORMAL}
    stream = {"kind": "gaussian_stream", "mean": 0.0, "std": 1.0, "sampling": "stream"}
    sgd = {"kind": "sgd", "learning_rate": 0.1, "momentum": 0.0, "nesterov": False}
    workload = workload_of(
        {
            "name": "grid",
            "title": "Layers side by side",
            "generator": {"input": [5], "layers": [made, _reshape(place)]},
            "discriminator": {"input": list(place.shape), "layers": [*judged, one]},
            "noise": {"kind": "normal", "mean": 0.0, "std": 1.0, "shape": [5]},
            "data": stream | {"shape": list(place.shape)},
            "steps": {
                "d_steps": 1,
                "g_steps": 1,
                "d_update": "sum_of_means",
                "g_noise": "fresh",
                "loss": "bce",
                "g_loss": "non_saturating",
                "real_target": 1.0,
                "d_fakes": "train",
            },
            "optimizers": {"generator": sgd, "discriminator": sgd},
            "schedule": {
                "batch_size": place.batch,
                "length": 1,
                "unit": "iterations",
                "learning_rate": "constant",
            },
        }
    )
    # Without its last layer D gives all of the branches' outputs, and each of them is judged.
    judge = workload.networks["discriminator"]
    networks = workload.networks | {
        "discriminator": judge.model_copy(update={"layers": judge.layers[:-1]})
    }
    phase = workload.phases[-1]
    term = phase.losses[0].model_copy(update={"target": 0.3})
    both = phase.model_copy(
        update={"name": "both", "updates": ("generator", "discriminator"), "losses": (term,)}
    )
    return workload.model_copy(update={"networks": networks, "phases": (both,)})


def check_grid(case: Case) -> None:
    """Each layer alone: outputs in train and eval mode, and all gradients, over its options."""
    for place in IMAGES + VECTORS:
        layers = [one for one in options(place) if not _is_aborted(case.row, place, one)]
        for start in range(0, len(layers), ALONG):
            _check(case, place, layers[start : start + ALONG])


def check_grid_sample(case: Case) -> None:
    """One layer of each kind, compiled, on one sample of a low and wide image.

    And a transposed convolution that grows by two rows.
    """
    place = IMAGES[1]
    layers = options(place)
    last = {layer["kind"]: layer for layer in layers}
    growth = {"kind": "conv_transpose", "kernel": 3, "padding": 0, "output_padding": 2}
    grown = next(one for one in layers if growth.items() <= one.items())
    # Whatever the case's mode: on JAX convolutions have no other.
    _check(replace(case, mode="compiled"), place, [*last.values(), grown])


def _check(case: Case, place: Place, layers: list[dict[str, Any]]) -> None:
    workload = grid(place, layers)
    program, reference = case.prepare(workload, case.mode), oracle(workload)
    values = random_state(case, workload)
    live, state = program.import_state(values), reference.import_state(values)
    forward = tolerances.limit(case.precision, "forward")
    inputs = case.normal("grid", place.shape, place.batch)
    sizes = [prod(LAYER.validate_python(one).output_shape(place.shape)) for one in layers]
    ends = np.cumsum(sizes)[:-1]
    for train in (True, False):
        network = workload.networks["discriminator"]
        masks = randomness.masks(network, "grid", place.batch) if train else {}
        found, wanted = (
            np.split(one.apply(given, "discriminator", inputs, train=train, masks=masks), ends, 1)
            for one, given in ((program, live), (reference, state))
        )
        for layer, actual, expected in zip(layers, found, wanted, strict=True):
            where = f"{_shown(layer)} on {place} {'train' if train else 'eval'}"
            case.measured.within(relative_error(actual, expected), forward, where)
    draws = {key: value[0] for key, value in randomness.draws(workload, 0, 0, {}).items()}
    _, gradients = program.losses_and_gradients(live, "both", draws)
    _, exact = reference.losses_and_gradients(state, "both", draws)
    limit = tolerances.limit(case.precision, "gradient")
    names = {f"branch_{i}": _shown(layer) for i, layer in enumerate(layers)}
    case.measured.true(set(gradients) == set(exact), "names of gradients")
    for key, expected in exact.items():
        where = f"gradient {key} of {names.get(key.split('/')[1], 'all inputs')} on {place}"
        case.measured.within(relative_error(gradients[key], expected), limit, where)


def _is_aborted(row: str, place: Place, layer: dict[str, Any]) -> bool:
    where, aborted = ABORTED_BY_XLA
    return row in ON_JAX and place == where and aborted.items() <= layer.items()


def _fits(layer: dict[str, Any], place: Place) -> bool:
    try:
        shape = LAYER.validate_python(layer).output_shape(place.shape)
    except (ShapeError, PlaceError, ValueError):
        return False
    return max(shape) <= LARGEST_SIDE


def _shown(layer: dict[str, Any]) -> str:
    return " ".join(
        str(value) if key == "kind" else f"{key} {value}"
        for key, value in layer.items()
        if not key.endswith("_init")
    )


def _reshape(place: Place) -> dict[str, Any]:
    return {"kind": "reshape", "shape": list(place.shape)}


def activations() -> Iterator[dict[str, Any]]:
    """Every function of a number alone."""
    for kind in ("relu", "tanh", "sigmoid", "silu", "softplus"):
        yield {"kind": kind}
    for slope in (0.0, 0.2, 0.9):
        yield {"kind": "leaky_relu", "slope": slope}
    for alpha in (0.5, 1.7):
        yield {"kind": "elu", "alpha": alpha}
    for form in ("erf", "tanh"):
        yield {"kind": "gelu", "form": form}


def _norms() -> Iterator[dict[str, Any]]:
    for epsilon, affine in product((1e-3, 0.5), ({}, AFFINE)):
        yield {"kind": "layer_norm", "epsilon": epsilon, **affine}
        yield {"kind": "instance_norm", "epsilon": epsilon, **affine}
        for groups in (1, 2, 3, 4):
            yield {"kind": "group_norm", "epsilon": epsilon, "groups": groups, **affine}
        for variance in ("biased", "unbiased"):
            running = {"keep": 0.9, "running_variance": variance}
            yield {"kind": "batch_norm", "epsilon": epsilon, **running, **affine}


def _along_the_last_axis(place: Place) -> Iterator[dict[str, Any]]:
    """Functions that know of channels."""
    channels = place.shape[-1]
    for temperature in (0.5, 2.0):
        yield {"kind": "softmax", "temperature": temperature}
    for slopes in ("one", "by_channel"):
        yield {"kind": "prelu", "slopes": slopes, "slope": 0.25}
    yield {"kind": "scale", "factor": 0.3, "offset": -0.7}
    factors = [0.1 + 0.37 * i for i in range(channels)]
    yield {"kind": "scale", "factor": factors, "offset": 0.25}
    yield {"kind": "scale", "factor": -1.3, "offset": factors}


def _images() -> Iterator[dict[str, Any]]:
    for side in (2, 3):
        yield {"kind": "upsample", "factor": side}
        yield {"kind": "upsample", "factor": side, "interpolation": "bilinear"}
        yield {"kind": "average_pool", "size": side}
        for stride, padding in product((1, 2, 3), (0, 1)):
            yield {"kind": "max_pool", "size": side, "stride": stride, "padding": padding}
    yield {"kind": "pixel_shuffle", "factor": 2}
    for sides in ([1, 2, 0, 3], [-1, 0, 2, -1], [0, -2, -1, 0], [1, 1, 1, 1], [2, -1, 0, 1]):
        for mode in ("zero", "reflect"):
            yield {"kind": "pad", "sides": sides, "mode": mode}


def _convolutions() -> Iterator[dict[str, Any]]:
    for kernel, stride in product(KERNELS, STRIDES):
        for padding, bias in zip(range(kernel), (True, False) * 2, strict=False):
            filters = 1 + (kernel + stride + padding) % 3
            given: dict[str, Any] = {
                "filters": filters,
                "kernel": kernel,
                "stride": stride,
                "padding": padding,
            }
            given |= {"bias": bias, "kernel_init": NORMAL} | ({"bias_init": NORMAL} if bias else {})
            yield {"kind": "conv", **given}
            for output_padding in range(stride):
                yield {"kind": "conv_transpose", **given, "output_padding": output_padding}
    bare = {"filters": 2, "bias": False, "kernel_init": NORMAL}
    for kernel, stride, sides in ((3, 2, [0, 1, 1, 0]), (5, 2, [1, 2, 2, 1]), (4, 1, [0, 3, 1, 2])):
        yield {"kind": "conv", "kernel": kernel, "stride": stride, "padding": sides, **bare}
        for output_padding in range(stride):
            given = {"kernel": kernel, "stride": stride, "padding": sides, **bare}
            yield {"kind": "conv_transpose", **given, "output_padding": output_padding}


def _vectors() -> Iterator[dict[str, Any]]:
    for units, bias in product((1, 2, 7), (True, False)):
        given = {"units": units, "bias": bias, "kernel_init": NORMAL}
        yield {"kind": "dense", **given, **({"bias_init": NORMAL} if bias else {})}
    for epsilon in (1e-3, 0.5):
        yield {"kind": "moments", "epsilon": epsilon}
