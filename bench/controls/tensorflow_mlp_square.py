"""The MLP GAN of "GAN by hand" (784-256-256), as a plain TensorFlow program with Keras layers.

Put right against the document:
- its labels are always 64 long, so the last batch of an epoch (32 images) stops it: here the losses
  need no labels and take any batch size (each size is traced once);
- it turns both losses into Python floats in every step, which waits for the device: here they are
  returned as tensors, and the scores that it computes and never uses are gone;
- the discriminator's step does not record the generator.
Its sigmoid and BCE are joined into softplus of the logits: the same loss without the clamp of the
logarithm.

Adam is written out: Keras adds epsilon to the uncorrected root, the document's framework to the
corrected one. Run it with KERAS_BACKEND=tensorflow.
"""

from collections.abc import Callable

import keras
import numpy as np
import tensorflow as tf

Step = Callable[[np.ndarray, np.ndarray, np.ndarray], tuple[tf.Tensor, tf.Tensor]]
Export = Callable[[], dict[str, np.ndarray]]


def leaky_relu(x: tf.Tensor) -> tf.Tensor:
    """Slope 0.2, exact in float64: tf.nn.leaky_relu holds its slope in float32."""
    return tf.where(x > 0, x, 0.2 * x)


def make(weights: dict[str, np.ndarray], dtype: str) -> tuple[Step, Export]:
    """Build both networks from `weights`; return `step` and `export`.

    `step(x, z_d, z_g)` is one training iteration on images x (N, 28, 28, 1) in [-1, 1] and noises
    (N, 784), any N; it returns d_loss (real + fake) and g_loss. `export()` copies the parameters
    out.
    """
    if keras.backend.backend() != "tensorflow":
        raise RuntimeError("this program needs KERAS_BACKEND=tensorflow")
    # float32 means float32: no TF32 in matrix products (TensorFlow's default on a GPU).
    tf.config.experimental.enable_tensor_float_32_execution(False)

    generator = keras.Sequential(
        [
            keras.Input((784,), dtype=dtype),
            keras.layers.Dense(256, activation=tf.nn.relu, use_bias=True, dtype=dtype),
            keras.layers.Dense(256, activation=tf.nn.relu, use_bias=True, dtype=dtype),
            keras.layers.Dense(784, activation=tf.tanh, use_bias=True, dtype=dtype),
            keras.layers.Reshape((28, 28, 1), dtype=dtype),
        ]
    )
    discriminator = keras.Sequential(
        [
            keras.Input((28, 28, 1), dtype=dtype),
            keras.layers.Flatten(data_format="channels_last", dtype=dtype),
            keras.layers.Dense(256, activation=leaky_relu, use_bias=True, dtype=dtype),
            keras.layers.Dense(256, activation=leaky_relu, use_bias=True, dtype=dtype),
            keras.layers.Dense(1, activation=None, use_bias=True, dtype=dtype),
        ]
    )

    layers = {
        "generator/dense_0": generator.layers[0],
        "generator/dense_1": generator.layers[1],
        "generator/dense_2": generator.layers[2],
        "discriminator/dense_0": discriminator.layers[1],
        "discriminator/dense_1": discriminator.layers[2],
        "discriminator/dense_2": discriminator.layers[3],
    }
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

    def adam(variables: list, gradients: list, moments: list) -> None:
        t = tf.cast(count, dtype)
        for w, g, (m, v) in zip(variables, gradients, moments, strict=True):
            m.assign(0.9 * m + 0.1 * g)
            v.assign(0.999 * v + 0.001 * g * g)
            m_hat = m / (1.0 - 0.9**t)
            v_hat = v / (1.0 - 0.999**t)
            w.assign_sub(2e-4 * m_hat / (tf.sqrt(v_hat) + 1e-8))

    @tf.function
    def iteration(
        real: tf.Tensor, noise_d: tf.Tensor, noise_g: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor]:
        count.assign_add(1)  # both networks are updated once an iteration, so they share it

        # Discriminator: -log D(x) = softplus(-logit), -log(1 - D(G(z))) = softplus(logit).
        # The sum of two means, not half of it. The generator stays outside the tape.
        fake = generator(noise_d, training=True)
        with tf.GradientTape() as tape:
            real_logits = discriminator(real, training=True)
            fake_logits = discriminator(fake, training=True)
            real_loss = tf.reduce_mean(tf.math.softplus(-real_logits))
            fake_loss = tf.reduce_mean(tf.math.softplus(fake_logits))
            d_loss = real_loss + fake_loss
        adam(d_variables, tape.gradient(d_loss, d_variables), d_moments)

        # Generator: fresh noise, the discriminator just updated, -log D(G(z)).
        with tf.GradientTape() as tape:
            fake_logits = discriminator(generator(noise_g, training=True), training=True)
            g_loss = tf.reduce_mean(tf.math.softplus(-fake_logits))
        adam(g_variables, tape.gradient(g_loss, g_variables), g_moments)
        return d_loss, g_loss

    def step(x: np.ndarray, z_d: np.ndarray, z_g: np.ndarray) -> tuple[tf.Tensor, tf.Tensor]:
        return iteration(tf.constant(x, dtype), tf.constant(z_d, dtype), tf.constant(z_g, dtype))

    def export() -> dict[str, np.ndarray]:
        arrays = {}
        for name, layer in layers.items():
            arrays[f"{name}/kernel"] = np.array(layer.kernel)
            arrays[f"{name}/bias"] = np.array(layer.bias)
        return arrays

    return step, export
