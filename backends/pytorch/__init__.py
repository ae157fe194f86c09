"""PyTorch: modules, `autograd.grad` and torch's functional optimizers, eager or compiled."""

from backends.protocol import Backend


def backend() -> Backend:
    """The PyTorch row; imports torch."""
    from backends.pytorch.device import describe, devices, matrix_product
    from backends.pytorch.training import Program

    return Backend("pytorch", Program, devices(), describe, matrix_product)
