"""What the kernel's gradient of a transposed convolution costs in JAX on this device, in two forms.

Run it with an interpreter that has jax: `python docs/experiments/transposed_convolution.py`. Shapes
are those of dcgan_32's generator at batch 64. `as written` is lax.conv_transpose, which
nnx.ConvTranspose and Keras's Conv2DTranspose call, differentiated by JAX; `as a convolution` is the
same gradient, taken from the convolution whose transpose it is.
"""

import time
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

BATCH, KERNEL, STRIDE, PADDING = 64, 4, 2, 1
SHAPES = ((4, 256, 128), (8, 128, 64), (16, 64, 3))
"""(side, channels in, channels out): the output is twice as wide."""
SECONDS = 2.0
LAYOUT = ("NHWC", "HWIO", "NHWC")


def transposed(x: jax.Array, kernel: jax.Array) -> jax.Array:
    """(n, s, s, in), kernel (k, k, out, in) -> (n, 2 s, 2 s, out)."""
    edge = KERNEL - 1 - PADDING
    return lax.conv_transpose(
        x,
        kernel,
        (STRIDE, STRIDE),
        ((edge, edge),) * 2,
        rhs_dilation=(1, 1),
        dimension_numbers=LAYOUT,
        transpose_kernel=True,
        precision="highest",
    )


def convolution(y: jax.Array, kernel: jax.Array) -> jax.Array:
    """The convolution whose transpose `transposed` is: (n, 2 s, 2 s, out) -> (n, s, s, in)."""
    return lax.conv_general_dilated(
        y,
        kernel,
        (STRIDE, STRIDE),
        ((PADDING, PADDING),) * 2,
        dimension_numbers=LAYOUT,
        precision="highest",
    )


def as_written(x: jax.Array, kernel: jax.Array, g: jax.Array) -> jax.Array:
    """d <transposed(x, kernel), g> / d kernel, by JAX."""
    return jax.vjp(lambda k: transposed(x, k), kernel)[1](g)[0]


def as_a_convolution(x: jax.Array, kernel: jax.Array, g: jax.Array) -> jax.Array:
    """The same: <transposed(x, k), g> = <x, convolution(g, k)>."""
    return jax.vjp(lambda k: convolution(g, k), kernel)[1](x)[0]


def seconds(function: Callable[..., Any], *arguments: jax.Array) -> float:
    """Mean time of a call, compiled, over about two seconds."""
    compiled = jax.jit(function)
    jax.block_until_ready(compiled(*arguments))
    calls, start = 0, time.perf_counter()
    while time.perf_counter() - start < SECONDS:
        jax.block_until_ready(compiled(*arguments))
        calls += 1
    return (time.perf_counter() - start) / calls


def main() -> None:
    """A line for each layer: milliseconds of the forward pass and of both gradients."""
    print(f"jax {jax.__version__}, {jax.devices()[0]}, batch {BATCH}")
    for side, wide, narrow in SHAPES:
        keys = jax.random.split(jax.random.key(0), 3)
        x = jax.random.normal(keys[0], (BATCH, side, side, wide), jnp.float32)
        kernel = jax.random.normal(keys[1], (KERNEL, KERNEL, narrow, wide), jnp.float32)
        g = jax.random.normal(keys[2], (BATCH, 2 * side, 2 * side, narrow), jnp.float32)
        slow, fast = as_written(x, kernel, g), as_a_convolution(x, kernel, g)
        apart = jnp.linalg.norm(slow - fast) / jnp.linalg.norm(slow)
        forward = seconds(transposed, x, kernel)
        both = [1e3 * seconds(f, x, kernel, g) for f in (as_written, as_a_convolution)]
        print(
            f"{side} x {side} x {wide} -> {2 * side} x {2 * side} x {narrow}:"
            f" forward {1e3 * forward:.1f} ms, kernel's gradient as written {both[0]:.1f} ms,"
            f" as a convolution {both[1]:.1f} ms; {apart:.0e} apart"
        )


if __name__ == "__main__":
    main()
