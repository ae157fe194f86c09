"""The 32x32x3 DCGAN of "Co-evolution of discriminator and generator", as a plain JAX program.

Parameters (p) and batch statistics (s) are dicts; batch norm and Adam are its own.

Put right against the document:
- it gives noise (N, 100) to a transposed convolution, which refuses it: here it is (N, 1, 1, 100);
- it compares the discriminator's one-pixel images with labels (N, 1), which is refused too: here
  the output is flattened, and the losses need no labels;
- the discriminator's step does not differentiate the generator.
Its sigmoid and BCE are joined into softplus of the logits: the same loss without the clamp of the
logarithm. All passes are in train mode: an iteration updates the generator's batch statistics twice
and the discriminator's three times, for the generator's step keeps only its weights fixed.
"""

from collections.abc import Callable
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

Arrays = dict[str, jax.Array]
Step = Callable[[np.ndarray, np.ndarray, np.ndarray], tuple[jax.Array, jax.Array]]
Export = Callable[[], dict[str, np.ndarray]]
NHWC = ("NHWC", "HWIO", "NHWC")


def conv(x: jax.Array, kernel: jax.Array, stride: int, padding: int) -> jax.Array:
    """Convolution with `padding` zeros on each side."""
    pads = [(padding, padding), (padding, padding)]
    return lax.conv_general_dilated(x, kernel, (stride, stride), pads, dimension_numbers=NHWC)


def conv_transpose(x: jax.Array, kernel: jax.Array, stride: int, padding: int) -> jax.Array:
    """Gradient of a convolution with a 4x4 kernel, that cuts off `padding` on each side."""
    # `transpose_kernel` flips the kernel and wants its last two axes as (out, in); JAX pads the
    # stretched input, with kernel - 1 - padding zeros.
    pads = [(3 - padding, 3 - padding), (3 - padding, 3 - padding)]
    return lax.conv_transpose(
        x,
        kernel.swapaxes(2, 3),
        (stride, stride),
        pads,
        dimension_numbers=NHWC,
        transpose_kernel=True,
    )


def batch_norm(x: jax.Array, p: Arrays, s: Arrays, name: str) -> tuple[jax.Array, Arrays]:
    """Train mode: normalises with the biased variance, stores the unbiased one."""
    mean = jnp.mean(x, axis=(0, 1, 2))
    variance = jnp.var(x, axis=(0, 1, 2), ddof=0)
    n = x.shape[0] * x.shape[1] * x.shape[2]
    s = s | {
        f"{name}/mean": 0.9 * s[f"{name}/mean"] + 0.1 * mean,
        f"{name}/variance": 0.9 * s[f"{name}/variance"] + 0.1 * variance * (n / (n - 1)),
    }
    y = (x - mean) / jnp.sqrt(variance + 1e-5)
    return y * p[f"{name}/scale"] + p[f"{name}/bias"], s


def leaky_relu(x: jax.Array) -> jax.Array:
    """Slope 0.2, also for the gradient at 0, where jax.nn.leaky_relu has 1 and torch 0.2."""
    return jnp.where(x > 0, x, 0.2 * x)


def generator(p: Arrays, s: Arrays, z: jax.Array) -> tuple[jax.Array, Arrays]:
    """Images (N, 32, 32, 3) from noise (N, 100), and the statistics after this pass."""
    h = z.reshape(-1, 1, 1, 100)
    h = conv_transpose(h, p["generator/conv_transpose_0/kernel"], stride=1, padding=0)  # 4x4
    h, s = batch_norm(h, p, s, "generator/batch_norm_0")
    h = jax.nn.relu(h)
    h = conv_transpose(h, p["generator/conv_transpose_1/kernel"], stride=2, padding=1)  # 8x8
    h, s = batch_norm(h, p, s, "generator/batch_norm_1")
    h = jax.nn.relu(h)
    h = conv_transpose(h, p["generator/conv_transpose_2/kernel"], stride=2, padding=1)  # 16x16
    h, s = batch_norm(h, p, s, "generator/batch_norm_2")
    h = jax.nn.relu(h)
    h = conv_transpose(h, p["generator/conv_transpose_3/kernel"], stride=2, padding=1)  # 32x32
    return jnp.tanh(h), s


def discriminator(p: Arrays, s: Arrays, x: jax.Array) -> tuple[jax.Array, Arrays]:
    """Logits (N, 1) of images (N, 32, 32, 3), and the statistics after this pass."""
    h = conv(x, p["discriminator/conv_0/kernel"], stride=2, padding=1)  # 16x16
    h = leaky_relu(h)
    h = conv(h, p["discriminator/conv_1/kernel"], stride=2, padding=1)  # 8x8
    h, s = batch_norm(h, p, s, "discriminator/batch_norm_0")
    h = leaky_relu(h)
    h = conv(h, p["discriminator/conv_2/kernel"], stride=2, padding=1)  # 4x4
    h, s = batch_norm(h, p, s, "discriminator/batch_norm_1")
    h = leaky_relu(h)
    h = conv(h, p["discriminator/conv_3/kernel"], stride=1, padding=0)  # 1x1
    return h.reshape(-1, 1), s


def discriminator_loss(
    d: Arrays, s: Arrays, real: jax.Array, fake: jax.Array
) -> tuple[jax.Array, Arrays]:
    """-log D(x) = softplus(-logit) and -log(1 - D(G(z))) = softplus(logit): a sum of two means."""
    # Two passes, each with its own batch statistics, real images first.
    real_logits, s = discriminator(d, s, real)
    fake_logits, s = discriminator(d, s, fake)
    real_loss = jnp.mean(jax.nn.softplus(-real_logits))
    fake_loss = jnp.mean(jax.nn.softplus(fake_logits))
    return real_loss + fake_loss, s


def generator_loss(g: Arrays, d: Arrays, s: Arrays, noise: jax.Array) -> tuple[jax.Array, Arrays]:
    """-log D(G(z))."""
    fake, s = generator(g, s, noise)
    fake_logits, s = discriminator(d, s, fake)
    return jnp.mean(jax.nn.softplus(-fake_logits)), s


def adam(p: Arrays, grads: Arrays, m: Arrays, v: Arrays, t: jax.Array) -> tuple[Arrays, ...]:
    """Step t (from 1) of Adam, epsilon outside the corrected root: new parameters and moments."""
    m = {key: 0.5 * m[key] + 0.5 * g for key, g in grads.items()}
    v = {key: 0.999 * v[key] + 0.001 * g * g for key, g in grads.items()}
    new = {}
    for key, w in p.items():
        m_hat = m[key] / (1.0 - 0.5**t)
        v_hat = v[key] / (1.0 - 0.999**t)
        new[key] = w - 2e-4 * m_hat / (jnp.sqrt(v_hat) + 1e-8)
    return new, m, v


@partial(jax.jit, donate_argnums=0)
def iteration(state: tuple, real: jax.Array, noise_d: jax.Array, noise_g: jax.Array) -> tuple:
    """One training iteration: the new state, d_loss, g_loss. The old state is given away."""
    g, g_m, g_v, d, d_m, d_v, s, t = state
    t = t + 1

    # Discriminator: differentiated by its own parameters only, generated images are constants.
    fake, s = generator(g, s, noise_d)
    d_gradient = jax.value_and_grad(discriminator_loss, has_aux=True)
    (d_loss, s), grads = d_gradient(d, s, real, fake)
    d, d_m, d_v = adam(d, grads, d_m, d_v, t)

    # Generator: fresh noise and the discriminator just updated.
    g_gradient = jax.value_and_grad(generator_loss, has_aux=True)
    (g_loss, s), grads = g_gradient(g, d, s, noise_g)
    g, g_m, g_v = adam(g, grads, g_m, g_v, t)
    return (g, g_m, g_v, d, d_m, d_v, s, t), d_loss, g_loss


def make(weights: dict[str, np.ndarray], dtype: str) -> tuple[Step, Export]:
    """Take parameters and batch statistics from `weights`; return `step` and `export`.

    `step(x, z_d, z_g)` is one training iteration on images x (N, 32, 32, 3) in [-1, 1] and noises
    (N, 100); it returns d_loss (real + fake) and g_loss. `export()` copies parameters and batch
    statistics out.
    """
    jax.config.update("jax_enable_x64", dtype == "float64")  # before the first array is made
    # float32 means float32: no TF32 in convolutions (JAX's default on a GPU).
    jax.config.update("jax_default_matmul_precision", "highest")

    g, d, s = {}, {}, {}
    for key, w in weights.items():
        if key.endswith(("/mean", "/variance")):
            s[key] = jnp.array(w, dtype)
        elif key.startswith("generator/"):
            g[key] = jnp.array(w, dtype)
        else:
            d[key] = jnp.array(w, dtype)
    g_m = {key: jnp.zeros_like(w) for key, w in g.items()}
    g_v = {key: jnp.zeros_like(w) for key, w in g.items()}
    d_m = {key: jnp.zeros_like(w) for key, w in d.items()}
    d_v = {key: jnp.zeros_like(w) for key, w in d.items()}
    state = (g, g_m, g_v, d, d_m, d_v, s, jnp.array(0, jnp.int32))

    def step(x: np.ndarray, z_d: np.ndarray, z_g: np.ndarray) -> tuple[jax.Array, jax.Array]:
        nonlocal state
        real, noise_d, noise_g = (jnp.asarray(array, dtype) for array in (x, z_d, z_g))
        state, d_loss, g_loss = iteration(state, real, noise_d, noise_g)
        return d_loss, g_loss

    def export() -> dict[str, np.ndarray]:
        g, _, _, d, _, _, s, _ = state
        # Copies: the next step gives this memory away.
        return {key: np.array(w) for key, w in (g | d | s).items()}

    return step, export
