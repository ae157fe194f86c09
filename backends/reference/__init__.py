"""The executable spec: NumPy float64 and HIPS autograd; the oracle of every check."""

from backends.protocol import Backend


def backend() -> Backend:
    """The reference as a backend; it has one mode, one precision and one device."""
    from backends.reference import device
    from backends.reference.training import Program

    return Backend("reference", Program, device)
