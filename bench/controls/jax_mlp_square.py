"""The MLP GAN of "GAN by hand" (784-256-256), as a plain JAX program.

Parameters (p) and moments (m, v) are dicts; Adam is its own.

Put right against the document:
- its labels are always 64 long, so the last batch of an epoch (32 images) stops it: here the losses
  need no labels and take any batch size (each size is compiled once);
- it turns both losses into Python floats in every step, which waits for the device: here they are
  returned as arrays, and the scores that it computes and never uses are gone;
- the discriminator's step does not differentiate the generator.
Its sigmoid and BCE are joined into softplus of the logits: the same loss without the clamp of the
logarithm.
"""

from collections.abc import Callable
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np

Arrays = dict[str, jax.Array]
Step = Callable[[np.ndarray, np.ndarray, np.ndarray], tuple[jax.Array, jax.Array]]
Export = Callable[[], dict[str, np.ndarray]]


def generator(p: Arrays, z: jax.Array) -> jax.Array:
    """Images (N, 28, 28, 1) from noise (N, 784)."""
    h = jax.nn.relu(z @ p["generator/dense_0/kernel"] + p["generator/dense_0/bias"])
    h = jax.nn.relu(h @ p["generator/dense_1/kernel"] + p["generator/dense_1/bias"])
    h = jnp.tanh(h @ p["generator/dense_2/kernel"] + p["generator/dense_2/bias"])
    return h.reshape(-1, 28, 28, 1)


def leaky_relu(x: jax.Array) -> jax.Array:
    """Slope 0.2, also for the gradient at 0, where jax.nn.leaky_relu has 1 and torch 0.2."""
    return jnp.where(x > 0, x, 0.2 * x)


def discriminator(p: Arrays, x: jax.Array) -> jax.Array:
    """Logits (N, 1) of images (N, 28, 28, 1)."""
    h = x.reshape(-1, 784)
    h = leaky_relu(h @ p["discriminator/dense_0/kernel"] + p["discriminator/dense_0/bias"])
    h = leaky_relu(h @ p["discriminator/dense_1/kernel"] + p["discriminator/dense_1/bias"])
    return h @ p["discriminator/dense_2/kernel"] + p["discriminator/dense_2/bias"]


def discriminator_loss(d: Arrays, real: jax.Array, fake: jax.Array) -> jax.Array:
    """-log D(x) = softplus(-logit) and -log(1 - D(G(z))) = softplus(logit): a sum of two means."""
    real_loss = jnp.mean(jax.nn.softplus(-discriminator(d, real)))
    fake_loss = jnp.mean(jax.nn.softplus(discriminator(d, fake)))
    return real_loss + fake_loss


def generator_loss(g: Arrays, d: Arrays, noise: jax.Array) -> jax.Array:
    """-log D(G(z))."""
    return jnp.mean(jax.nn.softplus(-discriminator(d, generator(g, noise))))


def adam(p: Arrays, grads: Arrays, m: Arrays, v: Arrays, t: jax.Array) -> tuple[Arrays, ...]:
    """Step t (from 1) of Adam, epsilon outside the corrected root: new parameters and moments."""
    m = {key: 0.9 * m[key] + 0.1 * g for key, g in grads.items()}
    v = {key: 0.999 * v[key] + 0.001 * g * g for key, g in grads.items()}
    new = {}
    for key, w in p.items():
        m_hat = m[key] / (1.0 - 0.9**t)
        v_hat = v[key] / (1.0 - 0.999**t)
        new[key] = w - 2e-4 * m_hat / (jnp.sqrt(v_hat) + 1e-8)
    return new, m, v


@partial(jax.jit, donate_argnums=0)
def iteration(state: tuple, real: jax.Array, noise_d: jax.Array, noise_g: jax.Array) -> tuple:
    """One training iteration: the new state, d_loss, g_loss. The old state is given away."""
    g, g_m, g_v, d, d_m, d_v, t = state
    t = t + 1

    # Discriminator: differentiated by its own parameters only, generated images are constants.
    fake = generator(g, noise_d)
    d_loss, grads = jax.value_and_grad(discriminator_loss)(d, real, fake)
    d, d_m, d_v = adam(d, grads, d_m, d_v, t)

    # Generator: fresh noise and the discriminator just updated.
    g_loss, grads = jax.value_and_grad(generator_loss)(g, d, noise_g)
    g, g_m, g_v = adam(g, grads, g_m, g_v, t)
    return (g, g_m, g_v, d, d_m, d_v, t), d_loss, g_loss


def make(weights: dict[str, np.ndarray], dtype: str) -> tuple[Step, Export]:
    """Take the parameters from `weights`; return `step` and `export`.

    `step(x, z_d, z_g)` is one training iteration on images x (N, 28, 28, 1) in [-1, 1] and noises
    (N, 784), any N; it returns d_loss (real + fake) and g_loss. `export()` copies the parameters
    out.
    """
    jax.config.update("jax_enable_x64", dtype == "float64")  # before the first array is made
    # float32 means float32: no TF32 in matrix products (JAX's default on a GPU).
    jax.config.update("jax_default_matmul_precision", "highest")

    g = {key: jnp.array(w, dtype) for key, w in weights.items() if key.startswith("generator/")}
    d = {key: jnp.array(w, dtype) for key, w in weights.items() if key.startswith("discriminator/")}
    g_m = {key: jnp.zeros_like(w) for key, w in g.items()}
    g_v = {key: jnp.zeros_like(w) for key, w in g.items()}
    d_m = {key: jnp.zeros_like(w) for key, w in d.items()}
    d_v = {key: jnp.zeros_like(w) for key, w in d.items()}
    state = (g, g_m, g_v, d, d_m, d_v, jnp.array(0, jnp.int32))

    def step(x: np.ndarray, z_d: np.ndarray, z_g: np.ndarray) -> tuple[jax.Array, jax.Array]:
        nonlocal state
        real, noise_d, noise_g = (jnp.asarray(array, dtype) for array in (x, z_d, z_g))
        state, d_loss, g_loss = iteration(state, real, noise_d, noise_g)
        return d_loss, g_loss

    def export() -> dict[str, np.ndarray]:
        g, _, _, d, _, _, _ = state
        # Copies: the next step gives this memory away.
        return {key: np.array(w) for key, w in (g | d).items()}

    return step, export
