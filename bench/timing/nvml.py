"""What NVML says of the GPU: energy, and who else uses it. Nothing where there is no NVIDIA GPU."""

from collections.abc import Callable, Iterable
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


def processes(ours: Iterable[int] = ()) -> list[dict[str, Any]]:
    """Other processes that compute on the first GPU: {pid, name, memory_bytes}."""
    own = set(ours)
    found = _asked(lambda gpu: pynvml.nvmlDeviceGetComputeRunningProcesses(gpu)) or []
    return [
        {"pid": one.pid, "name": _name(one.pid), "memory_bytes": one.usedGpuMemory}
        for one in found
        if one.pid not in own
    ]


def _name(pid: int) -> str | None:
    """A process in another container has no name here."""
    return _asked(lambda _: _text(pynvml.nvmlSystemGetProcessName(pid)))


def _text(name: str | bytes) -> str:
    return name.decode(errors="replace") if isinstance(name, bytes) else name


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
