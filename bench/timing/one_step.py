"""In a row's worker: one training step, as `doctor` asks for it."""

from typing import Any

import backends
import spec
import spec.data
from backends.protocol import MODES, Settings, absent_mode
from spec import randomness
from spec.state import init_state

WORKLOAD = "mlp_square"


def train_once(row: str, device: str) -> dict[str, Any]:
    """One step on real digits, and what the framework says of itself."""
    workload = spec.load(WORKLOAD)
    mode = next(m for m in MODES if not absent_mode(row, m, workload, device))
    program = backends.prepare(row, workload, Settings(mode, "float32", device, 1))
    draws = randomness.draws(workload, 0, 0, spec.data.load(workload))
    state, metrics = program.train_step(program.import_state(init_state(workload, 0)), draws)
    samples = program.generate(state, "generator", draws["g/z"][0][:4])
    backend = backends.load(row)
    return {
        "mode": mode,
        "metrics": metrics,
        "devices": list(backend.device.devices()),
        "sample_shape": list(samples.shape),
        **backend.device.describe(),
    }
