"""What a planted fault patches of what only the rows on JAX do; apart, for patches are many."""

from tests.meta.patches import Patch


def pieces_alike(folder: str) -> list[Patch]:
    """All pieces of a large draw are its first one."""
    import jax
    from jax import lax
    from jax import numpy as jnp

    real = lax.map
    jax.clear_caches()  # the control, in the same process, has compiled the same draw
    return [(lax, "map", lambda draw, seeds: real(draw, jnp.repeat(seeds[:1], len(seeds), axis=0)))]
