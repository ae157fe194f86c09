"""One row's program of two revisions, a round of each by turns: is the newer one slower?

    python docs/experiments/two_revisions.py OLD NEW ROW PYTHON WORKLOAD MODE [SECONDS [TIMES]]

OLD and NEW are checkouts, PYTHON the row's interpreter. Each of TIMES (3) times both programs are
made in new processes, on random samples; then for SECONDS (15) each runs a chunk of iterations,
in random order. Printed is the newer one's speed as a share of the older one's: for each pair of
processes the median of the pairs of rounds, then their geometric mean and a 95 % interval of it,
by Student's t.

`bench compare` asks runs that lie minutes apart, and on a shared machine their intervals are wide.
Here what disturbs the machine falls on both. Equal revisions give what is left: two processes of
one program differ by a few per cent on two cores, so that one pair of processes says little.
"""

import math
import random
import statistics
import subprocess
import sys
import time

from scipy import stats

CHILD = """
import sys, time
import backends, spec
from backends.protocol import Settings
from spec import data
from spec.state import init_state

row, name, mode = sys.argv[1:]
workload = spec.load(name)
n = workload.chunk_iterations()
program = backends.prepare(row, workload, Settings(mode, "float32", "cpu", n))
placed = program.place(data.synthetic(workload, 1, 27))
state = program.import_state(init_state(workload, 1))
for _ in sys.stdin:
    start = time.perf_counter()
    state, metrics = program.run(state, placed, 1, n)
    program.block_until_ready((state, metrics))
    print(time.perf_counter() - start, flush=True)
"""
"""Answers each line with the seconds of a chunk; both revisions have these functions."""


def program(checkout: str, python: str, arguments: list[str]) -> subprocess.Popen[str]:
    """A process with the row's program of a checkout."""
    engine = arguments[0].partition("-")[2]
    own = ["env", f"PYTHONPATH={checkout}", *([f"KERAS_BACKEND={engine}"] if engine else [])]
    return subprocess.Popen(
        [*own, python, "-W", "ignore", "-c", CHILD, *arguments],
        cwd=checkout,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def round_s(process: subprocess.Popen[str]) -> float:
    """Seconds of one round."""
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write("\n")
    process.stdin.flush()
    return float(process.stdout.readline())


def pair(both: list[subprocess.Popen[str]], seconds: float) -> float:
    """The newer one's speed as a share of the older one's: the logarithm's median."""
    for process in both + both:  # compiles
        round_s(process)
    found, end = [], time.monotonic() + seconds
    while time.monotonic() < end or len(found) < 5:
        taken = {}
        for i in random.sample((0, 1), 2):
            taken[i] = round_s(both[i])
        found.append(math.log(taken[0] / taken[1]))
    return statistics.median(found)


def main(old: str, new: str, row: str, python: str, *asked: str) -> None:
    """The pairs of processes, and what they say together."""
    workload, mode, seconds, times, *_ = [*asked, *("15", "3")[len(asked) - 2 :]]
    logarithms = []
    for _ in range(int(times)):
        both = [program(checkout, python, [row, workload, mode]) for checkout in (old, new)]
        logarithms.append(pair(both, float(seconds)))
        for process in both:
            process.kill()
    mean = statistics.mean(logarithms)
    error = statistics.stdev(logarithms) / math.sqrt(len(logarithms))
    half = stats.t.ppf(0.975, len(logarithms) - 1) * error
    each = ", ".join(f"{math.exp(value):.3f}" for value in logarithms)
    low, high = math.exp(mean - half), math.exp(mean + half)
    print(f"{row} {workload} {mode}: {math.exp(mean):.3f} [{low:.3f}, {high:.3f}] of {each}")


if __name__ == "__main__":
    main(*sys.argv[1:])
