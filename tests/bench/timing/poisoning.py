"""In a worker: a row that leaves the finite numbers without its GAN's doing."""

from bench.timing.cell import ready


def poison(cell_id: str) -> None:
    """Put NaN into the state that the cell has trained."""
    live = ready(cell_id)
    state = live.program.export_state(live.state)
    key = next(key for key in state if key.endswith("kernel"))
    state[key] = state[key] * float("nan")
    live.state = live.program.import_state(state)
