"""How numbers are written for people."""

from collections.abc import Mapping
from typing import Any


def number(value: float) -> str:
    """Four significant digits."""
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"


def percent(share: float) -> str:
    """A share; small ones keep a digit."""
    return f"{share:.1%}" if 0 < abs(share) < 0.1 else f"{share:.0%}"


def seconds(value: float) -> str:
    """Seconds, or milliseconds below a tenth of one."""
    return f"{value:.3g} s" if value >= 0.1 else f"{1000 * value:.3g} ms"


def size(count: float) -> str:
    """Bytes in MiB or GiB."""
    gib = count / 2**30
    return f"{gib:.2f} GiB" if gib >= 1 else f"{count / 2**20:,.0f} MiB"


def interval(numbers: Mapping[str, Any]) -> str:
    """A ratio with its 95 % interval."""
    return f"{numbers['value']:.2f} [{numbers['low']:.2f}, {numbers['high']:.2f}]"
