"""Planted faults that only large, tiny or equal numbers show."""

from importlib import import_module
from typing import Any

import numpy as np

from tests.meta.patches import Patch, program_of


def unstable_softplus(folder: str) -> list[Patch]:
    """log(1 + exp(x)) as it is written."""
    networks = import_module(f"backends.{folder}.networks")
    make: Any
    if folder == "pytorch":

        class Softplus(networks.nn.Module):  # type: ignore[name-defined,misc]
            def forward(self, x: Any) -> Any:
                return (1.0 + x.exp()).log()

        make = lambda layer, shape: Softplus()  # noqa: E731
    elif folder == "keras3":
        log, exp = networks.ops.log, networks.ops.exp
        make = lambda layer, name: [  # noqa: E731
            networks._Function(lambda x: log(1.0 + exp(x)), **networks._options(name))
        ]
    else:
        jnp = networks.jnp
        make = lambda layer, shape, dtype: networks._Function(  # noqa: E731
            lambda x: jnp.log(1.0 + jnp.exp(x))
        )
    return [(networks.LAYERS, "softplus", make)]


def clipped_cross_entropy(folder: str) -> list[Patch]:
    """Probabilities kept from 0 and 1 by 1e-7, as Keras's own loss does."""
    losses = import_module(f"backends.{folder}.losses")
    real = losses.TERMS["bce"]
    clip = losses.ops.clip if folder == "keras3" else lambda x, low, high: x.clip(low, high)

    def bce(term: Any, outputs: Any) -> Any:
        logits = clip(outputs[term.logits], -16.1, 16.1)
        return real(term, {**outputs, term.logits: logits})

    return [(losses.TERMS, "bce", bce)]


def fast_variance(folder: str) -> list[Patch]:
    """Flax: a variance as E[x^2] - E[x]^2."""
    nnx = import_module(f"backends.{folder}.networks").nnx
    real = nnx.GroupNorm

    def group_norm(*given: Any, **options: Any) -> Any:
        return real(*given, **{**options, "use_fast_variance": True})

    return [(nnx, "GroupNorm", group_norm)]


def tiny_is_zero(folder: str) -> list[Patch]:
    """An optimizer takes gradients below 1e-20 for none."""
    program = program_of(folder)
    real = program.update

    def update(self: Any, state: Any, phase: str, gradients: Any) -> Any:
        kept = {key: np.where(np.abs(g) < 1e-20, 0.0, g) for key, g in gradients.items()}
        return real(self, state, phase, kept)

    return [(program, "update", update)]
