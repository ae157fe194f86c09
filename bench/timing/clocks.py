"""Clocks: seconds that workers spent in rounds, and what the harness adds to them."""

import time
from statistics import median

from bench.plan.cells import Cell
from bench.timing.cell import nothing
from bench.workers.pool import Workers

EMPTY_CALLS, WAIT_S = 5, 0.05
TIMEOUT_S = 900.0
"""The first call of a worker starts it, and imports."""


class WorkerClock:
    """pytest-benchmark's timer: seconds that workers spent in rounds, by their own clocks.

    The caller's clock also holds the call, which takes longer after some work than after none. It
    is read beside this one, and has to agree but for that (docs/adr/0010-the-workers-clock.md).
    """

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        """Seconds so far."""
        return self.seconds

    def __repr__(self) -> str:
        return "worker_clock"


WORKER_CLOCK = WorkerClock()


def overheads(cell: Cell, workers: Workers) -> dict[str, float]:
    """What the harness adds to a round of a cell's worker, medians of some, in seconds.

    `overhead_s` is what an empty round has on the clock that counts; `call_s` how much longer the
    caller waits than the worker is busy, after a time long enough for both to fall asleep. The
    first call, which starts the worker, is left out.
    """
    empty, call = [], []
    for _ in range(EMPTY_CALLS + 1):
        start = time.perf_counter()
        arguments = {"row": cell.row, "wait_s": WAIT_S}
        found = workers.call(cell.where, nothing, arguments, TIMEOUT_S)
        call.append(time.perf_counter() - start - found["here_s"])
        empty.append(found["empty_round_s"])
    return {"overhead_s": median(empty[1:]), "call_s": median(call[1:])}
