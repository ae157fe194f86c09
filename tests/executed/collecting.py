"""The worker's side: notes which lines of `backends/` it executes, for which call."""

from pathlib import Path

import coverage

BACKENDS = Path(__file__).resolve().parents[2] / "backends"
_LIVE: list[coverage.Coverage] = []


def begin(folder: str, context: str) -> None:
    """What is executed from now on belongs to this call; the first one comes before `backends`."""
    if not _LIVE:
        live = coverage.Coverage(
            data_file=f"{folder}/lines",
            data_suffix=True,
            branch=True,
            include=[f"{BACKENDS}/*"],
            config_file=False,
        )
        live.start()
        _LIVE.append(live)
    _LIVE[0].switch_context(context)


def save() -> None:
    """Write it all: a worker may be killed at any time after its answer."""
    _LIVE[0].save()
