"""The first GAN of "GAN tutorial with Keras", as a plain JAX program.

Parameters (p) and moments (m, v) are dicts; Adam is its own, and Keras's: epsilon 1e-7 is added to
the uncorrected root.

Put right against the document:
- its images are in [0, 1], though the generator ends in tanh: here they are in [-1, 1];
- `trainable = False` after compiling, which Keras 3 takes to mean that the discriminator never
  learns: here it learns in its own two steps and stands still in the generator's.
Its sigmoid and cross entropy are joined into softplus of the logits, without the clip at 1e-7.
"""

from collections.abc import Callable
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np

Arrays = dict[str, jax.Array]
Step = Callable[[np.ndarray, np.ndarray, np.ndarray], tuple[jax.Array, ...]]
Export = Callable[[], dict[str, np.ndarray]]


def leaky_relu(x: jax.Array) -> jax.Array:
    """Slope 0.2, also for the gradient at 0, where jax.nn.leaky_relu has 1."""
    return jnp.where(x > 0, x, 0.2 * x)


def generator(p: Arrays, z: jax.Array) -> jax.Array:
    """Images (N, 28, 28, 1) from noise (N, 100)."""
    h = leaky_relu(z @ p["generator/dense_0/kernel"] + p["generator/dense_0/bias"])
    h = leaky_relu(h @ p["generator/dense_1/kernel"] + p["generator/dense_1/bias"])
    h = leaky_relu(h @ p["generator/dense_2/kernel"] + p["generator/dense_2/bias"])
    h = jnp.tanh(h @ p["generator/dense_3/kernel"] + p["generator/dense_3/bias"])
    return h.reshape(-1, 28, 28, 1)


def discriminator(p: Arrays, x: jax.Array) -> jax.Array:
    """Logits (N, 1) of images (N, 28, 28, 1)."""
    h = x.reshape(-1, 784)
    h = leaky_relu(h @ p["discriminator/dense_0/kernel"] + p["discriminator/dense_0/bias"])
    h = leaky_relu(h @ p["discriminator/dense_1/kernel"] + p["discriminator/dense_1/bias"])
    return h @ p["discriminator/dense_2/kernel"] + p["discriminator/dense_2/bias"]


def real_loss(d: Arrays, real: jax.Array) -> jax.Array:
    """-log D(x)."""
    return jnp.mean(jax.nn.softplus(-discriminator(d, real)))


def fake_loss(d: Arrays, fake: jax.Array) -> jax.Array:
    """-log(1 - D(G(z)))."""
    return jnp.mean(jax.nn.softplus(discriminator(d, fake)))


def generator_loss(g: Arrays, d: Arrays, noise: jax.Array) -> jax.Array:
    """-log D(G(z))."""
    return jnp.mean(jax.nn.softplus(-discriminator(d, generator(g, noise))))


def adam(p: Arrays, grads: Arrays, m: Arrays, v: Arrays, t: jax.Array) -> tuple[Arrays, ...]:
    """Step t (from 1) of Adam, epsilon on the uncorrected root: new parameters and moments."""
    m = {key: 0.9 * m[key] + 0.1 * g for key, g in grads.items()}
    v = {key: 0.999 * v[key] + 0.001 * g * g for key, g in grads.items()}
    rate = 1e-3 * jnp.sqrt(1.0 - 0.999**t) / (1.0 - 0.9**t)
    new = {key: w - rate * m[key] / (jnp.sqrt(v[key]) + 1e-7) for key, w in p.items()}
    return new, m, v


@partial(jax.jit, donate_argnums=0)
def iteration(state: tuple, real: jax.Array, noise_d: jax.Array, noise_g: jax.Array) -> tuple:
    """One training iteration: the new state and three losses. The old state is given away."""
    g, g_m, g_v, d, d_m, d_v, t = state
    t = t + 1

    # Discriminator: a step on real images, then one on generated ones, with the same Adam.
    d_real, grads = jax.value_and_grad(real_loss)(d, real)
    d, d_m, d_v = adam(d, grads, d_m, d_v, 2 * t - 1)
    d_fake, grads = jax.value_and_grad(fake_loss)(d, generator(g, noise_d))
    d, d_m, d_v = adam(d, grads, d_m, d_v, 2 * t)

    # Generator: fresh noise and the discriminator just updated.
    g_loss, grads = jax.value_and_grad(generator_loss)(g, d, noise_g)
    g, g_m, g_v = adam(g, grads, g_m, g_v, t)
    return (g, g_m, g_v, d, d_m, d_v, t), d_real, d_fake, g_loss


def make(weights: dict[str, np.ndarray], dtype: str) -> tuple[Step, Export]:
    """Take the parameters from `weights`; return `step` and `export`.

    `step(x, z_d, z_g)` is one training iteration on images x (N, 28, 28, 1) in [-1, 1] and noises
    (N, 100); it returns the losses of D's step on real images, of its step on generated ones, and
    of G's. `export()` copies the parameters out.
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
    state = (g, g_m, g_v, d, d_m, d_v, jnp.array(0, dtype))

    def step(x: np.ndarray, z_d: np.ndarray, z_g: np.ndarray) -> tuple[jax.Array, ...]:
        nonlocal state
        real, noise_d, noise_g = (jnp.asarray(array, dtype) for array in (x, z_d, z_g))
        state, *losses = iteration(state, real, noise_d, noise_g)
        return tuple(losses)

    def export() -> dict[str, np.ndarray]:
        g, _, _, d, _, _, _ = state
        # Copies: the next step gives this memory away.
        return {key: np.array(w) for key, w in (g | d).items()}

    return step, export
