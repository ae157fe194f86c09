"""The first GAN of "GAN tutorial with Keras", as a plain program in Keras on TensorFlow.

Put right against the document:
- its images are in [0, 1], though the generator ends in tanh: here they are in [-1, 1];
- `trainable = False` after compiling, which Keras 3 takes to mean that the discriminator never
  learns: here it learns in its own two steps and stands still in the generator's.
Its sigmoid and cross entropy are joined into softplus of the logits, without the clip at 1e-7.

Adam is Keras's, written out: epsilon 1e-7 is added to the uncorrected root. Keras's own code casts
its betas through float32 on TensorFlow, which is 1e-8 off in float64. Run it with
KERAS_BACKEND=tensorflow.
"""

from collections.abc import Callable

import keras
import numpy as np
import tensorflow as tf

Step = Callable[[np.ndarray, np.ndarray, np.ndarray], tuple[tf.Tensor, ...]]
Export = Callable[[], dict[str, np.ndarray]]


def leaky_relu(x: tf.Tensor) -> tf.Tensor:
    """Slope 0.2, exact in float64: tf.nn.leaky_relu holds its slope in float32."""
    return tf.where(x > 0, x, 0.2 * x)


def make(weights: dict[str, np.ndarray], dtype: str) -> tuple[Step, Export]:
    """Build both networks from `weights`; return `step` and `export`.

    `step(x, z_d, z_g)` is one training iteration on images x (N, 28, 28, 1) in [-1, 1] and noises
    (N, 100); it returns the losses of D's step on real images, of its step on generated ones, and
    of G's. `export()` copies the parameters out.
    """
    if keras.backend.backend() != "tensorflow":
        raise RuntimeError("this program needs KERAS_BACKEND=tensorflow")
    # float32 means float32: no TF32 in matrix products (TensorFlow's default on a GPU).
    tf.config.experimental.enable_tensor_float_32_execution(False)

    generator = keras.Sequential(
        [
            keras.Input((100,), dtype=dtype),
            keras.layers.Dense(256, activation=leaky_relu, use_bias=True, dtype=dtype),
            keras.layers.Dense(512, activation=leaky_relu, use_bias=True, dtype=dtype),
            keras.layers.Dense(1024, activation=leaky_relu, use_bias=True, dtype=dtype),
            keras.layers.Dense(784, activation=tf.tanh, use_bias=True, dtype=dtype),
            keras.layers.Reshape((28, 28, 1), dtype=dtype),
        ]
    )
    discriminator = keras.Sequential(
        [
            keras.Input((28, 28, 1), dtype=dtype),
            keras.layers.Flatten(data_format="channels_last", dtype=dtype),
            keras.layers.Dense(512, activation=leaky_relu, use_bias=True, dtype=dtype),
            keras.layers.Dense(256, activation=leaky_relu, use_bias=True, dtype=dtype),
            keras.layers.Dense(1, activation=None, use_bias=True, dtype=dtype),
        ]
    )

    layers = {f"generator/dense_{i}": generator.layers[i] for i in range(4)}
    layers |= {f"discriminator/dense_{i}": discriminator.layers[1 + i] for i in range(3)}
    for name, layer in layers.items():
        layer.kernel.assign(weights[f"{name}/kernel"].astype(dtype))
        layer.bias.assign(weights[f"{name}/bias"].astype(dtype))

    g_variables = [variable.value for variable in generator.trainable_variables]
    d_variables = [variable.value for variable in discriminator.trainable_variables]
    g_moments = [
        [tf.Variable(tf.zeros_like(w)), tf.Variable(tf.zeros_like(w))] for w in g_variables
    ]
    d_moments = [
        [tf.Variable(tf.zeros_like(w)), tf.Variable(tf.zeros_like(w))] for w in d_variables
    ]
    count = tf.Variable(0, dtype=tf.int64)

    def adam(variables: list, gradients: list, moments: list, steps: tf.Tensor) -> None:
        t = tf.cast(steps, dtype)
        rate = 1e-3 * tf.sqrt(1.0 - 0.999**t) / (1.0 - 0.9**t)
        for w, g, (m, v) in zip(variables, gradients, moments, strict=True):
            m.assign(0.9 * m + 0.1 * g)
            v.assign(0.999 * v + 0.001 * g * g)
            w.assign_sub(rate * m / (tf.sqrt(v) + 1e-7))

    @tf.function
    def iteration(real: tf.Tensor, noise_d: tf.Tensor, noise_g: tf.Tensor) -> tuple[tf.Tensor, ...]:
        count.assign_add(1)
        # Discriminator: a step on real images, then one on generated ones, with the same Adam.
        with tf.GradientTape() as tape:
            real_loss = tf.reduce_mean(tf.math.softplus(-discriminator(real, training=True)))
        adam(d_variables, tape.gradient(real_loss, d_variables), d_moments, 2 * count - 1)
        fake = generator(noise_d, training=False)
        with tf.GradientTape() as tape:
            fake_loss = tf.reduce_mean(tf.math.softplus(discriminator(fake, training=True)))
        adam(d_variables, tape.gradient(fake_loss, d_variables), d_moments, 2 * count)

        # Generator: fresh noise, the discriminator just updated, -log D(G(z)).
        with tf.GradientTape() as tape:
            fake_logits = discriminator(generator(noise_g, training=True), training=True)
            g_loss = tf.reduce_mean(tf.math.softplus(-fake_logits))
        adam(g_variables, tape.gradient(g_loss, g_variables), g_moments, count)
        return real_loss, fake_loss, g_loss

    def step(x: np.ndarray, z_d: np.ndarray, z_g: np.ndarray) -> tuple[tf.Tensor, ...]:
        return iteration(tf.constant(x, dtype), tf.constant(z_d, dtype), tf.constant(z_g, dtype))

    def export() -> dict[str, np.ndarray]:
        arrays = {}
        for name, layer in layers.items():
            arrays[f"{name}/kernel"] = np.array(layer.kernel)
            arrays[f"{name}/bias"] = np.array(layer.bias)
        return arrays

    return step, export
