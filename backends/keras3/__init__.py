"""Keras 3: layers, optimizers and `keras.ops` on two engines, TensorFlow and JAX, each one row."""

from backends.protocol import Backend


def backend() -> Backend:
    """The row of the engine that KERAS_BACKEND names; imports keras and that engine."""
    import keras

    from backends.keras3 import device
    from backends.keras3.training import Program

    return Backend(f"keras3-{keras.backend.backend()}", Program, device)
