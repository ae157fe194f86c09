"""What NVML says is read as it is; where there is no GPU nothing is claimed."""

from types import SimpleNamespace

import pytest

from bench.timing import nvml as gpu


class NVMLError(Exception):
    """As the library's own."""


@pytest.fixture(name="nvml")
def _nvml(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """A library that knows one GPU with two processes, one of them in another container."""

    def name(pid: int) -> bytes:
        if pid == 7:
            raise NVMLError("not found")
        return b"python"

    running = [SimpleNamespace(pid=pid, usedGpuMemory=2**30) for pid in (5, 6, 7)]
    fake = SimpleNamespace(
        NVMLError=NVMLError,
        nvmlInit=lambda: None,
        nvmlShutdown=lambda: None,
        nvmlDeviceGetHandleByIndex=lambda index: f"gpu {index}",
        nvmlDeviceGetTotalEnergyConsumption=lambda handle: 1500,
        nvmlDeviceGetComputeRunningProcesses=lambda handle: running,
        nvmlSystemGetProcessName=name,
    )
    monkeypatch.setattr(gpu, "pynvml", fake)
    return fake


def test_energy_is_in_joules(nvml: SimpleNamespace) -> None:
    assert gpu.energy_j() == 1.5


def test_processes_are_others_than_ours(nvml: SimpleNamespace) -> None:
    assert gpu.processes(ours=[5]) == [
        {"pid": 6, "name": "python", "memory_bytes": 2**30},
        {"pid": 7, "name": None, "memory_bytes": 2**30},
    ]


def test_a_machine_without_a_gpu_claims_nothing(
    nvml: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse() -> None:
        raise NVMLError("no driver")

    monkeypatch.setattr(nvml, "nvmlInit", refuse)
    assert gpu.energy_j() is None
    assert gpu.processes() == []
    monkeypatch.setattr(gpu, "pynvml", None)
    assert gpu.energy_j() is None
    assert gpu.processes() == []
