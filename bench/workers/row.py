"""In a worker: what its row says of itself."""

from typing import Any

import backends


def describe(row: str) -> dict[str, Any]:
    """Versions, device, threads and precision flags of a row."""
    return dict(backends.load(row).device.describe())


def devices(row: str) -> list[str]:
    """In a row's worker: the devices that it can use."""
    return list(backends.load(row).device.devices())
