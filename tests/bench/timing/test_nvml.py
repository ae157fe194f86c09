"""What NVML says is read as it is; where there is no GPU nothing is claimed."""

from types import SimpleNamespace

import pytest

from bench.timing import nvml as gpu


class NVMLError(Exception):
    """As the library's own."""


@pytest.fixture(name="nvml")
def _nvml(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """A library that knows one GPU with three processes."""
    running = [SimpleNamespace(pid=pid, usedGpuMemory=2**30) for pid in (5, 6, 7)]
    fake = SimpleNamespace(
        NVMLError=NVMLError,
        nvmlInit=lambda: None,
        nvmlShutdown=lambda: None,
        nvmlDeviceGetHandleByIndex=lambda index: f"gpu {index}",
        nvmlDeviceGetTotalEnergyConsumption=lambda handle: 1500,
        nvmlDeviceGetMemoryInfo=lambda handle: SimpleNamespace(used=3.0, total=12.0, free=9.0),
        nvmlDeviceGetComputeRunningProcesses=lambda handle: running,
    )
    monkeypatch.setattr(gpu, "pynvml", fake)
    return fake


def test_energy_is_in_joules(nvml: SimpleNamespace) -> None:
    assert gpu.energy_j() == 1.5


def test_of_processes_their_number_and_memory_are_said(nvml: SimpleNamespace) -> None:
    assert gpu.processes() == {"count": 3, "memory_bytes": 3 * 2**30}


def test_memory_that_a_driver_does_not_say_is_not_guessed(
    nvml: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = [SimpleNamespace(pid=5, usedGpuMemory=None)]
    monkeypatch.setattr(nvml, "nvmlDeviceGetComputeRunningProcesses", lambda handle: held)
    assert gpu.processes() == {"count": 1, "memory_bytes": None}


def test_a_machine_without_a_gpu_claims_nothing(
    nvml: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse() -> None:
        raise NVMLError("no driver")

    monkeypatch.setattr(nvml, "nvmlInit", refuse)
    assert gpu.energy_j() is None
    assert gpu.processes() is None
    monkeypatch.setattr(gpu, "pynvml", None)
    assert gpu.energy_j() is None
    assert gpu.processes() is None


def test_memory_is_the_share_in_use(nvml: SimpleNamespace) -> None:
    assert gpu.memory_share() == 0.25


def test_the_first_card_is_asked_and_the_library_let_go_of(
    nvml: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where the card has no such counter."""
    seen: list[str] = []

    def consumption(handle: str) -> float:
        seen.append(handle)
        raise NVMLError("not supported")

    monkeypatch.setattr(nvml, "nvmlDeviceGetTotalEnergyConsumption", consumption)
    monkeypatch.setattr(nvml, "nvmlInit", lambda: seen.append("init"))
    monkeypatch.setattr(nvml, "nvmlShutdown", lambda: seen.append("shutdown"))
    assert gpu.energy_j() is None
    assert seen == ["init", "gpu 0", "shutdown"]
