"""A planted fault, and the workloads that faults are planted in."""

from collections.abc import Callable
from typing import Literal, NamedTuple

from tests.meta.patches import Patch

WORKLOADS = "tests/meta/workloads"
VOCABULARY_A, VOCABULARY_B = f"{WORKLOADS}/vocabulary_a.toml", f"{WORKLOADS}/vocabulary_b.toml"
VOCABULARY_C, CRITIC = f"{WORKLOADS}/vocabulary_c.toml", f"{WORKLOADS}/critic.toml"
MANY, FLOW = f"{WORKLOADS}/many_numbers.toml", f"{WORKLOADS}/flow.toml"
PORTS, LABELS = f"{WORKLOADS}/ports.toml", f"{WORKLOADS}/labels.toml"
CHAIN, LAZY = f"{WORKLOADS}/chain.toml", f"{WORKLOADS}/lazy.toml"
POOL, LAYERS = f"{WORKLOADS}/pool.toml", f"{WORKLOADS}/layers.toml"
"""What no built-in workload has."""


class Fault(NamedTuple):
    """A fault, the workload it is planted in, and the check that must fail."""

    name: str
    check: str
    workload: str
    patches: Callable[[str], list[Patch]]
    rows: tuple[str, ...] = ()
    """Empty: every row."""
    timed: Literal["first", "last"] | None = None
    """Planted where it would do harm: in float32, as it is timed, in that one of the row's modes.

    In the first where compiling would take most of a test's time."""

    @property
    def precision(self) -> str:
        """In which the fault is planted."""
        return "float32" if self.timed else "float64"
