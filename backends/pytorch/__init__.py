"""PyTorch: modules, `autograd.grad` and torch's functional optimizers, eager or compiled."""

from backends.protocol import Backend


def backend() -> Backend:
    """The PyTorch row; imports torch."""
    from backends.pytorch import device
    from backends.pytorch.training import Program

    return Backend("pytorch", Program, device)
