"""The 32x32x3 DCGAN of "Co-evolution of discriminator and generator", in TensorFlow and Keras.

Put right against the document:
- it gives noise (N, 100) to a transposed convolution, which refuses it: here it is (N, 1, 1, 100);
- it compares the discriminator's one-pixel images with labels (N, 1), which is refused too: here
  the output is flattened, and the losses need no labels;
- the discriminator's step does not record the generator.
Its sigmoid and BCE are joined into softplus of the logits: the same loss without the clamp of the
logarithm. All passes are in train mode: an iteration updates the generator's batch statistics twice
and the discriminator's three times, for the generator's step keeps only its weights fixed.

Batch norm and Adam are written out: Keras stores the biased variance, the document's framework the
unbiased one; Keras adds epsilon to the uncorrected root, the document's framework to the corrected
one. Run it with KERAS_BACKEND=tensorflow.
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


class BatchNorm(keras.layers.Layer):
    """Batch norm in train mode: normalises with the biased variance, stores the unbiased one."""

    def build(self, input_shape: tuple) -> None:
        """Make one scale, bias, mean and variance a channel."""
        shape = input_shape[-1:]
        self.scale = self.add_weight(name="scale", shape=shape, initializer="ones")
        self.bias = self.add_weight(name="bias", shape=shape, initializer="zeros")
        self.mean = self.add_weight(name="mean", shape=shape, initializer="zeros", trainable=False)
        self.variance = self.add_weight(
            name="variance", shape=shape, initializer="ones", trainable=False
        )

    def call(self, x: tf.Tensor) -> tf.Tensor:
        """Normalise x (N, H, W, C) and move the stored statistics by a tenth."""
        mean, variance = tf.nn.moments(x, axes=[0, 1, 2])
        n = tf.cast(tf.reduce_prod(tf.shape(x)[:-1]), x.dtype)
        self.mean.assign(0.9 * self.mean.value + 0.1 * mean)
        self.variance.assign(0.9 * self.variance.value + 0.1 * variance * n / (n - 1.0))
        return tf.nn.batch_normalization(x, mean, variance, self.bias.value, self.scale.value, 1e-5)


def make(weights: dict[str, np.ndarray], dtype: str) -> tuple[Step, Export]:
    """Build both networks from `weights`; return `step` and `export`.

    `step(x, z_d, z_g)` is one training iteration on images x (N, 32, 32, 3) in [-1, 1] and noises
    (N, 100); it returns d_loss (real + fake) and g_loss. `export()` copies parameters and batch
    statistics out.
    """
    if keras.backend.backend() != "tensorflow":
        raise RuntimeError("this program needs KERAS_BACKEND=tensorflow")
    # float32 means float32: no TF32 in convolutions (TensorFlow's default on a GPU).
    tf.config.experimental.enable_tensor_float_32_execution(False)

    fixed = {"data_format": "channels_last", "use_bias": False, "dtype": dtype}

    def conv(channels: int, strides: int, padding: str) -> keras.layers.Layer:
        return keras.layers.Conv2D(channels, 4, strides, padding, **fixed)

    def conv_transpose(channels: int, strides: int, padding: str) -> keras.layers.Layer:
        return keras.layers.Conv2DTranspose(channels, 4, strides, padding, **fixed)

    # With kernel 4 and stride 2, "same" is the document's padding of 1 a side; "valid" is its 0.
    generator = keras.Sequential(
        [
            keras.Input((100,), dtype=dtype),
            keras.layers.Reshape((1, 1, 100), dtype=dtype),
            conv_transpose(256, strides=1, padding="valid"),  # 4x4
            BatchNorm(dtype=dtype),
            keras.layers.Activation(tf.nn.relu, dtype=dtype),
            conv_transpose(128, strides=2, padding="same"),  # 8x8
            BatchNorm(dtype=dtype),
            keras.layers.Activation(tf.nn.relu, dtype=dtype),
            conv_transpose(64, strides=2, padding="same"),  # 16x16
            BatchNorm(dtype=dtype),
            keras.layers.Activation(tf.nn.relu, dtype=dtype),
            conv_transpose(3, strides=2, padding="same"),  # 32x32
            keras.layers.Activation(tf.tanh, dtype=dtype),
        ]
    )
    discriminator = keras.Sequential(
        [
            keras.Input((32, 32, 3), dtype=dtype),
            conv(64, strides=2, padding="same"),  # 16x16
            keras.layers.Activation(leaky_relu, dtype=dtype),
            conv(128, strides=2, padding="same"),  # 8x8
            BatchNorm(dtype=dtype),
            keras.layers.Activation(leaky_relu, dtype=dtype),
            conv(256, strides=2, padding="same"),  # 4x4
            BatchNorm(dtype=dtype),
            keras.layers.Activation(leaky_relu, dtype=dtype),
            conv(1, strides=1, padding="valid"),  # 1x1
            keras.layers.Flatten(data_format="channels_last", dtype=dtype),
        ]
    )

    transposed = {
        "generator/conv_transpose_0": generator.layers[1],
        "generator/conv_transpose_1": generator.layers[4],
        "generator/conv_transpose_2": generator.layers[7],
        "generator/conv_transpose_3": generator.layers[10],
    }
    convolutions = {
        "discriminator/conv_0": discriminator.layers[0],
        "discriminator/conv_1": discriminator.layers[2],
        "discriminator/conv_2": discriminator.layers[5],
        "discriminator/conv_3": discriminator.layers[8],
    }
    norms = {
        "generator/batch_norm_0": generator.layers[2],
        "generator/batch_norm_1": generator.layers[5],
        "generator/batch_norm_2": generator.layers[8],
        "discriminator/batch_norm_0": discriminator.layers[3],
        "discriminator/batch_norm_1": discriminator.layers[6],
    }
    for name, layer in transposed.items():  # (kh, kw, in, out) -> (kh, kw, out, in)
        layer.kernel.assign(weights[f"{name}/kernel"].transpose(0, 1, 3, 2).astype(dtype))
    for name, layer in convolutions.items():
        layer.kernel.assign(weights[f"{name}/kernel"].astype(dtype))
    for name, layer in norms.items():
        for part in ("scale", "bias", "mean", "variance"):
            getattr(layer, part).assign(weights[f"{name}/{part}"].astype(dtype))

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
            m.assign(0.5 * m + 0.5 * g)
            v.assign(0.999 * v + 0.001 * g * g)
            m_hat = m / (1.0 - 0.5**t)
            v_hat = v / (1.0 - 0.999**t)
            w.assign_sub(2e-4 * m_hat / (tf.sqrt(v_hat) + 1e-8))

    @tf.function
    def iteration(
        real: tf.Tensor, noise_d: tf.Tensor, noise_g: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor]:
        count.assign_add(1)  # both networks are updated once an iteration, so they share it

        # Discriminator: -log D(x) = softplus(-logit), -log(1 - D(G(z))) = softplus(logit).
        # Real and generated images go through it separately, real ones first. The sum of two
        # means, not half of it. The generator stays outside the tape.
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
        for name, layer in transposed.items():
            arrays[f"{name}/kernel"] = np.array(layer.kernel).transpose(0, 1, 3, 2).copy()
        for name, layer in convolutions.items():
            arrays[f"{name}/kernel"] = np.array(layer.kernel)
        for name, layer in norms.items():
            for part in ("scale", "bias", "mean", "variance"):
                arrays[f"{name}/{part}"] = np.array(getattr(layer, part))
        return arrays

    return step, export
