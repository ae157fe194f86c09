"""What torch has compiled and a worker has imported, asked in the row's worker."""

import sys
from typing import Any

import backends
import spec
from backends.protocol import Settings
from spec.state import init_state

CHUNK = 1


def graphs_of_two_programs(workload: str, device: str) -> dict[str, Any]:
    """{graphs: how many torch has compiled after each of two like programs, kept: on disk}."""
    import torch

    loaded, found = spec.load(workload), []
    for _ in range(2):
        settings = Settings("compiled", "float64", device, CHUNK)
        program = backends.prepare("pytorch", loaded, settings)
        state = program.import_state(init_state(loaded, 0))
        program.block_until_ready(program.run(state, {}, 0, CHUNK))
        found.append(torch._dynamo.utils.counters["stats"]["unique_graphs"])
    return {"graphs": found, "kept": not torch._inductor.config.force_disable_caches}


def refused_as_two_graphs() -> bool:
    """Whether torch refuses to compile what it would have to leave for Python in the middle."""
    import torch

    from backends.pytorch.training import _compiled

    def broken(x: Any) -> Any:
        y = x + 1
        torch._dynamo.graph_break()
        return y * 2

    try:
        _compiled(broken)(torch.ones(3))
    except torch._dynamo.exc.Unsupported:
        return True
    return False


def imported() -> list[str]:
    """The modules of the worker."""
    return sorted(sys.modules)
