"""Devices, precision and what torch says of them."""

from collections.abc import Callable
from typing import Any

import torch

from backends.protocol import Stopped

DTYPES = {"float64": torch.float64, "float32": torch.float32}


def devices() -> tuple[str, ...]:
    """Devices that this process can use."""
    return ("cpu", "cuda") if torch.cuda.is_available() else ("cpu",)


def configure(precision: str) -> None:
    """Float32 means float32: TF32 is off for products and convolutions. Autotuning is on."""
    torch.backends.cuda.matmul.fp32_precision = "ieee"
    torch.backends.cudnn.conv.fp32_precision = "ieee"
    # Convolutions are chosen by trying them, as XLA and TensorFlow do unasked (docs/adr/0013).
    torch.backends.cudnn.benchmark = not torch.are_deterministic_algorithms_enabled()
    # Lets torch.compile trace torch.autograd.grad, so that an iteration is one graph.
    torch._dynamo.config.trace_autograd_ops = True
    # Every workload and batch size compiles the same functions once more; none is a mistake.
    torch._dynamo.config.recompile_limit = 1024
    torch._dynamo.config.accumulated_recompile_limit = 4096


def describe() -> dict[str, Any]:
    """Versions, device and numerics, as read back."""
    cuda = torch.cuda.is_available()
    return {
        "versions": {"torch": str(torch.__version__)},
        "device": torch.cuda.get_device_name() if cuda else "cpu",
        "threads": torch.get_num_threads(),
        "precision": {
            "cuda.matmul.fp32_precision": torch.backends.cuda.matmul.fp32_precision,
            "cudnn.conv.fp32_precision": torch.backends.cudnn.conv.fp32_precision,
            "cudnn.benchmark": torch.backends.cudnn.benchmark,
        },
    }


def block_until_ready(tree: Any) -> None:
    """Waits for all work on the current device; on a CPU torch has finished when it returns."""
    if torch.cuda.is_available():
        torch.cuda.synchronize()


def make_deterministic() -> None:
    """Only algorithms that give the same bits each time; one that has none such raises."""
    torch.use_deterministic_algorithms(True, warn_only=False)
    torch.backends.cudnn.benchmark = False  # or another process may choose another algorithm


def peak_memory_bytes() -> int | None:
    """The most that torch's allocator has given out on the GPU; None on a CPU."""
    return torch.cuda.max_memory_allocated() if torch.cuda.is_available() else None


def stopwatch() -> Callable[[], Stopped] | None:
    """CUDA events around what is queued until the call. None on a CPU."""
    if not torch.cuda.is_available():
        return None
    first, last = (torch.cuda.Event(enable_timing=True) for _ in range(2))
    last.record()  # the first time makes the event, which is not to be timed
    first.record()

    def stop() -> Stopped:
        last.record()
        return elapsed_s

    def elapsed_s() -> float:
        last.synchronize()
        return first.elapsed_time(last) / 1000.0

    return stop


def matrix_product(size: int, precision: str, device: str) -> Callable[[], None]:
    """A call that multiplies two matrices of `size` x `size` and waits: a backend's ceiling."""
    configure(precision)
    one, other = torch.rand(2, size, size, dtype=DTYPES[precision], device=device)
    out = torch.empty_like(one)

    def product() -> None:
        torch.mm(one, other, out=out)
        block_until_ready(out)

    return product
