"""Flax NNX: modules split into a graph and plain arrays, `jax.value_and_grad`, optax, `jax.jit`."""

from backends.protocol import Backend


def backend() -> Backend:
    """The Flax row; imports jax."""
    from backends.flax_nnx import device
    from backends.flax_nnx.training import Program

    return Backend("flax_nnx", Program, device)
