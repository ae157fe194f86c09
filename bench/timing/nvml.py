"""What NVML says of the GPU: energy, and who else uses it. Nothing where there is no NVIDIA GPU."""

from collections.abc import Callable
from typing import Any, TypeVar

try:
    import pynvml
except ImportError:  # an interpreter that was given need not have it
    pynvml = None

Result = TypeVar("Result")


def energy_j() -> float | None:
    """Joules that the first GPU has used since its driver was loaded; None where none says so."""
    return _asked(lambda gpu: float(pynvml.nvmlDeviceGetTotalEnergyConsumption(gpu)) / 1000.0)


def memory_share() -> float | None:
    """The share of the first GPU's memory that is in use; None where none says so."""

    def share(gpu: Any) -> float:
        found = pynvml.nvmlDeviceGetMemoryInfo(gpu)
        return float(found.used / found.total)

    return _asked(share)


def processes() -> dict[str, int | None] | None:
    """How many processes compute on the first GPU, and what they hold: {count, memory_bytes}.

    What they are is their users' business. Where the driver does not say what one holds, as in
    some containers, the sum is not known.
    """
    found = _asked(lambda gpu: pynvml.nvmlDeviceGetComputeRunningProcesses(gpu))
    if found is None:
        return None
    held = [one.usedGpuMemory for one in found]
    return {"count": len(held), "memory_bytes": None if None in held else sum(held)}


def _asked(question: Callable[[Any], Result]) -> Result | None:
    """The answer for the first GPU, or None: no library, no driver, no GPU, no such counter."""
    if pynvml is None:
        return None
    try:
        pynvml.nvmlInit()
        try:
            return question(pynvml.nvmlDeviceGetHandleByIndex(0))
        finally:
            pynvml.nvmlShutdown()
    except pynvml.NVMLError:
        return None
